// The sums of one layer for a tile of rows, in the registers of the block; and the slopes of its units, kept in the same order: the thread that made a
// value is the thread that needs its slope. No layout changes, everything is coalesced, and activations need not be read again.
#pragma once

#include "kernels/cuda/reward_mlp/config.cuh"
#include "kernels/cuda/reward_mlp/params.hpp"

namespace segpref::cuda {

template <class Tile>
class ChainSums {
  using Operands = typename Tile::Operands;
  using Element = typename Tile::Element;

 public:
  SEGPREF_DEVICE ChainSums()
      : lane_(lane_of_thread()), first_row_(warp_of_thread() / Tile::warps_along_columns * Tile::row_tiles * SumsTile::side),
        first_column_(warp_of_thread() % Tile::warps_along_columns * Tile::column_tiles * SumsTile::side) {}

  SEGPREF_DEVICE void clear() {
    SEGPREF_UNROLL
    for (SumsTile& sums : sums_) sums.clear();
  }

  /// Adds the product of columns [k, k + slab) of the activations with a slab of weights. Warps whose columns lie beyond the layer have nothing to do.
  template <bool is_forward>
  SEGPREF_DEVICE void multiply_add(const Element* activations, int k, const Element* slab, int num_columns) {
    if (first_column_ >= num_columns) return;
    SEGPREF_UNROLL
    for (int in_slab = 0; in_slab < Tile::slab; in_slab += SumsTile::side) {
      typename Operands::A a[Tile::row_tiles];
      SEGPREF_UNROLL
      for (int i = 0; i < Tile::row_tiles; ++i) Operands::template load_a<typename Tile::Layout>(a[i], activations, first_row_ + SumsTile::side * i, k + in_slab, lane_);
      SEGPREF_UNROLL
      for (int j = 0; j < Tile::column_tiles; ++j) {
        typename Operands::B b;
        const int column = first_column_ + SumsTile::side * j;
        if constexpr (is_forward) Operands::template load_b_transposed<typename Tile::ForwardSlab>(b, slab, column, in_slab, lane_);
        else Operands::template load_b<typename Tile::BackwardSlab>(b, slab, column, in_slab, lane_);
        SEGPREF_UNROLL
        for (int i = 0; i < Tile::row_tiles; ++i) Operands::multiply_add(sums_[i * Tile::column_tiles + j], a[i], b);
      }
    }
  }

  /// Calls f(row, column, x, y, index) for this thread's pairs of neighbouring columns. `index` counts them, and is known to the compiler;
  /// pairs of the same row have the same row_slot(index).
  template <class F>
  SEGPREF_DEVICE void for_each_pair(F f) {
    SEGPREF_UNROLL
    for (int i = 0; i < num_tiles; ++i)
      SEGPREF_UNROLL
      for (int pair = 0; pair < SumsTile::pairs; ++pair)
        f(row_of(i, pair), column_of(i, pair), sums_[i].values[2 * pair], sums_[i].values[2 * pair + 1], i * SumsTile::pairs + pair);
  }

  /// The same, f(row, column, x, y, index), as a loop with one body, for an f that is long: a register cannot be chosen by a number, so sums move
  /// along, and f always takes the first pair. They are spent.
  template <class F>
  SEGPREF_DEVICE void spend_each_pair(F f) {
    SEGPREF_UNROLL_BY(1)
    for (int i = 0; i < num_tiles; ++i) {
      SEGPREF_UNROLL_BY(1)
      for (int pair = 0; pair < SumsTile::pairs; ++pair) {
        f(row_of(i, pair), column_of(i, pair), sums_[0].values[0], sums_[0].values[1], i * SumsTile::pairs + pair);
        SEGPREF_UNROLL
        for (int v = 0; v + 2 < 2 * SumsTile::pairs; ++v) sums_[0].values[v] = sums_[0].values[v + 2];
      }
      SEGPREF_UNROLL
      for (int next = 0; next + 1 < num_tiles; ++next) sums_[next] = sums_[next + 1];
    }
  }

  static constexpr int num_tiles = Tile::row_tiles * Tile::column_tiles;
  static constexpr int row_slots = 2 * Tile::row_tiles;  ///< rows that a thread has a part of
  static constexpr int pairs_per_slots = Tile::column_tiles * SumsTile::pairs;  ///< pairs of two neighbouring slots, which take turns
  static SEGPREF_DEVICE constexpr int row_slot(int index) { return index / pairs_per_slots * 2 + index % 2; }
  SEGPREF_DEVICE int row_of_slot(int slot) const { return first_row_ + slot / 2 * SumsTile::side + SumsTile::row_of(lane_, slot % 2); }

