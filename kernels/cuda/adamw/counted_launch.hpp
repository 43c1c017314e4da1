// What the host sees of the optimiser's kernel for steps whose number lies on the device.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/cuda/adamw/params.hpp"

namespace segpref::cuda {

/// Enqueues one step over all parameters, with the bits of launch_adamw for the number that lies at params.step when it runs, then a kernel that adds one
/// to that number: a captured launch takes the next step at every replay. Without parameters the number is advanced all the same.
/// Returns the runtime's code; does not wait.
template <typename Real>
cudaError_t launch_counted_adamw(const CountedAdamWParams<Real>& params, cudaStream_t stream);

}  // namespace segpref::cuda
