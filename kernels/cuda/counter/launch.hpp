// What the host sees of counters on the device.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace segpref::cuda {

/// Enqueues ++*counter. Returns the runtime's code; does not wait.
/// @param counter  [1] in memory of the stream's device
cudaError_t launch_advance_counter(std::int64_t* counter, cudaStream_t stream);

}  // namespace segpref::cuda
