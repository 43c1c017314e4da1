// Gradients of a member's weights and biases over all tiles of one block: sums in registers from the first tile to the last, written once.
#pragma once

#include "kernels/cuda/primitives/convert.cuh"
#include "kernels/cuda/primitives/warp.cuh"
#include "kernels/cuda/reward_mlp/resident_config.cuh"
#include "kernels/cuda/reward_mlp/weight_sums.cuh"

namespace segpref::cuda {

template <class Tile>
class ResidentWeightGrad {
  using Element = typename Tile::Element;
  using Storage = typename Tile::SharedStorage;

 public:
  SEGPREF_DEVICE ResidentWeightGrad(const MlpShape& shape, Storage& shared) : shape_(shape), shared_(shared) {}

  /// Once per block, before the first tile.
  SEGPREF_DEVICE void begin() const { column_sum(static_cast<int>(threadIdx.x)) = 0.0f; }

  /// Adds the output layer's: the rows' gradients times activations of the last hidden layer. Rows without a gradient are left out, whatever they hold.
  SEGPREF_DEVICE void add_output(int num_rows) const {
    const int thread = opaque_thread(), column = thread % Tile::width;
    const Element* const activations = shared_.tiles[shape_.num_hidden];
    float sum = column_sum(thread);
    SEGPREF_UNROLL_BY(4)
    for (int row = thread / Tile::width; row < num_rows; row += Tile::row_lanes) {
      const float grad = shared_.grad_raw[row];
      if (grad != 0) sum = multiply_add(grad, widen(activations[Tile::Layout::index(row, column)]), sum);
    }
    column_sum(thread) = sum;
  }

  /// Adds a hidden layer's: gradients of its pre-activations, which lie behind its inputs. A register cannot be chosen by a number: every layer has its
  /// own code.
  SEGPREF_DEVICE void add_hidden(int layer, int num_rows) {
    if (first_out() >= shape_.padded_width[layer + 1] || first_in() >= shape_.padded_width[layer]) return;
    const Element* const grads = shared_.tiles[layer + 1];
    const Element* const inputs = shared_.tiles[layer];
    const int lane = opaque_lane();
    SEGPREF_UNROLL
    for (int l = 0; l < Tile::most_hidden; ++l) {
      if (l != layer) continue;
      SEGPREF_UNROLL_BY(1)
      for (int row = 0; row < num_rows; row += SumsTile::side)
        hidden_[l].template add<typename Tile::Layout, typename Tile::Layout>(grads, inputs, row, first_out(), first_in(), sums_bias(), lane);
    }
  }

  /// @param partial  the block's flat buffer. A barrier is inside
  SEGPREF_DEVICE void store(std::int64_t member, float* partial) const {
    SEGPREF_UNROLL
    for (int layer = 0; layer < Tile::most_hidden; ++layer)
      if (layer < shape_.num_hidden) hidden_[layer].store(shape_, member, layer, {first_out(), first_in(), sums_bias()}, partial);
    __syncthreads();  // everyone's sums of the output layer are there
    const int last = shape_.num_hidden, column = static_cast<int>(threadIdx.x);
    if (column < shape_.width[last]) {
      float sum = 0.0f;
      SEGPREF_UNROLL
      for (int lane = 0; lane < Tile::row_lanes; ++lane) sum += shared_.column_sums[lane][column];
      partial[shape_.weight_of(last, member) + column] = sum;
    }
    if (warp_of_thread() != Tile::num_warps - 1 || !shape_.has_bias) return;
    float part = 0.0f;
    for (int row = lane_of_thread(); row < Tile::rows; row += threads_per_warp) part += shared_.grad_raw_sums[row];
    const float bias = warp_sum(part);
    if (lane_of_thread() == 0) partial[shape_.bias_of(last, member)] = bias;
  }

 private:
  /// A thread's part of the output layer's gradient: some rows of one column.
  SEGPREF_DEVICE float& column_sum(int thread) const { return shared_.column_sums[thread / Tile::width][thread % Tile::width]; }

  // The warp's tiles of every hidden layer's gradient
  static SEGPREF_DEVICE int first_out() { return warp_of_thread() / Tile::warps_along_in * Tile::out_tiles * SumsTile::side; }
  static SEGPREF_DEVICE int first_in() { return warp_of_thread() % Tile::warps_along_in * Tile::in_tiles * SumsTile::side; }
  SEGPREF_DEVICE bool sums_bias() const { return shape_.has_bias && first_in() == 0; }

  const MlpShape& shape_;
  Storage& shared_;
  WeightSums<typename Tile::Operands, Tile::out_tiles, Tile::in_tiles> hidden_[Tile::most_hidden];
};

}  // namespace segpref::cuda
