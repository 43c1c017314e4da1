#include "kernels/cuda/reward_mlp/launch_resident.hpp"

#include <algorithm>

#include "kernels/cuda/preference_loss/launch.hpp"
#include "kernels/cuda/primitives/grid_size.hpp"
#include "kernels/cuda/primitives/launch.hpp"
#include "kernels/cuda/reward_mlp/reduce_kernel.cuh"
#include "kernels/cuda/reward_mlp/resident_config.cuh"
#include "kernels/cuda/reward_mlp/resident_launchers.hpp"

namespace segpref::cuda {
namespace {

using AnyTile = ResidentTile<Bf16Operands, 2, true>;  // all have its rows and width

/// Of f32 or bf16: the others have no launcher.
template <class F>
auto with_precision(MlpPrecision precision, F f) {
  return precision == MlpPrecision::bf16 ? f(MlpResidentLaunchers<Bf16Operands>()) : f(MlpResidentLaunchers<SplitTf32Operands>());
}

}  // namespace

std::string why_not_resident(const MlpResidentCapacity& capacity) {
  const auto at_most = [](const std::string& what, std::int64_t value, std::int64_t most) {
    return what + " = " + std::to_string(value) + " is more than " + std::to_string(most);
  };
  const MlpShape& shape = capacity.shape;
  if (capacity.precision != MlpPrecision::f32 && capacity.precision != MlpPrecision::bf16) return "products are of f32 or bf16 operands there";
  if (capacity.wants_grad_features) return "gradients of features are asked for";
  if (capacity.wants_scores) return "scores of segments are asked for";
  if (shape.width[0] > AnyTile::width) return at_most("feature_dim", shape.width[0], AnyTile::width);
  for (int layer = 0; layer < shape.num_hidden; ++layer)
    if (shape.width[layer + 1] > AnyTile::width) return at_most("hidden[" + std::to_string(layer) + "]", shape.width[layer + 1], AnyTile::width);
  if (capacity.max_segment_steps == 0) return "max_segment_steps is not known";
  if (capacity.max_segment_steps > AnyTile::rows / 2) return at_most("max_segment_steps", capacity.max_segment_steps, AnyTile::rows / 2);
  const std::size_t bytes = with_precision(capacity.precision, [&](auto launchers) { return launchers.shared_bytes(shape.num_hidden, capacity.has_bit_slopes); });
  const std::int64_t most_bytes = std::min<std::int64_t>(max_shared_bytes, capacity.shared_memory_per_block);
  if (static_cast<std::int64_t>(bytes) > most_bytes) return at_most("shared memory", static_cast<std::int64_t>(bytes), most_bytes) + " bytes";
  return "";
}

MlpResidentGrid mlp_resident_grid(const MlpResidentCapacity& capacity, int num_multiprocessors) {
  MlpResidentGrid grid;
  grid.segment_rows = static_cast<int>(capacity.max_segment_steps);
  grid.pairs_per_tile = AnyTile::rows / (2 * grid.segment_rows);
  const std::int64_t num_tiles = (capacity.num_batch_pairs + grid.pairs_per_tile - 1) / grid.pairs_per_tile;
  const int per_multiprocessor = with_precision(capacity.precision, [&](auto launchers) { return launchers.blocks_per_multiprocessor(capacity.shape.num_hidden); });
  const std::int64_t at_once = num_multiprocessors * std::int64_t{per_multiprocessor} / capacity.shape.num_members;
  grid.num_blocks = static_cast<int>(std::max(std::int64_t{1}, std::min(num_tiles, at_once)));
  return grid;
}

cudaError_t launch_mlp_resident(MlpPrecision precision, const MlpResidentParams& params, cudaStream_t stream) {
  cudaError_t code = with_precision(precision, [&](auto launchers) { return launchers.step(params, stream); });
  if (code != cudaSuccess) return code;
  PairSumsParams<float> sums = params.sums;
  sums.num_members = params.shape.num_members;
  sums.num_blocks = params.grid.num_blocks;
  sums.block_sums = params.pairs.block_sums;
  code = launch_pair_sums(sums, stream);
  if (code != cudaSuccess || params.gradients == nullptr) return code;
  using Tile = MlpManyPartsTile;
  return launch_kernel(mlp_reduce_grad_kernel<Tile>, num_blocks(params.shape.num_parameters, Tile::columns), Tile::num_threads, 0, stream, params.parts());
}

}  // namespace segpref::cuda
