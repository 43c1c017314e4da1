// What the threads of a block do together. __syncthreads() itself is used as it is: all threads that have not ended come, at one place of
// the source, and everything before it happens before everything after it, in shared and global memory.
#pragma once

#include "kernels/cuda/primitives/shared_memory.cuh"
#include "kernels/cuda/primitives/warp.cuh"

namespace segpref::cuda {

/// __syncthreads() for primitives: in the harness it stands where the primitive was called.
SEGPREF_DEVICE void sync_block(SEGPREF_ONLY_CALLER) { __syncthreads(SEGPREF_PASS_ONLY_CALLER); }

/// Scratch of block_sum: one partial sum per warp.
template <typename Real, int NumThreads>
struct BlockSumStorage {
  static_assert(NumThreads % threads_per_warp == 0 && NumThreads <= 1024);
  Real warp_sums[NumThreads / threads_per_warp];
};

/// Sum over the block in a fixed order: lanes as warp_sum does, then the warps' sums one after another. The same bits in every thread.
/// All threads come. One barrier inside; before `storage` is used again there must be another one.
template <int NumThreads, typename Real>
SEGPREF_DEVICE Real block_sum(Real x, BlockSumStorage<Real, NumThreads>& storage SEGPREF_CALLER) {
  x = warp_sum(x SEGPREF_PASS_CALLER);
  if (lane_of_thread() == 0) storage.warp_sums[warp_of_thread()] = x;
  sync_block(SEGPREF_PASS_ONLY_CALLER);
  Real sum = storage.warp_sums[0];
  SEGPREF_UNROLL
  for (int warp = 1; warp < NumThreads / threads_per_warp; ++warp) sum += storage.warp_sums[warp];
  return sum;
}

/// Barriers for some of the block's warps: `Barrier` is 1 to 15 (0 is __syncthreads), `num_threads` counts all who come, waiting or not, and
/// is a multiple of 32; whole warps come. What anyone did before is ordered before what those who wait do after.
template <int Barrier>
SEGPREF_DEVICE void named_barrier_wait(int num_threads SEGPREF_CALLER) {
  static_assert(Barrier >= 1 && Barrier <= 15);
#if SEGPREF_ON_GPU
  asm volatile("bar.sync %0, %1;" ::"n"(Barrier), "r"(num_threads) : "memory");
#else
  simt::named_barrier_wait(Barrier, num_threads, caller);
#endif
}
/// Comes, and goes on at once: for the side that hands over.
template <int Barrier>
SEGPREF_DEVICE void named_barrier_arrive(int num_threads SEGPREF_CALLER) {
  static_assert(Barrier >= 1 && Barrier <= 15);
#if SEGPREF_ON_GPU
  asm volatile("bar.arrive %0, %1;" ::"n"(Barrier), "r"(num_threads) : "memory");
#else
  simt::named_barrier_arrive(Barrier, num_threads, caller);
#endif
}

}  // namespace segpref::cuda
