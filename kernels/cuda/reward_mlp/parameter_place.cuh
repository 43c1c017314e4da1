// Which weight or bias an element of the flat buffer is.
#pragma once

#include "kernels/cuda/primitives/compiler.cuh"
#include "kernels/cuda/reward_mlp/shape.hpp"

namespace segpref::cuda {

struct ParameterPlace {
  int layer;
  std::int64_t member;
  std::int64_t weight;  ///< in the member's [num_out, num_in] of the layer; negative: a bias

  static SEGPREF_DEVICE ParameterPlace of(const MlpShape& shape, std::int64_t position) {
    int layer = shape.num_hidden;
    while (position < shape.weight[layer]) --layer;
    const std::int64_t in_layer = position - shape.weight[layer], num_weights = std::int64_t{shape.num_out(layer)} * shape.width[layer];
    const std::int64_t in_biases = in_layer - shape.num_members * num_weights;
    if (in_biases >= 0) return {layer, in_biases / shape.num_out(layer), -1};
    const std::int64_t member = in_layer / num_weights;
    return {layer, member, in_layer - member * num_weights};
  }

  /// Whether it has an operand, and where that lies in an array [num_members, packed_size].
  SEGPREF_DEVICE bool is_packed(const MlpShape& shape) const { return weight >= 0 && layer < shape.num_hidden; }
  SEGPREF_DEVICE std::int64_t packed_position(const MlpShape& shape) const {
    const std::int64_t unit = weight / shape.width[layer], input = weight - unit * shape.width[layer];
    return member * shape.packed_size + shape.packed[layer] + unit * shape.padded_width[layer] + input;
  }
};

}  // namespace segpref::cuda
