// Between kernels: programmatic dependent launch, where the next kernel of a stream starts under the tail of the one before.
#pragma once

#include "kernels/cuda/primitives/compiler.cuh"

namespace segpref::cuda {

/// Waits until the kernel before this one in the stream has ended and its writes are visible; nothing it wrote may be read earlier.
/// Returns at once when the launch did not ask for an early start, and before sm_90. In the harness kernels run one after another, so a
/// missing wait goes unseen there.
SEGPREF_DEVICE void wait_for_previous_kernel() {
#if SEGPREF_ON_GPU && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

/// Lets the next kernel begin its prologue as soon as every block has come here or ended.
SEGPREF_DEVICE void allow_next_kernel() {
#if SEGPREF_ON_GPU && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

}  // namespace segpref::cuda
