// Results of sides and rows back to the caller's segments and steps.
#pragma once

#include "kernels/cuda/batch_rows/config.cuh"
#include "kernels/cuda/batch_rows/params.hpp"
#include "kernels/cuda/primitives/search.cuh"

namespace segpref::cuda {

/// Grid (sides of a list, members). A segment may stand in several pairs: its sides have the same bits, or zeros where a pair of weight 0 used no step.
/// Set bit by bit, the last one does not matter.
template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads) store_side_scores_kernel(const __grid_constant__ StoreSideScoresParams p) {
  const std::int64_t side = std::int64_t{blockIdx.x} * Tile::num_threads + threadIdx.x, member = blockIdx.y;
  if (side >= 2 * p.batch.num_batch_pairs) return;
  const std::int64_t segment = p.batch.segment_of(p.batch.pair_at(member, side / 2), static_cast<int>(side % 2));
  const float score = p.side_scores[member * 2 * p.batch.num_batch_pairs + side];
  atomicOr(p.scores + member * p.batch.num_segments + segment, __float_as_uint(score));
}

/// Grid (row_capacity, members). A row counts where one of the windows that hold it is of a counted pair.
template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads) store_row_rewards_kernel(const __grid_constant__ StoreRowRewardsParams p) {
  const std::int64_t row = std::int64_t{blockIdx.x} * Tile::num_threads + threadIdx.x, member = blockIdx.y, list = p.num_lists == 1 ? 0 : member;
  if (row >= p.num_rows[list]) return;
  const std::int64_t place = list * p.row_capacity + row;
  const std::int64_t last = last_not_above({p.sorted_row_begins, true}, p.num_sides(), place, -1), before_first = last_not_above({p.row_reach, true}, p.num_sides(), place, -1);
  const std::uint8_t* const counted = p.pair_counted + member * (p.sides_per_list / 2);
  bool counts = false;
  for (std::int64_t i = before_first + 1; i <= last && !counts; ++i) counts = place < p.sorted_row_ends[i] && counted[p.by_begin[i] % p.sides_per_list / 2] != 0;
  if (counts) p.step_rewards[member * p.num_steps + p.steps[place]] = p.rewards[member * p.row_capacity + row];
}

}  // namespace segpref::cuda
