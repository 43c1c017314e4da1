// Element types to the computing type and back. bf16 and f16 round to nearest, ties to even; a NaN stays a NaN (its payload may change).
#pragma once

#include <cstdint>

#include "kernels/cuda/primitives/compiler.cuh"
#include "segpref/dtype.hpp"
#if !SEGPREF_ON_GPU
#include "kernels/math/half.hpp"
#endif

namespace segpref::cuda {

/// What a kernel computes in: f64 for f64, f32 for all else.
template <typename Element>
struct ComputeOf { using type = float; };
template <>
struct ComputeOf<double> { using type = double; };
template <typename Element>
using compute_t = typename ComputeOf<Element>::type;

SEGPREF_DEVICE float widen(float x) { return x; }
SEGPREF_DEVICE double widen(double x) { return x; }
SEGPREF_DEVICE float widen(bf16 x) { return __uint_as_float(static_cast<std::uint32_t>(x.bits) << 16); }
SEGPREF_DEVICE float widen(f16 x) {
#if SEGPREF_ON_GPU
  float wide;
  asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(x.bits));
  return wide;
#else
  return math::to_f32(x);
#endif
}

/// To an element type: narrow<bf16>(x).
template <typename Element>
SEGPREF_DEVICE Element narrow(compute_t<Element> x) { return x; }
template <>
SEGPREF_DEVICE bf16 narrow<bf16>(float x) {
#if SEGPREF_ON_GPU
  bf16 half;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(half.bits) : "f"(x));
  return half;
#else
  return math::to_bf16(x);
#endif
}
template <>
SEGPREF_DEVICE f16 narrow<f16>(float x) {
#if SEGPREF_ON_GPU
  f16 half;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(half.bits) : "f"(x));
  return half;
#else
  return math::to_f16(x);
#endif
}

/// Two bf16 in one register, `low` in bits 0 to 15: the order of elements in memory and in matrix fragments.
SEGPREF_DEVICE std::uint32_t pack_bf16x2(float low, float high) {
#if SEGPREF_ON_GPU
  std::uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
#else
  return math::to_bf16(low).bits | static_cast<std::uint32_t>(math::to_bf16(high).bits) << 16;
#endif
}
SEGPREF_DEVICE float2 unpack_bf16x2(std::uint32_t pair) { return float2{__uint_as_float(pair << 16), __uint_as_float(pair & 0xffff0000u)}; }

/// The same for f16.
SEGPREF_DEVICE std::uint32_t pack_f16x2(float low, float high) {
#if SEGPREF_ON_GPU
  std::uint32_t pair;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
#else
  return math::to_f16(low).bits | static_cast<std::uint32_t>(math::to_f16(high).bits) << 16;
#endif
}
SEGPREF_DEVICE float2 unpack_f16x2(std::uint32_t pair) {
  return float2{widen(f16{static_cast<std::uint16_t>(pair)}), widen(f16{static_cast<std::uint16_t>(pair >> 16)})};
}

/// f32 with the 10 fraction bits that tf32 products read, rounded to nearest with ties away from zero; the product itself would truncate.
SEGPREF_DEVICE float round_to_tf32(float x) {
#if SEGPREF_ON_GPU
  std::uint32_t rounded;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(x));
  return __uint_as_float(rounded);
#else
  const std::uint32_t bits = __float_as_uint(x);
  if ((bits & 0x7f800000u) == 0x7f800000u) return x;  // infinity and NaN
  return __uint_as_float((bits + 0x1000u) & 0xffffe000u);
#endif
}

}  // namespace segpref::cuda
