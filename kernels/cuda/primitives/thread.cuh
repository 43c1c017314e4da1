// What one thread does alone: where it is, and arithmetic that must not depend on the compiler.
#pragma once

#include "kernels/cuda/primitives/compiler.cuh"

namespace segpref::cuda {

inline constexpr int threads_per_warp = 32;

/// Lane in its warp and warp in its block, for one-dimensional blocks.
SEGPREF_DEVICE int lane_of_thread() { return static_cast<int>(threadIdx.x) % threads_per_warp; }
SEGPREF_DEVICE int warp_of_thread() { return static_cast<int>(threadIdx.x) / threads_per_warp; }

/// The lane as a value the compiler knows nothing about. Taken once per phase it keeps the addresses derived from it inside that phase;
/// otherwise they are hoisted out of a loop by the hundred, and spill.
SEGPREF_DEVICE int opaque_lane() {
  int lane = lane_of_thread();
#if SEGPREF_ON_GPU
  asm volatile("" : "+r"(lane));
#endif
  return lane;
}

/// a * b + c with one rounding. Sums and products that are not written so are rounded one by one: no compiler of ours contracts.
SEGPREF_DEVICE float multiply_add(float a, float b, float c) { return __fmaf_rn(a, b, c); }
SEGPREF_DEVICE double multiply_add(double a, double b, double c) { return __fma_rn(a, b, c); }

/// Correctly rounded.
SEGPREF_DEVICE float square_root(float x) {
#if SEGPREF_ON_GPU
  return __fsqrt_rn(x);
#else
  return std::sqrt(x);
#endif
}
SEGPREF_DEVICE double square_root(double x) {
#if SEGPREF_ON_GPU
  return __dsqrt_rn(x);
#else
  return std::sqrt(x);
#endif
}
SEGPREF_DEVICE float divide(float a, float b) {
#if SEGPREF_ON_GPU
  return __fdiv_rn(a, b);
#else
  return a / b;
#endif
}
SEGPREF_DEVICE double divide(double a, double b) { return a / b; }

/// Smaller and larger of two integers; spelled out because std::min is not a device function.
template <typename Integer>
SEGPREF_DEVICE Integer smaller(Integer a, Integer b) { return b < a ? b : a; }
template <typename Integer>
SEGPREF_DEVICE Integer larger(Integer a, Integer b) { return a < b ? b : a; }

}  // namespace segpref::cuda
