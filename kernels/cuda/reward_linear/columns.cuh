// The columns of one thread, and how it loads and stores them.
#pragma once

#include "kernels/cuda/reward_linear/config.cuh"
#include "kernels/cuda/reward_linear/element_pack.cuh"

namespace segpref::cuda {

/// Columns first + load * (32 * elements_per_load) + element of this thread; those from the row's end on are missing.
template <class Tile>
struct ThreadColumns {
  static constexpr std::int64_t between_loads = std::int64_t{threads_per_warp} * Tile::elements_per_load;
  std::int64_t first;    ///< may lie behind the row's end
  std::int64_t present;  ///< row's end - first

  SEGPREF_DEVICE ThreadColumns(std::int64_t column_block, std::int64_t feature_dim)
      : first(column_block * Tile::columns_per_block + warp_of_thread() * Tile::columns_per_warp + lane_of_thread() * Tile::elements_per_load),
        present(feature_dim - first) {}

  /// Adjacent elements with none missing: they are moved together.
  SEGPREF_DEVICE bool is_whole(int load) const { return present - load * between_loads >= Tile::elements_per_load; }
  SEGPREF_DEVICE bool is_whole() const { return is_whole(Tile::loads_per_row - 1); }
  SEGPREF_DEVICE bool has(int load, int element) const { return load * between_loads + element < present; }
};

/// This thread's elements of one row.
template <class Tile, typename Element>
struct RowPart {
  ElementPack<Element, Tile::elements_per_load> packs[Tile::loads_per_row];

  /// None is missing. `row` points at the thread's first column, here and below.
  SEGPREF_DEVICE void load(const Element* row) {
    SEGPREF_UNROLL
    for (int load = 0; load < Tile::loads_per_row; ++load) packs[load].load(row + load * ThreadColumns<Tile>::between_loads);
  }
  /// After it was all zeros, which missing ones stay.
  SEGPREF_DEVICE void load_present(const ThreadColumns<Tile>& columns, const Element* row) {
    SEGPREF_UNROLL
    for (int load = 0; load < Tile::loads_per_row; ++load)
      SEGPREF_UNROLL
      for (int i = 0; i < Tile::elements_per_load; ++i)
        if (columns.has(load, i)) packs[load].load_one(i, row + load * ThreadColumns<Tile>::between_loads);
  }
  /// To an array that is written once.
  SEGPREF_DEVICE void store_present(const ThreadColumns<Tile>& columns, Element* row) const {
    SEGPREF_UNROLL
    for (int load = 0; load < Tile::loads_per_row; ++load) {
      Element* to = row + load * ThreadColumns<Tile>::between_loads;
      if (columns.is_whole(load)) {
        packs[load].store_once(to);
        continue;
      }
      SEGPREF_UNROLL
      for (int i = 0; i < Tile::elements_per_load; ++i)
        if (columns.has(load, i)) packs[load].store_one(i, to);
    }
  }
  SEGPREF_DEVICE compute_t<Element> get(int column) const { return packs[column / Tile::elements_per_load].get(column % Tile::elements_per_load); }
  SEGPREF_DEVICE void set(const compute_t<Element>* values) {
    SEGPREF_UNROLL
    for (int load = 0; load < Tile::loads_per_row; ++load) packs[load].set(values + load * Tile::elements_per_load);
  }
};

/// The same columns of a row of Reals (weights, sums), 16 bytes at a time where `is_aligned`. Missing columns are 0.
template <class Tile, typename Real>
SEGPREF_DEVICE void load_reals(const ThreadColumns<Tile>& columns, bool is_aligned, const Real* row, Real (&to)[Tile::columns_per_thread]) {
  constexpr int per_pack = 16 / static_cast<int>(sizeof(Real));
  SEGPREF_UNROLL
  for (int load = 0; load < Tile::loads_per_row; ++load) {
    const Real* from = row + load * ThreadColumns<Tile>::between_loads;
    Real* const part = to + load * Tile::elements_per_load;
    if constexpr (Tile::elements_per_load % per_pack == 0) {
      if (is_aligned && columns.is_whole(load)) {
        SEGPREF_UNROLL
        for (int i = 0; i < Tile::elements_per_load; i += per_pack) {
          ElementPack<Real, per_pack> pack;
          pack.load(from + i);
          SEGPREF_UNROLL
          for (int j = 0; j < per_pack; ++j) part[i + j] = pack.get(j);
        }
        continue;
      }
    }
    SEGPREF_UNROLL
    for (int i = 0; i < Tile::elements_per_load; ++i) part[i] = columns.has(load, i) ? from[i] : Real(0);
  }
}

/// `row` is aligned to 16 bytes at the block's first column, and has room for whole packs: missing columns may become 0.
template <class Tile, typename Real>
SEGPREF_DEVICE void store_reals(const ThreadColumns<Tile>& columns, Real* row, const Real (&from)[Tile::columns_per_thread]) {
  constexpr int reals_of_16_bytes = 16 / static_cast<int>(sizeof(Real)), per_pack = Tile::elements_per_load % reals_of_16_bytes == 0 ? reals_of_16_bytes : 1;
  SEGPREF_UNROLL
  for (int load = 0; load < Tile::loads_per_row; ++load)
    SEGPREF_UNROLL
    for (int i = 0; i < Tile::elements_per_load; i += per_pack) {
      if (!columns.has(load, i)) continue;
      ElementPack<Real, per_pack> pack;
      pack.set(from + load * Tile::elements_per_load + i);
      pack.store(row + load * ThreadColumns<Tile>::between_loads + i);
    }
}

}  // namespace segpref::cuda
