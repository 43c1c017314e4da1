// The distinct steps that the pairs of a batch use, as rows: work per step is as large as the batch, however large the store of steps is.
//
// A side is one segment of one pair of the batch, numbered 2 * position + side through all lists of pairs; a list is one member's order, or the one
// order that all members share. Sides are sorted by (list, begin). A side then brings along the steps that no side before it reaches, and the running
// sum of their numbers numbers the rows. Every side is a run of neighbouring rows: a window into them.
#pragma once

#include "kernels/common/batch.hpp"

namespace segpref::cuda {

/// What the kernels that make rows share. "Sorted" arrays are in the order of by_begin. Places of steps and rows count through all lists: list l begins
/// at l * (num_steps + 1), and at l * row_capacity.
struct BatchRowsParams {
  kernels::Batch batch;
  std::int64_t num_lists = 1;               ///< num_members where every member has its own order, else 1
  bool all_pairs = false;                   ///< pairs of weight 0 too; otherwise they use no step
  std::int64_t row_capacity = 0;            ///< of a list, at least 1

  // Before the sort [num_sides], and what it gives
  std::uint64_t* keys = nullptr;            ///< place of the side's first step
  std::uint32_t* sides = nullptr;           ///< 0, 1, 2, ...
  std::int64_t* lengths = nullptr;          ///< in steps; 0 where the pair uses none
  const std::uint64_t* sorted_begins = nullptr;  ///< sorted keys
  const std::uint32_t* by_begin = nullptr;  ///< sorted sides
  std::int64_t* sorted_ends = nullptr;
  const std::int64_t* reach = nullptr;      ///< sorted: the largest end so far
  std::int64_t* fresh = nullptr;            ///< sorted: steps that no side before reaches
  const std::int64_t* rows_through = nullptr;  ///< sorted: the sum of `fresh` so far, through all lists

  // Rows
  std::int64_t* row_begins = nullptr;       ///< [num_sides] by side: its first row, and
  std::int64_t* row_lengths = nullptr;      ///< [num_sides] how many
  std::int64_t* sorted_row_begins = nullptr;  ///< the same windows as expand_windows_kernel wants them
  std::int64_t* sorted_row_ends = nullptr;
  std::int64_t* row_reach = nullptr;        ///< sorted: no window so far ends behind it
  std::int64_t* steps = nullptr;            ///< [num_lists, row_capacity] the step of every row, ascending
  std::int64_t* num_needed = nullptr;       ///< [num_lists] rows that the list takes
  std::int64_t* num_rows = nullptr;         ///< [num_lists] rows that it has: none where it takes more than row_capacity
  float* rewards = nullptr;                 ///< [num_members, row_capacity]. Of a list that does not fit every window is its row 0 alone, whose reward becomes NaN here: no loss
                                            ///< looks good by mistake. Others are not touched

  SEGPREF_HOST_DEVICE std::int64_t sides_per_list() const { return 2 * batch.num_batch_pairs; }
  SEGPREF_HOST_DEVICE std::int64_t num_sides() const { return num_lists * sides_per_list(); }
  SEGPREF_HOST_DEVICE std::int64_t steps_per_list() const { return batch.num_steps + 1; }  // one more: a segment may begin behind the last step
};

/// store_side_scores_kernel.
struct StoreSideScoresParams {
  kernels::Batch batch;
  const float* side_scores = nullptr;       ///< [num_members, num_batch_pairs, 2]
  std::uint32_t* scores = nullptr;          ///< [num_members, num_segments] the bits of f32, zeros before. Sides of one segment have the same score, or 0
};

/// store_row_rewards_kernel.
struct StoreRowRewardsParams {
  std::int64_t num_members = 1, num_steps = 0, num_lists = 1, sides_per_list = 0, row_capacity = 0;
  const std::int64_t* num_rows = nullptr;   ///< [num_lists]
  const std::int64_t* steps = nullptr;      ///< [num_lists, row_capacity]
  const std::uint32_t* by_begin = nullptr;  ///< [num_lists, sides_per_list] sides, and their windows in that order:
  const std::int64_t* sorted_row_begins = nullptr;
  const std::int64_t* sorted_row_ends = nullptr;
  const std::int64_t* row_reach = nullptr;
  const std::uint8_t* pair_counted = nullptr;  ///< [num_members, sides_per_list / 2]
  const float* rewards = nullptr;           ///< [num_members, row_capacity]
  float* step_rewards = nullptr;            ///< [num_members, num_steps], zeros before; steps in counted pairs are written

  SEGPREF_HOST_DEVICE std::int64_t num_sides() const { return num_lists * sides_per_list; }
};

}  // namespace segpref::cuda
