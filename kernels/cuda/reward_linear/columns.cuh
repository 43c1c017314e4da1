// The columns of one thread, and how it loads and stores them.
#pragma once

#include "kernels/cuda/primitives/convert.cuh"
#include "kernels/cuda/reward_linear/config.cuh"

namespace segpref::cuda {

/// Adjacent elements that one instruction moves.
template <typename T, int count>
struct alignas(sizeof(T) * count) ElementPack {
  T at[count];
};

/// Columns first + load * (32 * elements_per_load) + element of this thread; those from the row's end on are missing.
template <class Tile>
struct ThreadColumns {
  static constexpr std::int64_t between_loads = std::int64_t{threads_per_warp} * Tile::elements_per_load;
  std::int64_t first;    ///< may lie behind the row's end
  std::int64_t present;  ///< row's end - first

  SEGPREF_DEVICE ThreadColumns(std::int64_t column_block, std::int64_t feature_dim)
      : first(column_block * Tile::columns_per_block + warp_of_thread() * Tile::columns_per_warp + lane_of_thread() * Tile::elements_per_load),
        present(feature_dim - first) {}

  /// A load of adjacent elements with none missing: packs may be used.
  SEGPREF_DEVICE bool is_whole(int load) const { return present - load * between_loads >= Tile::elements_per_load; }
  SEGPREF_DEVICE bool has(int load, int element) const { return load * between_loads + element < present; }
};

/// `row` points at the thread's first column. Missing columns yield 0.
template <class Tile, typename Element>
SEGPREF_DEVICE void load_columns(const ThreadColumns<Tile>& columns, const Element* row, ElementPack<Element, Tile::elements_per_load> (&to)[Tile::loads_per_row]) {
  using Pack = ElementPack<Element, Tile::elements_per_load>;
  SEGPREF_UNROLL
  for (int load = 0; load < Tile::loads_per_row; ++load) {
    const Element* from = row + load * ThreadColumns<Tile>::between_loads;
    to[load] = Pack{};
    if (columns.is_whole(load)) {
      to[load] = *reinterpret_cast<const Pack*>(from);
    } else if constexpr (Tile::elements_per_load > 1) {
      SEGPREF_UNROLL
      for (int i = 0; i < Tile::elements_per_load; ++i)
        if (columns.has(load, i)) to[load].at[i] = from[i];
    }
  }
}

template <class Tile, typename Element>
SEGPREF_DEVICE void store_columns(const ThreadColumns<Tile>& columns, Element* row, const ElementPack<Element, Tile::elements_per_load> (&from)[Tile::loads_per_row]) {
  using Pack = ElementPack<Element, Tile::elements_per_load>;
  SEGPREF_UNROLL
  for (int load = 0; load < Tile::loads_per_row; ++load) {
    Element* to = row + load * ThreadColumns<Tile>::between_loads;
    if (columns.is_whole(load)) {
      *reinterpret_cast<Pack*>(to) = from[load];
    } else if constexpr (Tile::elements_per_load > 1) {
      SEGPREF_UNROLL
      for (int i = 0; i < Tile::elements_per_load; ++i)
        if (columns.has(load, i)) to[i] = from[load].at[i];
    }
  }
}

/// A row of Reals beside the features' (weights, sums), 16 bytes at a time where `is_aligned`.
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
          const auto pack = *reinterpret_cast<const ElementPack<Real, per_pack>*>(from + i);
          SEGPREF_UNROLL
          for (int j = 0; j < per_pack; ++j) part[i + j] = pack.at[j];
        }
        continue;
      }
    }
    SEGPREF_UNROLL
    for (int i = 0; i < Tile::elements_per_load; ++i) part[i] = columns.has(load, i) ? from[i] : Real(0);
  }
}

/// `row` is aligned to 16 bytes at the block's first column.
template <class Tile, typename Real>
SEGPREF_DEVICE void store_reals(const ThreadColumns<Tile>& columns, Real* row, const Real (&from)[Tile::columns_per_thread]) {
  constexpr int per_pack = 16 / static_cast<int>(sizeof(Real));
  SEGPREF_UNROLL
  for (int load = 0; load < Tile::loads_per_row; ++load) {
    Real* to = row + load * ThreadColumns<Tile>::between_loads;
    const Real* const part = from + load * Tile::elements_per_load;
    if constexpr (Tile::elements_per_load % per_pack == 0) {
      if (columns.is_whole(load)) {
        SEGPREF_UNROLL
        for (int i = 0; i < Tile::elements_per_load; i += per_pack) {
          ElementPack<Real, per_pack> pack;
          SEGPREF_UNROLL
          for (int j = 0; j < per_pack; ++j) pack.at[j] = part[i + j];
          *reinterpret_cast<ElementPack<Real, per_pack>*>(to + i) = pack;
        }
        continue;
      }
    }
    SEGPREF_UNROLL
    for (int i = 0; i < Tile::elements_per_load; ++i)
      if (columns.has(load, i)) to[i] = part[i];
  }
}

}  // namespace segpref::cuda
