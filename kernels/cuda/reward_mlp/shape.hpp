// The layers of an MLP as its kernels see them: widths, where each parameter lies in the public flat buffer, and where its operands lie.
#pragma once

#include <cstdint>

#include "kernels/math/host_device.hpp"
#include "segpref/reward_model.hpp"

namespace segpref::cuda {

inline constexpr int max_hidden_layers = 4;

/// Widths are padded to this many columns wherever operands lie in memory, with zeros. Zeros stay zeros through every hidden activation, so that a
/// padded network is the same network.
inline constexpr int column_padding = 32;
SEGPREF_HOST_DEVICE constexpr int padded_columns(std::int64_t columns) { return static_cast<int>((columns + column_padding - 1) / column_padding * column_padding); }

struct MlpShape {
  int num_hidden = 0;                                ///< 1 to max_hidden_layers
  int num_members = 0;
  int width[max_hidden_layers + 1] = {};             ///< [0] features, then hidden layers
  int padded_width[max_hidden_layers + 1] = {};
  // In the flat buffer, of member 0; the last entry is the output. A member's weight lies num_out * num_in behind that of the member before.
  std::int64_t weight[max_hidden_layers + 1] = {};   ///< of [num_members, num_out, num_in]
  std::int64_t bias[max_hidden_layers + 1] = {};     ///< of [num_members, num_out]; without biases unused
  bool has_bias = true;
  std::int64_t num_parameters = 0;
  // Hidden weights as operands: layer l of a member is [padded_width[l + 1], padded_width[l]]
  std::int64_t packed[max_hidden_layers] = {};       ///< where a layer begins
  std::int64_t packed_size = 0;                      ///< elements of a member
  // Activations of hidden layers, and gradients alike: layer l is [num_members, rows, padded_width[l + 1]]
  int columns_before[max_hidden_layers] = {};        ///< padded widths of the layers before
  int hidden_columns = 0;                            ///< sum of the padded hidden widths

  SEGPREF_HOST_DEVICE int num_out(int layer) const { return layer < num_hidden ? width[layer + 1] : 1; }
  SEGPREF_HOST_DEVICE std::int64_t weight_of(int layer, std::int64_t member) const { return weight[layer] + member * num_out(layer) * width[layer]; }
  SEGPREF_HOST_DEVICE std::int64_t bias_of(int layer, std::int64_t member) const { return bias[layer] + member * num_out(layer); }
  /// Where hidden layer `layer` of a member begins in an array of `row_capacity` rows of every layer.
  SEGPREF_HOST_DEVICE std::int64_t activations_of(int layer, std::int64_t member, std::int64_t row_capacity) const {
    return (std::int64_t{columns_before[layer]} * num_members + member * padded_width[layer + 1]) * row_capacity;
  }
  SEGPREF_HOST_DEVICE int widest_hidden() const {
    int widest = 0;
    for (int l = 1; l <= num_hidden; ++l) widest = padded_width[l] > widest ? padded_width[l] : widest;
    return widest;
  }
};

/// Of a validated architecture with at least one hidden layer.
inline MlpShape mlp_shape(const RewardArchitecture& architecture) {
  MlpShape shape;
  shape.num_hidden = static_cast<int>(architecture.hidden.size());
  shape.num_members = static_cast<int>(architecture.num_members);
  shape.has_bias = architecture.bias;
  shape.width[0] = static_cast<int>(architecture.feature_dim);
  for (int l = 0; l < shape.num_hidden; ++l) shape.width[l + 1] = static_cast<int>(architecture.hidden[static_cast<std::size_t>(l)]);
  for (int l = 0; l <= shape.num_hidden; ++l) shape.padded_width[l] = padded_columns(shape.width[l]);
  for (int l = 0; l <= shape.num_hidden; ++l) {
    shape.weight[l] = shape.num_parameters;
    shape.num_parameters += std::int64_t{shape.num_members} * shape.num_out(l) * shape.width[l];
    shape.bias[l] = shape.num_parameters;
    if (shape.has_bias) shape.num_parameters += std::int64_t{shape.num_members} * shape.num_out(l);
    if (l == shape.num_hidden) break;
    shape.packed[l] = shape.packed_size;
    shape.packed_size += std::int64_t{shape.padded_width[l + 1]} * shape.padded_width[l];
    shape.columns_before[l] = shape.hidden_columns;
    shape.hidden_columns += shape.padded_width[l + 1];
  }
  return shape;
}

}  // namespace segpref::cuda
