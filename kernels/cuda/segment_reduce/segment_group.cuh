// Sums of several short segments by one warp at once: their loads are in flight together, and their sums share the shuffles. A warp that reads one
// segment of fifty steps at a time waits for the memory most of its life.
#pragma once

#include "kernels/cuda/primitives/convert.cuh"
#include "kernels/cuda/primitives/warp_sum_each.cuh"

namespace segpref::cuda {

/// Steps [begins[i], begins[i] + lengths[i]) of one row, for Count segments.
template <int Count, typename Index>
struct SegmentGroup {
  static constexpr int lanes_per_segment = threads_per_warp / Count;
  Index begins[Count];
  int lengths[Count];

  /// Which of them a lane gets the sum of.
  SEGPREF_DEVICE static int of_lane() { return lane_of_thread() / lanes_per_segment; }
  SEGPREF_DEVICE int longest() const {
    int steps = 0;
    SEGPREF_UNROLL
    for (int i = 0; i < Count; ++i) steps = larger(steps, lengths[i]);
    return steps;
  }
};

/// The sum over segment of_lane(), with the bits of part_of_sum and warp_sum. All lanes come.
/// @param power  discount^t for a step t of the longest segment
template <typename Real, int Count, typename Index, typename Element, class Power>
SEGPREF_DEVICE Real sum_of_group(const Element* row, const SegmentGroup<Count, Index>& group, Power power SEGPREF_CALLER) {
  Real sums[Count] = {};
  const int longest = group.longest(), rounds = (longest + threads_per_warp - 1) / threads_per_warp;
  for (int round = rounds - 1; round >= 0; --round) {
    const int step = round * threads_per_warp + lane_of_thread();
    const Real factor = step < longest ? power(step) : Real(0);
    SEGPREF_UNROLL
    for (int i = 0; i < Count; ++i)
      if (step < group.lengths[i]) sums[i] = multiply_add(widen(row[group.begins[i] + step]), factor, sums[i]);
  }
  return warp_sum_each(sums SEGPREF_PASS_CALLER);
}

}  // namespace segpref::cuda
