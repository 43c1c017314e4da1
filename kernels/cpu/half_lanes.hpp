// Vector loads that widen any element type to the computing type. Included once per target, inside Highway's foreach_target.
#if defined(SEGPREF_KERNELS_CPU_HALF_LANES_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef SEGPREF_KERNELS_CPU_HALF_LANES_HPP
#undef SEGPREF_KERNELS_CPU_HALF_LANES_HPP
#else
#define SEGPREF_KERNELS_CPU_HALF_LANES_HPP
#endif

#include <hwy/highway.h>

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

}  // namespace segpref::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
