// What the 32 lanes of a warp do together. Every lane must come, at one place of the source. Shuffles exchange registers and order no
// memory: whoever passes values through shared memory inside a warp puts __syncwarp() between.
#pragma once

#include "kernels/cuda/primitives/thread.cuh"

namespace segpref::cuda {

inline constexpr unsigned all_lanes = 0xffffffffu;

/// Sum over the lanes, the same bits in every lane: pairs at distance 16, then 8, 4, 2, 1.
template <typename Real>
SEGPREF_DEVICE Real warp_sum(Real x SEGPREF_CALLER) {
  SEGPREF_UNROLL
  for (int distance = threads_per_warp / 2; distance > 0; distance /= 2)
    x += __shfl_xor_sync(all_lanes, x, distance, threads_per_warp SEGPREF_PASS_CALLER);
  return x;
}

/// Sum over each group of `Width` neighbouring lanes (a power of two), the same bits in every lane of the group.
template <int Width, typename Real>
SEGPREF_DEVICE Real warp_sum_in_groups(Real x SEGPREF_CALLER) {
  static_assert(Width >= 1 && Width <= threads_per_warp && (Width & (Width - 1)) == 0);
  SEGPREF_UNROLL
  for (int distance = Width / 2; distance > 0; distance /= 2) x += __shfl_xor_sync(all_lanes, x, distance, Width SEGPREF_PASS_CALLER);
  return x;
}

/// The value of one lane, for all.
template <typename T>
SEGPREF_DEVICE T warp_broadcast(T x, int source_lane SEGPREF_CALLER) {
  return __shfl_sync(all_lanes, x, source_lane, threads_per_warp SEGPREF_PASS_CALLER);
}

}  // namespace segpref::cuda
