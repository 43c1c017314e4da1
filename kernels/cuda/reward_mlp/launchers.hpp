// The launchers of one precision. launch_*.cu compile one each; launch.cu picks.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/cuda/reward_mlp/params.hpp"

namespace segpref::cuda {

template <class Operands>
struct MlpLaunchers {
  static int tile_rows(const MlpShape& shape);
  /// Of a block, the most of all kernels.
  static std::size_t shared_bytes(const MlpShape& shape);
  static int weight_grad_blocks(const MlpShape& shape);
  static std::int64_t slope_bytes(const MlpShape& shape, bool are_bits, std::int64_t row_capacity);
  static cudaError_t pack_weights(const PackWeightsParams& params, cudaStream_t stream);
  static cudaError_t forward(const MlpForwardParams& params, cudaStream_t stream);
  static cudaError_t backward(const MlpBackwardParams& params, cudaStream_t stream);
  /// Partial sums alone.
  static cudaError_t weight_grad(const MlpWeightGradParams& params, cudaStream_t stream);
  static cudaError_t grad_features(const MlpGradFeaturesParams& params, cudaStream_t stream);
};

}  // namespace segpref::cuda
