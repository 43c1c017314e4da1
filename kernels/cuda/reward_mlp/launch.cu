#include "kernels/cuda/reward_mlp/launch.hpp"

#include "kernels/cuda/primitives/grid_size.hpp"
#include "kernels/cuda/primitives/launch.hpp"
#include "kernels/cuda/reward_mlp/prediction_kernel.cuh"
#include "kernels/cuda/reward_mlp/reduce_kernel.cuh"
#include "kernels/cuda/reward_mlp/with_precision.cuh"

namespace segpref::cuda {

int mlp_tile_rows(MlpPrecision precision, const MlpShape& shape) {
  return with_precision(precision, [&](auto tag) { return decltype(tag)::Launchers::tile_rows(shape); });
}

int mlp_weight_grad_blocks(MlpPrecision precision, const MlpShape& shape) {
  return with_precision(precision, [&](auto tag) { return decltype(tag)::Launchers::weight_grad_blocks(shape); });
}

std::size_t mlp_shared_bytes(MlpPrecision precision, const MlpShape& shape) {
  return with_precision(precision, [&](auto tag) { return decltype(tag)::Launchers::shared_bytes(shape); });
}

std::int64_t mlp_slope_bytes(MlpPrecision precision, const MlpShape& shape, bool are_bits, std::int64_t row_capacity) {
  return with_precision(precision, [&](auto tag) { return decltype(tag)::Launchers::slope_bytes(shape, are_bits, row_capacity); });
}

cudaError_t launch_pack_weights(MlpPrecision precision, const PackWeightsParams& params, cudaStream_t stream) {
  return with_precision(precision, [&](auto tag) { return decltype(tag)::Launchers::pack_weights(params, stream); });
}

cudaError_t launch_mlp_forward(MlpPrecision precision, const MlpForwardParams& params, cudaStream_t stream) {
  return with_precision(precision, [&](auto tag) { return decltype(tag)::Launchers::forward(params, stream); });
}

cudaError_t launch_mlp_backward(MlpPrecision precision, const MlpBackwardParams& params, cudaStream_t stream) {
  return with_precision(precision, [&](auto tag) { return decltype(tag)::Launchers::backward(params, stream); });
}

cudaError_t launch_mlp_weight_grad(MlpPrecision precision, const MlpWeightGradParams& params, cudaStream_t stream) {
  const cudaError_t code = with_precision(precision, [&](auto tag) { return decltype(tag)::Launchers::weight_grad(params, stream); });
  if (code != cudaSuccess) return code;
  using Tile = MlpElementsTile;
  return launch_kernel(mlp_reduce_grad_kernel<Tile>, num_blocks(params.shape.num_parameters, Tile::num_threads), Tile::num_threads, 0, stream, params);
}

cudaError_t launch_mlp_grad_features(MlpPrecision precision, const MlpGradFeaturesParams& params, cudaStream_t stream) {
  return with_precision(precision, [&](auto tag) { return decltype(tag)::Launchers::grad_features(params, stream); });
}

cudaError_t launch_mlp_prediction(const MlpPredictionParams& params, cudaStream_t stream) {
  using Tile = MlpElementsTile;
  if (params.num_rows == 0) return cudaSuccess;
  return launch_kernel(mlp_prediction_kernel<Tile>, num_blocks(params.num_rows, Tile::num_threads), Tile::num_threads, 0, stream, params);
}

}  // namespace segpref::cuda
