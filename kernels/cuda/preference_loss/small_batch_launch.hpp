// preference_loss for given rewards in one launch.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/cuda/preference_loss/small_batch_params.hpp"

namespace segpref::cuda {

template <typename Real>
cudaError_t launch_small_batch(const SmallBatchParams<Real>& params, cudaStream_t stream);

}  // namespace segpref::cuda
