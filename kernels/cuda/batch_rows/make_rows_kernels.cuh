// Sides to rows: keys; (a stable sort;) ends; (their running maximum;) fresh steps; (their running sum;) windows; steps. One thread per side or row.
// Integers alone: results do not depend on any order.
#pragma once

#include <cmath>

#include "kernels/cuda/batch_rows/config.cuh"
#include "kernels/cuda/batch_rows/params.hpp"

namespace segpref::cuda {

/// Whether any member of the list looks at the pair's steps.
SEGPREF_DEVICE bool uses_steps(const BatchRowsParams& p, std::int64_t list, std::int64_t pair) {
  if (p.all_pairs) return true;
  const bool is_shared = p.num_lists == 1 && p.batch.weights.member_stride > 0;
  const std::int64_t end = is_shared ? p.batch.num_members : list + 1;
  for (std::int64_t member = list; member < end; ++member)
    if (p.batch.weights(member, pair) > 0.0) return true;
  return false;
}

/// Grid (sides).
template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads) side_keys_kernel(const __grid_constant__ BatchRowsParams p) {
  const std::int64_t side = std::int64_t{blockIdx.x} * Tile::num_threads + threadIdx.x;
  if (side >= p.num_sides()) return;
  const std::int64_t list = side / p.sides_per_list(), pair = p.batch.pair_at(list, side % p.sides_per_list() / 2);
  const std::int64_t segment = p.batch.segment_of(pair, static_cast<int>(side % 2)), begin = p.batch.segment_begin(segment);
  p.keys[side] = static_cast<std::uint64_t>(list * p.steps_per_list() + begin);
  p.sides[side] = static_cast<std::uint32_t>(side);
  p.lengths[side] = uses_steps(p, list, pair) ? p.batch.segment_end(segment) - begin : 0;
}

/// Grid (sides).
template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads) side_ends_kernel(const __grid_constant__ BatchRowsParams p) {
  const std::int64_t i = std::int64_t{blockIdx.x} * Tile::num_threads + threadIdx.x;
  if (i < p.num_sides()) p.sorted_ends[i] = static_cast<std::int64_t>(p.sorted_begins[i]) + p.lengths[p.by_begin[i]];
}

/// Grid (sides). What the list before reaches ends before this one's first step.
template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads) fresh_steps_kernel(const __grid_constant__ BatchRowsParams p) {
  const std::int64_t i = std::int64_t{blockIdx.x} * Tile::num_threads + threadIdx.x;
  if (i >= p.num_sides()) return;
  const std::int64_t begin = static_cast<std::int64_t>(p.sorted_begins[i]), reached = i == 0 ? 0 : p.reach[i - 1];
  p.fresh[i] = larger(p.sorted_ends[i] - larger(begin, reached), std::int64_t{0});
}

/// The rows of one list.
struct RowsOfList {
  std::int64_t first_side, before, num_needed;  ///< in sorted order; rows of the lists before; rows of this one
  bool fits;

  SEGPREF_DEVICE RowsOfList(const BatchRowsParams& p, std::int64_t list)
      : first_side(list * p.sides_per_list()), before(list == 0 ? 0 : p.rows_through[first_side - 1]), num_needed(p.rows_through[first_side + p.sides_per_list() - 1] - before),
        fits(num_needed <= p.row_capacity) {}
};

/// Grid (sides). Rows up to what is reached are the newest ones, one per step without a gap from this side's begin on.
template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads) row_windows_kernel(const __grid_constant__ BatchRowsParams p) {
  const std::int64_t i = std::int64_t{blockIdx.x} * Tile::num_threads + threadIdx.x;
  if (i >= p.num_sides()) return;
  const std::int64_t side = p.by_begin[i], list = side / p.sides_per_list(), first_row = list * p.row_capacity;
  const RowsOfList rows(p, list);
  const std::int64_t through = p.rows_through[i] - rows.before, steps_to_reach = p.reach[i] - static_cast<std::int64_t>(p.sorted_begins[i]);
  const std::int64_t begin = first_row + (rows.fits ? through - steps_to_reach : 0);
  const std::int64_t length = rows.fits ? p.lengths[side] : smaller(p.lengths[side], std::int64_t{1});
  p.row_begins[side] = p.sorted_row_begins[i] = begin;
  p.row_lengths[side] = length;
  p.sorted_row_ends[i] = begin + length;
  p.row_reach[i] = first_row + (rows.fits ? through : 1);
  if (i != rows.first_side) return;
  p.num_needed[list] = rows.num_needed;
  p.num_rows[list] = rows.fits ? rows.num_needed : 0;
}

/// Grid (row_capacity, lists). A row is found by the side that brought it along.
template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads) row_steps_kernel(const __grid_constant__ BatchRowsParams p) {
  const std::int64_t row = std::int64_t{blockIdx.x} * Tile::num_threads + threadIdx.x, list = blockIdx.y;
  const RowsOfList rows(p, list);
  if (!rows.fits && row == 0) {
    const std::int64_t end = p.num_lists == 1 ? p.batch.num_members : list + 1;
    for (std::int64_t member = list; member < end; ++member) p.rewards[member * p.row_capacity] = NAN;
  }
  if (!rows.fits || row >= rows.num_needed) return;
  std::int64_t low = rows.first_side, high = rows.first_side + p.sides_per_list() - 1;  // the first side that goes beyond the row is in [low, high]
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    if (p.rows_through[middle] - rows.before > row) high = middle;
    else low = middle + 1;
  }
  const std::int64_t rows_behind = p.rows_through[low] - rows.before - row;  // up to the end of that side, which is what is reached there
  p.steps[list * p.row_capacity + row] = p.reach[low] - rows_behind - list * p.steps_per_list();
}

}  // namespace segpref::cuda
