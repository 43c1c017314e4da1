// Backward pass of one member on a tile of rows: gradients of rewards to gradients of all pre-activations.
//   reads    gradients of rewards, raw outputs, slopes; weights of all layers but the first once per tile, from the second-level cache
//   writes   gradients of raw outputs and of pre-activations, the latter as operands
//   on chip  as the forward kernel; it has the same tile, so that slopes come back to the thread that made them
//   order    units in order, then as tensor cores do
// A row whose gradient is 0 gets 0 behind the output too, whatever it holds. Its gradients of pre-activations may be NaN: who sums over rows leaves
// such rows out.
#pragma once

#include "kernels/cuda/reward_mlp/activations.cuh"
#include "kernels/cuda/reward_mlp/chain_storage.cuh"
#include "kernels/cuda/reward_mlp/chain_sums.cuh"
#include "kernels/cuda/reward_mlp/kept_slopes.cuh"
#include "kernels/cuda/reward_mlp/tile_rows.cuh"
#include "kernels/cuda/reward_mlp/weight_slabs.cuh"

namespace segpref::cuda {

template <class Tile>
class MlpBackward {
  using Operands = typename Tile::Operands;
  using Element = typename Tile::Element;
  using Pair = typename Operands::Pair;
  using Storage = typename Tile::SharedStorage;

 public:
  SEGPREF_DEVICE MlpBackward(const MlpBackwardParams& p, const TileRows& place, Storage& shared) : p_(p), place_(place), shared_(shared) {}

  SEGPREF_DEVICE void run() {
    WeightSlabs<Tile, false> slabs(p_.shape, p_.packed, place_.member, shared_);
    load_output_weights<Tile>(p_.shape, p_.parameters, place_.member, shared_);
    start_row();
    __syncthreads();  // vectors and gradients of rows are there

    // The last layer: an outer product
    sums_.for_each_pair([&](int row, int column, float& x, float& y, int) {
      const float2 weight = *reinterpret_cast<const float2*>(&shared_.weight_out[column]);
      x = shared_.row_values[row] * weight.x;
      y = shared_.row_values[row] * weight.y;
    });
    int layer = p_.shape.num_hidden - 1;
    finish_layer(layer);
    for (; layer > 0; --layer) {
      sums_.clear();
      SEGPREF_UNROLL_BY(1)
      for (int k = 0; k < p_.shape.padded_width[layer + 1]; k += Tile::slab)
        SEGPREF_UNROLL
        for (int band = 0; band < Tile::bands; ++band) {
          if (band >= Tile::bands_of(p_.shape.padded_width[layer])) break;
          const Element* slab = slabs.take();
          sums_.template multiply_add<false>(shared_.tile, k, slab, p_.shape.padded_width[layer], band);
        }
      __syncthreads();  // the tile may be overwritten
      finish_layer(layer - 1);
    }
    slabs.end();
  }

 private:
  SEGPREF_DEVICE void start_row() const {
    const auto row = static_cast<int>(threadIdx.x);
    if (row >= Tile::rows) return;
    float grad_raw = 0.0f;
    if (row < place_.num_rows) {
      const std::int64_t at = place_.member * p_.rows.row_capacity + place_.first_row + row;
      const float grad_reward = p_.grad_rewards[at];
      if (grad_reward != 0) grad_raw = grad_reward * output_of(p_.formula, p_.kept.raw[at]).slope;
      p_.grad_raw[at] = grad_raw;
    }
    shared_.row_values[row] = grad_raw;
  }

  /// Sums are gradients of the layer's activations: times slopes they go into the tile, and to memory.
  SEGPREF_DEVICE void finish_layer(int layer) {
    const bool are_bits = p_.formula.has_bit_slopes();
    const KeptSlopes<Tile> kept(p_.shape, p_.kept.slopes, are_bits, p_.rows.row_capacity, place_.member, layer);
    if (are_bits) {
      SlopeBits<Tile> bits;
      kept.load(bits);
      finish_layer_with([&](int index) {
        return float2{bits.get(2 * index) ? 1.0f : p_.formula.leaky_slope, bits.get(2 * index + 1) ? 1.0f : p_.formula.leaky_slope};
      });
    } else {
      finish_layer_with([&](int index) { return Operands::widen_pair(kept.pair(index)); });
    }
    __syncthreads();  // the layer's gradients are there
    const int columns = p_.shape.padded_width[layer + 1];
    store_rows<Tile>(shared_, place_.num_rows, columns,
                     static_cast<Element*>(p_.grad_hidden) + p_.shape.activations_of(layer, place_.member, p_.rows.row_capacity) + place_.first_row * columns);
  }

  template <class SlopeOf>
  SEGPREF_DEVICE void finish_layer_with(SlopeOf slope_of) {
    sums_.for_each_pair([&](int row, int column, float& x, float& y, int index) {
      const float2 slope = slope_of(index);
      const Pair pair = Operands::round_pair(x * slope.x, y * slope.y);
      *reinterpret_cast<Pair*>(shared_.tile + Tile::Layout::index(row, column)) = pair;
    });
  }

  const MlpBackwardParams& p_;
  const TileRows& place_;
  Storage& shared_;
  ChainSums<Tile> sums_;
};

/// Grid (tiles of row_capacity, members); dynamic shared memory: Tile::SharedStorage.
template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads, 1) mlp_backward_kernel(const __grid_constant__ MlpBackwardParams p) {
  SEGPREF_DYNAMIC_SHARED(typename Tile::SharedStorage, shared);
  const TileRows place = TileRows::of_block<Tile>(p.rows);
  if (place.num_rows == 0) return;
  MlpBackward<Tile> block(p, place, shared);
  block.run();
}

}  // namespace segpref::cuda
