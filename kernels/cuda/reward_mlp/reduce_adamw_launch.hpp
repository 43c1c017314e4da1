// What the host sees of the fused end of a training step.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/cuda/reward_mlp/launch.hpp"
#include "kernels/cuda/reward_mlp/reduce_adamw_params.hpp"

namespace segpref::cuda {

/// In place of launch_mlp_weight_grad, the optimiser and launch_pack_weights, with their bits: enqueues the partial sums, then the kernel that adds them up and
/// steps, and, where the step's number lies on the device, one that advances it. Returns the runtime's code; does not wait.
cudaError_t launch_mlp_weight_grad_adamw(MlpPrecision precision, const MlpReduceAdamWParams& params, cudaStream_t stream);

}  // namespace segpref::cuda
