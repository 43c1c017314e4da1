// What the host sees of the fused end of a training step.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/cuda/reward_mlp/launch.hpp"
#include "kernels/cuda/reward_mlp/reduce_adamw_params.hpp"

namespace segpref::cuda {

// In place of mlp_reduce_grad_kernel, the optimiser and launch_pack_weights, with their bits: each enqueues the kernel that adds partial sums up and steps, and, where
// the step's number lies on the device, one that advances it. Returns the runtime's code; does not wait.

/// Behind the partial sums of launch_mlp_weight_grad, which it enqueues too.
cudaError_t launch_mlp_weight_grad_adamw(MlpPrecision precision, const MlpReduceAdamWParams& params, cudaStream_t stream);
/// Behind launch_mlp_resident without gradients: `sums` are its parts().
cudaError_t launch_mlp_resident_adamw(MlpPrecision precision, const MlpReduceAdamWParams& params, cudaStream_t stream);

}  // namespace segpref::cuda