 private:
  SEGPREF_DEVICE int row_of(int tile, int pair) const { return first_row_ + tile / Tile::column_tiles * SumsTile::side + SumsTile::row_of(lane_, pair); }
  SEGPREF_DEVICE int column_of(int tile, int pair) const { return first_column_ + tile % Tile::column_tiles * SumsTile::side + SumsTile::column_of(lane_, pair); }

  int lane_, first_row_, first_column_;
  SumsTile sums_[num_tiles];  // row by row
};

/// A bit per unit: its pre-activation was positive.
template <class Tile>
struct SlopeBits {
  std::uint32_t words[Tile::slope_words] = {};

  SEGPREF_DEVICE void set(int unit, bool is_positive) { words[unit / 32] |= static_cast<std::uint32_t>(is_positive) << unit % 32; }
  SEGPREF_DEVICE bool get(int unit) const { return (words[unit / 32] >> unit % 32 & 1u) != 0; }
};

/// Where the slopes of one tile's layer are kept: words or pairs of all threads side by side.
template <class Tile>
class KeptSlopes {
  using Pair = typename Tile::Operands::Pair;

 public:
  SEGPREF_DEVICE KeptSlopes(const MlpShape& shape, void* slopes, bool are_bits, std::int64_t row_capacity, std::int64_t member, int layer) {
    const std::int64_t tile = (member * shape.num_hidden + layer) * Tile::num_tiles(row_capacity) + blockIdx.x;
    begin_ = static_cast<unsigned char*>(slopes) + tile * Tile::slope_bytes(are_bits);
  }

  SEGPREF_DEVICE void store(const SlopeBits<Tile>& bits) const {
    SEGPREF_UNROLL
    for (int i = 0; i < Tile::slope_words; ++i) reinterpret_cast<std::uint32_t*>(begin_)[i * Tile::num_threads + threadIdx.x] = bits.words[i];
  }
  SEGPREF_DEVICE void load(SlopeBits<Tile>& bits) const {
    SEGPREF_UNROLL
    for (int i = 0; i < Tile::slope_words; ++i) bits.words[i] = reinterpret_cast<const std::uint32_t*>(begin_)[i * Tile::num_threads + threadIdx.x];
  }
  /// The slopes of pair `index`, as operands.
  SEGPREF_DEVICE Pair& pair(int index) const { return reinterpret_cast<Pair*>(begin_)[index * Tile::num_threads + threadIdx.x]; }

 private:
  unsigned char* begin_;
};

/// Copies the columns of a layer from the tile to an array of rows [.., num_columns], 16 bytes at a time.
template <class Tile>
SEGPREF_DEVICE void store_rows(const typename Tile::SharedStorage& shared, int num_rows, int num_columns, typename Tile::Element* to) {
  const int copies_per_row = num_columns / Tile::elements_per_copy;
  SEGPREF_UNROLL_BY(4)
  for (int i = static_cast<int>(threadIdx.x); i < num_rows * copies_per_row; i += Tile::num_threads) {
    const int row = i / copies_per_row, column = i % copies_per_row * Tile::elements_per_copy;
    *reinterpret_cast<uint4*>(to + std::int64_t{row} * num_columns + column) = *reinterpret_cast<const uint4*>(shared.tile + Tile::Layout::index(row, column));
  }
}

/// Biases and the output's weights, zero beyond the layers' widths. A barrier follows before anyone reads them.
template <class Tile>
SEGPREF_DEVICE void load_vectors(const MlpShape& shape, const float* parameters, std::int64_t member, typename Tile::SharedStorage& shared) {
  const int last = shape.num_hidden;
  for (int unit = static_cast<int>(threadIdx.x); unit < Tile::width; unit += Tile::num_threads) {
    for (int layer = 0; layer < last; ++layer)
      shared.bias[layer][unit] = shape.has_bias && unit < shape.width[layer + 1] ? parameters[shape.bias_of(layer, member) + unit] : 0.0f;
    shared.weight_out[unit] = unit < shape.width[last] ? parameters[shape.weight_of(last, member) + unit] : 0.0f;
  }
}

}  // namespace segpref::cuda
