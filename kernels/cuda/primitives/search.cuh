// Searches in non-decreasing arrays: which segment does a step belong to?
#pragma once

#include "kernels/common/batch.hpp"
#include "kernels/cuda/primitives/warp.cuh"

namespace segpref::cuda {

/// Position of the last entry of entries [count] that is <= value, or -1. All lanes come, with the same arguments; 32 candidates are
/// looked at per round, so that 200,000 entries take four.
SEGPREF_DEVICE std::int64_t warp_last_not_above(const kernels::IndexArray& entries, std::int64_t count, std::int64_t value SEGPREF_CALLER) {
  std::int64_t low = -1, high = count;  // entries[low] <= value < entries[high], with -infinity before the first and infinity after the last
  while (high - low > 1) {
    const std::int64_t stride = (high - low - 1 + threads_per_warp - 1) / threads_per_warp;
    const std::int64_t probe = low + stride * (lane_of_thread() + 1);
    const bool above = probe >= high || entries[probe] > value;
    const unsigned votes = __ballot_sync(all_lanes, above SEGPREF_PASS_CALLER);
    const int num_below = votes == 0 ? threads_per_warp : __ffs(static_cast<int>(votes)) - 1;  // the lanes before the first vote
    const std::int64_t next_high = low + stride * (num_below + 1);
    low += stride * num_below;
    high = smaller(high, next_high);
  }
  return low;
}

/// The same for one thread, from a known start: entries[start] <= value, or start is -1. Few loads where the answer is near.
SEGPREF_DEVICE std::int64_t last_not_above(const kernels::IndexArray& entries, std::int64_t count, std::int64_t value, std::int64_t start) {
  std::int64_t low = start, stride = 1;
  while (low + stride < count && entries[low + stride] <= value) {
    low += stride;
    stride *= 2;
  }
  std::int64_t high = smaller(count, low + stride);  // entries[low] <= value < entries[high]
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    if (entries[middle] <= value) low = middle;
    else high = middle;
  }
  return low;
}

}  // namespace segpref::cuda
