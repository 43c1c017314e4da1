// Hidden weights from the flat buffer to operands: rounded once, rows padded with zeros to whole 16-byte copies. Run when weights have changed.
//   reads   every hidden weight once      writes  [num_members, packed_size], every element
#pragma once

#include "kernels/cuda/reward_mlp/config.cuh"
#include "kernels/cuda/reward_mlp/params.hpp"

namespace segpref::cuda {

/// Grid (elements of a member, members).
template <class Tile, class Operands>
__global__ void __launch_bounds__(Tile::num_threads) pack_weights_kernel(const __grid_constant__ PackWeightsParams p) {
  const MlpShape& shape = p.shape;
  const std::int64_t position = std::int64_t{blockIdx.x} * Tile::num_threads + threadIdx.x, member = blockIdx.y;
  if (position >= shape.packed_size) return;
  int layer = 0;
  while (layer + 1 < shape.num_hidden && position >= shape.packed[layer + 1]) ++layer;
  const auto in_layer = static_cast<int>(position - shape.packed[layer]);
  const int unit = in_layer / shape.padded_width[layer], input = in_layer % shape.padded_width[layer];
  const int num_in = shape.width[layer];
  const bool is_present = unit < shape.width[layer + 1] && input < num_in;
  const float weight = is_present ? p.parameters[shape.weight_of(layer, member) + std::int64_t{unit} * num_in + input] : 0.0f;
  static_cast<typename Operands::Element*>(p.packed)[member * shape.packed_size + position] = Operands::round(weight);
}

}  // namespace segpref::cuda
