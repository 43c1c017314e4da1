// What the host sees of the optimiser's kernel.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/cuda/adamw/params.hpp"

namespace segpref::cuda {

/// Enqueues one step over all parameters. The arrays are device memory of the stream's device. No parameters: nothing is enqueued.
/// Returns the runtime's code; does not wait. A captured launch keeps its coefficients, bias corrections included.
template <typename Real>
cudaError_t launch_adamw(const AdamWParams<Real>& params, cudaStream_t stream);

}  // namespace segpref::cuda
