// The sums of one layer for a tile of rows, in the registers of the block.
#pragma once

#include "kernels/cuda/reward_mlp/config.cuh"

namespace segpref::cuda {

template <class Tile>
class ChainSums {
  using Operands = typename Tile::Operands;
  using Element = typename Tile::Element;

 public:
  /// @param lane  the thread's own; an opaque one where kernels are short of registers between phases
  SEGPREF_DEVICE explicit ChainSums(int lane = lane_of_thread())
      : lane_(lane), first_row_(warp_of_thread() / Tile::warps_along_columns * Tile::row_tiles * SumsTile::side),
        first_column_(warp_of_thread() % Tile::warps_along_columns * Tile::tiles_per_band * SumsTile::side) {}

  SEGPREF_DEVICE void clear() {
    SEGPREF_UNROLL
    for (SumsTile& sums : sums_) sums.clear();
  }

  /// Adds the product of columns [k, k + slab) of the activations with a slab of weights, to the sums of its band, which the compiler knows. Warps whose
  /// columns of it lie beyond the layer have nothing to do.
  template <bool is_forward>
  SEGPREF_DEVICE void multiply_add(const Element* activations, int k, const Element* slab, int num_columns, int band = 0) {
    if (band * Tile::band_width + first_column_ >= num_columns) return;
    SEGPREF_UNROLL
    for (int in_slab = 0; in_slab < Tile::slab; in_slab += SumsTile::side) {
      typename Operands::A a[Tile::row_tiles];
      SEGPREF_UNROLL
      for (int i = 0; i < Tile::row_tiles; ++i) Operands::template load_a<typename Tile::Layout>(a[i], activations, first_row_ + SumsTile::side * i, k + in_slab, lane_);
      SEGPREF_UNROLL
      for (int j = 0; j < Tile::tiles_per_band; ++j) {
        typename Operands::B b;
        const int column = first_column_ + SumsTile::side * j;
        if constexpr (is_forward) Operands::template load_b_transposed<typename Tile::ForwardSlab>(b, slab, column, in_slab, lane_);
        else Operands::template load_b<typename Tile::BackwardSlab>(b, slab, column, in_slab, lane_);
        SEGPREF_UNROLL
        for (int i = 0; i < Tile::row_tiles; ++i) Operands::multiply_add(sums_[i * Tile::column_tiles + band * Tile::tiles_per_band + j], a[i], b);
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
  SEGPREF_DEVICE int column_of(int tile, int pair) const {
    const int in_row = tile % Tile::column_tiles, band = Tile::bands == 1 ? 0 : in_row / Tile::tiles_per_band;
    return band * Tile::band_width + first_column_ + (in_row - band * Tile::tiles_per_band) * SumsTile::side + SumsTile::column_of(lane_, pair);
  }

  int lane_, first_row_, first_column_;  // the column in every band
  SumsTile sums_[num_tiles];  // row by row
};

}  // namespace segpref::cuda
