// Vectors of any element type, widened to the computing type and narrowed back. Included once per target, inside Highway's foreach_target.
#if defined(SEGPREF_KERNELS_CPU_HALF_LANES_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef SEGPREF_KERNELS_CPU_HALF_LANES_HPP
#undef SEGPREF_KERNELS_CPU_HALF_LANES_HPP
#else
#define SEGPREF_KERNELS_CPU_HALF_LANES_HPP
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "kernels/math/half.hpp"

HWY_BEFORE_NAMESPACE();
namespace segpref::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
HWY_INLINE hn::Vec<D> widen_lanes(D d, const hn::TFromD<D>* p) {
  return hn::LoadU(d, p);
}
template <class D>
HWY_INLINE hn::Vec<D> widen_lanes(D d, const bf16* p) {
  const hn::RebindToUnsigned<D> du;
  const hn::Rebind<std::uint16_t, D> du16;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(du, hn::LoadU(du16, reinterpret_cast<const std::uint16_t*>(p)))));
}
/// The conversion of the baseline targets is emulated by Highway without infinities and NaN: elements go one by one there.
template <class D>
HWY_INLINE hn::Vec<D> widen_lanes(D d, const f16* p) {
#if HWY_TARGET <= HWY_AVX2 || HWY_ARCH_ARM
  const hn::Rebind<hwy::float16_t, D> dh;
  return hn::PromoteTo(d, hn::LoadU(dh, reinterpret_cast<const hwy::float16_t*>(p)));
#else
  float values[HWY_MAX_BYTES / sizeof(float)];
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) values[i] = math::to_f32(p[i]);
  return hn::LoadU(d, values);
#endif
}

/// The first `count` lanes from p and zeros in the others; nothing behind them is read.
template <class D, typename Element>
HWY_INLINE hn::Vec<D> widen_first(D d, const Element* p, std::int64_t count) {
  Element padded[HWY_MAX_BYTES / sizeof(hn::TFromD<D>)] = {};
  std::copy_n(p, count, padded);
  return widen_lanes(d, padded);
}
template <class D>
HWY_INLINE void store_first(hn::Vec<D> value, D d, hn::TFromD<D>* p, std::int64_t count) {
  hn::TFromD<D> padded[HWY_MAX_BYTES / sizeof(hn::TFromD<D>)];
  hn::StoreU(value, d, padded);
  std::copy_n(padded, count, p);
}

/// The bits of a whole vector of elements, a line.
template <typename Element>
using BitsTag = hn::ScalableTag<hwy::UnsignedFromSize<sizeof(Element)>>;

/// A line widens to one or two vectors, its parts; which lanes a part holds only store_line knows.
template <typename Element, typename Real>
inline constexpr int parts_per_line = static_cast<int>(hn::MaxLanes(BitsTag<Element>()) / hn::MaxLanes(hn::ScalableTag<Real>()));

template <int part, class D, typename Element>
HWY_INLINE hn::Vec<D> widen_part(D d, const Element* line) {
  return widen_lanes(d, line + part * static_cast<std::int64_t>(hn::Lanes(d)));
}
/// The parts of a line of `Element`, which lie one after the other at `parts`, in the order of the elements.
template <typename Element, class D>
HWY_INLINE void store_line(D d, const hn::TFromD<D>* parts, hn::TFromD<D>* to) {
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
#if HWY_TARGET != HWY_SCALAR
  if constexpr (std::is_same_v<Element, bf16>) return hn::StoreInterleaved2(hn::LoadU(d, parts), hn::LoadU(d, parts + lanes), d, to);
#endif
  for (int part = 0; part < parts_per_line<Element, hn::TFromD<D>>; ++part) hn::StoreU(hn::LoadU(d, parts + part * lanes), d, to + part * lanes);
}
#if HWY_TARGET != HWY_SCALAR
/// Elements of even and of odd positions: one operation each, where the natural order costs two.
template <int part, class D>
HWY_INLINE hn::Vec<D> widen_part(D d, const bf16* line) {
  const hn::RebindToUnsigned<D> du;
  const auto two = hn::LoadU(du, reinterpret_cast<const std::uint32_t*>(line));
  if constexpr (part == 0) return hn::BitCast(d, hn::ShiftLeft<16>(two));
  else return hn::BitCast(d, hn::And(two, hn::Set(du, 0xffff0000u)));
}
#endif

#if HWY_TARGET != HWY_SCALAR
/// bf16 of two vectors of f32, rounded to nearest, ties to even: 16 bits at a time, so that one operation serves both vectors. NaN must be quiet, as
/// arithmetic leaves it; it stays NaN.
template <class Bits, class V>
HWY_INLINE hn::Vec<Bits> round_to_bf16(Bits d, V low, V high) {
  const auto l = hn::BitCast(d, low), h = hn::BitCast(d, high);
  const auto kept = hn::ConcatOdd(d, h, l), cut_off = hn::ConcatEven(d, h, l);
  const auto is_odd = hn::And(kept, hn::Set(d, 1));
  const auto up = hn::Gt(hn::SaturatedAdd(cut_off, is_odd), hn::Set(d, 0x8000));
  const auto overflows = hn::Eq(hn::Or(kept, hn::Set(d, 0x8000)), hn::Set(d, 0xffff));  // a NaN with all bits set would become 0
  return hn::IfThenElse(hn::AndNot(overflows, up), hn::Add(kept, hn::Set(d, 1)), kept);
}
#endif

/// A line from one vector of f32 or f64, as it is ...
template <typename Element, class V>
HWY_INLINE hn::Vec<BitsTag<Element>> narrow_lanes(V value) {
#if HWY_TARGET == HWY_SCALAR
  const Element element = math::from_real<Element>(hn::GetLane(value));
  return hn::LoadU(BitsTag<Element>(), reinterpret_cast<const hn::TFromD<BitsTag<Element>>*>(&element));
#else
  return hn::BitCast(BitsTag<Element>(), value);
#endif
}
/// ... and of halves from two of f32, rounded to nearest, ties to even.
template <typename Element, class V>
HWY_INLINE hn::Vec<BitsTag<Element>> narrow_lanes(V low, V high) {
  const hn::ScalableTag<float> d;
  const BitsTag<Element> bits;
#if HWY_TARGET <= HWY_AVX2 || HWY_ARCH_ARM
  if constexpr (std::is_same_v<Element, f16>) {
    const hn::Rebind<hwy::float16_t, decltype(d)> dh;
    const hn::Rebind<std::uint16_t, decltype(d)> half_bits;
    return hn::Combine(bits, hn::BitCast(half_bits, hn::DemoteTo(dh, high)), hn::BitCast(half_bits, hn::DemoteTo(dh, low)));
  } else {
    return round_to_bf16(bits, low, high);
  }
#else
  const std::size_t lanes = hn::Lanes(d);
  float values[2 * HWY_MAX_BYTES / sizeof(float)];
  Element narrow[2 * HWY_MAX_BYTES / sizeof(float)];
  hn::StoreU(low, d, values);
  hn::StoreU(high, d, values + lanes);
  for (std::size_t i = 0; i < 2 * lanes; ++i) narrow[i] = math::from_real<Element>(values[i]);
  return hn::LoadU(bits, reinterpret_cast<const std::uint16_t*>(narrow));
#endif
}

}  // namespace segpref::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
