// Launches that are refused and devices that are broken, when a test wants them.
#pragma once

#include <cuda_runtime_api.h>

namespace segpref::simt {

/// `num_good` launches are accepted, the next one is refused with this code; then all is well again.
void fail_launch_after(int num_good, cudaError_t code);

/// From now on every call that means this device returns the code, cudaGetLastError or not, as after a crash of a kernel. What was enqueued before
/// still runs: wait for it first.
void break_device(int device, cudaError_t code);
void mend_devices();

/// For the runtime's functions: what they must return.
cudaError_t failure_of_device(int device);
cudaError_t failure_of_launch(int device);

}  // namespace segpref::simt
