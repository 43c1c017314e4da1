// Scores of several short segments by one warp at once: their loads are in flight together, and their sums share the shuffles.
#pragma once

#include "kernels/cuda/primitives/warp_sum_each.cuh"
#include "kernels/cuda/segment_reduce/kernel.cuh"

namespace segpref::cuda {

/// Steps [begins[i], begins[i] + lengths[i]) of one row, for Count segments.
template <int Count>
struct SegmentGroup {
  int begins[Count], lengths[Count];

  SEGPREF_DEVICE int longest() const {
    int steps = 0;
    SEGPREF_UNROLL
    for (int i = 0; i < Count; ++i) steps = larger(steps, lengths[i]);
    return steps;
  }
};

/// The sum over segment lane / (32 / Count), with the bits of part_of_sum and warp_sum. All lanes come.
/// @param power  discount^t for the step t of a segment
template <int Count, typename Element, typename Real, class Power>
SEGPREF_DEVICE Real sum_of_group(const Element* row, const SegmentGroup<Count>& group, Power power, Real SEGPREF_CALLER) {
  Real sums[Count] = {};
  const int lane = lane_of_thread(), longest = group.longest();
  for (int step = (longest - 1 - lane) / threads_per_warp * threads_per_warp + lane; longest > lane && step >= 0; step -= threads_per_warp) {
    const Real factor = power(step);
    SEGPREF_UNROLL
    for (int i = 0; i < Count; ++i)
      if (step < group.lengths[i]) sums[i] = multiply_add(widen(row[group.begins[i] + step]), factor, sums[i]);
  }
  return warp_sum_each(sums SEGPREF_PASS_CALLER);
}

}  // namespace segpref::cuda
