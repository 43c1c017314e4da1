// Copies from global to shared memory that run while the thread goes on (cp.async).
//
// A thread issues copies, closes a group with async_copy_commit() (empty groups count too), and waits with async_copy_wait<N>() until at most
// its N youngest groups are on their way. Then ITS copies have arrived, for itself: other threads see them after a barrier that follows
// the wait. Before a buffer is filled again, a barrier must follow its last reading. A thread waits for all its copies before it ends.
#pragma once

#include "kernels/cuda/primitives/shared_memory.cuh"

namespace segpref::cuda {

/// Copies 16 bytes past the first-level cache; both addresses are multiples of 16. Not valid: writes zeros and does not read `global`, which
/// may then point anywhere.
SEGPREF_DEVICE void async_copy_16(void* shared, const void* global, bool valid SEGPREF_CALLER) {
#if SEGPREF_ON_GPU
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)), "l"(global), "r"(valid ? 16 : 0) : "memory");
#else
  simt::copy_async(shared, global, 16, valid ? 16 : 0, caller);
#endif
}

/// The same for 4 bytes, through the first-level cache; both addresses are multiples of 4.
SEGPREF_DEVICE void async_copy_4(void* shared, const void* global, bool valid SEGPREF_CALLER) {
#if SEGPREF_ON_GPU
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(shared_address(shared)), "l"(global), "r"(valid ? 4 : 0) : "memory");
#else
  simt::copy_async(shared, global, 4, valid ? 4 : 0, caller);
#endif
}

SEGPREF_DEVICE void async_copy_commit() {
#if SEGPREF_ON_GPU
  asm volatile("cp.async.commit_group;" ::: "memory");
#else
  simt::copy_async_commit();
#endif
}

template <int GroupsInFlight>
SEGPREF_DEVICE void async_copy_wait() {
#if SEGPREF_ON_GPU
  asm volatile("cp.async.wait_group %0;" ::"n"(GroupsInFlight) : "memory");
#else
  simt::copy_async_wait(GroupsInFlight);
#endif
}

}  // namespace segpref::cuda
