// What the host sees of the fused end of a training step.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/cuda/reward_mlp/launch.hpp"
#include "kernels/cuda/reward_mlp/reduce_adamw_params.hpp"

namespace segpref::cuda {

/// In place of mlp_reduce_grad_kernel, the optimiser and launch_pack_weights, with their bits: enqueues the kernel that adds partial sums up and steps, and, where the
/// step's number lies on the device, one that advances it. Returns the runtime's code; does not wait.
cudaError_t launch_mlp_reduce_adamw(MlpPrecision precision, const MlpReduceAdamWParams& params, cudaStream_t stream);
/// The same behind the partial sums of launch_mlp_weight_grad.
cudaError_t launch_mlp_weight_grad_adamw(MlpPrecision precision, const MlpReduceAdamWParams& params, cudaStream_t stream);

}  // namespace segpref::cuda
