// Several sums over the lanes of a warp at once.
#pragma once

#include "kernels/cuda/primitives/warp.cuh"

namespace segpref::cuda {

/// The sum of values[i] over the lanes, for each i: lane l gets that of i = l / (32 / Count), with the bits of warp_sum. Lanes halve the values
/// among them while they add: for 8 values 9 shuffles, not 40. Count is a power of two from 2 to 32. All lanes come; `values` are spent.
template <int Count, typename Real>
SEGPREF_DEVICE Real warp_sum_each(Real (&values)[Count] SEGPREF_CALLER) {
  static_assert(Count >= 2 && Count <= threads_per_warp && (Count & (Count - 1)) == 0);
  SEGPREF_UNROLL
  for (int half = Count / 2; half > 0; half /= 2) {
    const int distance = threads_per_warp / 2 * half / (Count / 2);
    const bool keeps_upper = (lane_of_thread() & distance) != 0;
    SEGPREF_UNROLL
    for (int i = 0; i < half; ++i) {
      const Real kept = keeps_upper ? values[i + half] : values[i], given = keeps_upper ? values[i] : values[i + half];
      values[i] = kept + __shfl_xor_sync(all_lanes, given, distance, threads_per_warp SEGPREF_PASS_CALLER);
    }
  }
  Real sum = values[0];
  SEGPREF_UNROLL
  for (int distance = threads_per_warp / Count / 2; distance > 0; distance /= 2) sum += __shfl_xor_sync(all_lanes, sum, distance, threads_per_warp SEGPREF_PASS_CALLER);
  return sum;
}

}  // namespace segpref::cuda
