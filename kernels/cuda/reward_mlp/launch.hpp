// What the host sees of the MLP's kernels.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/cuda/reward_mlp/params.hpp"

namespace segpref::cuda {

/// What operands of the matrix products are: those of segpref::Compute. Sums are f32 in all.
enum class MlpPrecision : std::uint8_t {
  f32,  ///< split into two tf32 each: three products
  bf16,
  tf32,
  f16
};

/// Bytes of one operand: packed weights, kept inputs, activations and gradients of pre-activations.
constexpr std::int64_t operand_bytes(MlpPrecision precision) { return precision == MlpPrecision::f32 || precision == MlpPrecision::tf32 ? 4 : 2; }

/// Rows of the tiles that the chain kernels take.
int mlp_tile_rows(MlpPrecision precision, const MlpShape& shape);

/// Blocks of launch_mlp_weight_grad, of each part that the rows of a member are cut into.
int mlp_weight_grad_blocks(MlpPrecision precision, const MlpShape& shape);

/// Bytes of shared memory that a block of these kernels takes at most: a device must have as many.
std::size_t mlp_shared_bytes(MlpPrecision precision, const MlpShape& shape);

/// Bytes of MlpKept::slopes.
std::int64_t mlp_slope_bytes(MlpPrecision precision, const MlpShape& shape, bool are_bits, std::int64_t row_capacity);

// Each enqueues its kernels on the stream and returns the runtime's code; none waits. Pointers are device memory of the stream's device, aligned to
// 16 bytes where operands lie. Without rows nothing is enqueued, but gradients of weights become 0.

cudaError_t launch_pack_weights(MlpPrecision precision, const PackWeightsParams& params, cudaStream_t stream);
cudaError_t launch_mlp_forward(MlpPrecision precision, const MlpForwardParams& params, cudaStream_t stream);
cudaError_t launch_mlp_backward(MlpPrecision precision, const MlpBackwardParams& params, cudaStream_t stream);
/// Partial sums, and their sum.
cudaError_t launch_mlp_weight_grad(MlpPrecision precision, const MlpWeightGradParams& params, cudaStream_t stream);
cudaError_t launch_mlp_grad_features(MlpPrecision precision, const MlpGradFeaturesParams& params, cudaStream_t stream);
cudaError_t launch_mlp_prediction(const MlpPredictionParams& params, cudaStream_t stream);

}  // namespace segpref::cuda
