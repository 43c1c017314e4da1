// Tile numbers of this family. None was measured on a GPU: they come from counting bytes in flight.
#pragma once

#include "kernels/cuda/primitives/thread.cuh"
#include "kernels/cuda/reward_linear/segments.hpp"

namespace segpref::cuda {

/// How threads share out the columns of feature rows. A warp owns adjacent columns, loads_per_row times 32 loads of a row.
/// In flight per thread: 8 rows of 16 bytes, so that two blocks of a multiprocessor cover the latency of its share of the memory (about 25 KiB on an H200).
/// Unaligned rows (a base or stride that is no multiple of 16 bytes) are loaded element by element, neighbours by neighbouring lanes.
template <typename Element, bool is_aligned>
struct FeatureTile {
  static constexpr int num_threads = 128;
  static constexpr int num_warps = num_threads / threads_per_warp;
  static constexpr int rows_at_once = 8;
  static constexpr int element_bytes = static_cast<int>(sizeof(Element));
  static constexpr int elements_per_load = is_aligned ? 16 / element_bytes : 1;
  static constexpr int loads_per_row = is_aligned ? 1 : 16 / (element_bytes < 4 ? 4 : element_bytes);
  static constexpr int columns_per_thread = elements_per_load * loads_per_row;
  static constexpr std::int64_t columns_per_warp = threads_per_warp * columns_per_thread;
  static constexpr std::int64_t columns_per_block = num_warps * columns_per_warp;
  SEGPREF_HOST_DEVICE static constexpr std::int64_t column_blocks(std::int64_t feature_dim) { return blocks_of(feature_dim, columns_per_block); }
  /// Dot products that one row leaves per member.
  SEGPREF_HOST_DEVICE static constexpr std::int64_t reward_parts(std::int64_t feature_dim) { return column_blocks(feature_dim) * num_warps; }
  static_assert(rows_per_piece % rows_at_once == 0, "rows behind a piece's end find a coefficient");
};

/// segment_sums_kernel: one thread per column of a segment.
struct SegmentSumsTile {
  static constexpr int num_threads = 256;
  static constexpr int num_warps = num_threads / threads_per_warp;
  static constexpr int members_at_once = 8;
  static constexpr int max_members = 32;
  SEGPREF_HOST_DEVICE static constexpr std::int64_t column_blocks(std::int64_t feature_dim) { return blocks_of(feature_dim, num_threads); }
};

/// linear_scores_kernel, step_rewards_kernel, mark_used_segments_kernel: one thread per result.
struct LinearResultTile {
  static constexpr int num_threads = 256;
};

/// grad_head_slices_kernel: one thread per column, a few members side by side; its gradients of scores pass through shared memory.
struct GradHeadTile {
  static constexpr int num_threads = 256;
  static constexpr int members_at_once = 8;
  static constexpr int segments_at_once = num_threads / members_at_once;
  static constexpr int sums_in_flight = 8;
  static constexpr std::int64_t max_slices = 64;

  /// Slices depend on the number of segments alone.
  SEGPREF_HOST_DEVICE static constexpr std::int64_t segments_per_slice(std::int64_t num_segments) {
    const std::int64_t rounds = blocks_of(blocks_of(num_segments, max_slices), segments_at_once);
    return (rounds < 1 ? 1 : rounds) * segments_at_once;
  }
  SEGPREF_HOST_DEVICE static constexpr std::int64_t num_slices(std::int64_t num_segments) { return blocks_of(num_segments, segments_per_slice(num_segments)); }
};

/// grad_features_kernel: rows that one block writes, and rows of one pass over the members.
struct GradFeaturesTile {
  static constexpr int rows_per_block = 32;
  static constexpr int rows_at_once = 4;
  static constexpr int max_members = 32;
};

}  // namespace segpref::cuda
