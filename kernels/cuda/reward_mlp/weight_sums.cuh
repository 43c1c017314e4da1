// The gradient of a hidden layer's weights and biases, dW = dZ^T * inputs and dZ^T * ones, as one warp's tiles of sums in registers.
#pragma once

#include "kernels/cuda/primitives/sums_tile.cuh"
#include "kernels/cuda/reward_mlp/shape.hpp"

namespace segpref::cuda {

/// Where a warp's tiles lie: in the layer, whose units and inputs they cover, and whether it adds up the biases of its units too.
struct WeightTilePlace {
  int first_out, first_in;
  bool sums_bias;
};

template <class Operands, int out_tiles, int in_tiles>
class WeightSums {
  using Element = typename Operands::Element;

 public:
  /// Adds rows [row, row + 16) of dZ and inputs, from columns first_out and first_in of their tiles on.
  template <class OutLayout, class InLayout>
  SEGPREF_DEVICE void add(const Element* grads, const Element* inputs, int row, int first_out, int first_in, bool sums_bias, int lane) {
    typename Operands::A a[out_tiles];
    SEGPREF_UNROLL
    for (int i = 0; i < out_tiles; ++i) {
      Operands::template load_a_transposed<OutLayout>(a[i], grads, first_out + SumsTile::side * i, row, lane);
      if (sums_bias) Operands::add_row_sums(bias_sums_[i], a[i]);
    }
    SEGPREF_UNROLL
    for (int j = 0; j < in_tiles; ++j) {
      typename Operands::B b;
      Operands::template load_b<InLayout>(b, inputs, first_in + SumsTile::side * j, row, lane);
      SEGPREF_UNROLL
      for (int i = 0; i < out_tiles; ++i) Operands::multiply_add(sums_[i][j], a[i], b);
    }
  }

  /// @param partial  the flat buffer that this part of the rows is written to
  SEGPREF_DEVICE void store(const MlpShape& shape, std::int64_t member, int layer, const WeightTilePlace& place, float* partial) const {
    const int lane = lane_of_thread(), num_out = shape.width[layer + 1], num_in = shape.width[layer];
    float* const weight = partial + shape.weight_of(layer, member);
    SEGPREF_UNROLL
    for (int i = 0; i < out_tiles; ++i)
      SEGPREF_UNROLL
      for (int j = 0; j < in_tiles; ++j)
        SEGPREF_UNROLL
        for (int pair = 0; pair < SumsTile::pairs; ++pair) {
          const int out = place.first_out + SumsTile::side * i + SumsTile::row_of(lane, pair);
          const int in = place.first_in + SumsTile::side * j + SumsTile::column_of(lane, pair);
          float* const to = weight + std::int64_t{out} * num_in + in;
          if (out < num_out && in < num_in) to[0] = sums_[i][j].values[2 * pair];
          if (out < num_out && in + 1 < num_in) to[1] = sums_[i][j].values[2 * pair + 1];
        }
    if (!place.sums_bias || lane % 4 != 0) return;
    float* const bias = partial + shape.bias_of(layer, member);
    SEGPREF_UNROLL
    for (int i = 0; i < out_tiles; ++i)
      SEGPREF_UNROLL
      for (int half = 0; half < 2; ++half) {
        const int out = place.first_out + SumsTile::side * i + 8 * half + lane / 4;
        if (out < num_out) bias[out] = bias_sums_[i][2 * half];
      }
  }

 private:
  SumsTile sums_[out_tiles][in_tiles] = {};
  float bias_sums_[out_tiles][4] = {};
};

}  // namespace segpref::cuda
