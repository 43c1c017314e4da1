// A vector of doubles with the operators and functions that the formulas of kernels/math ask of a number.
// Included once per target, inside Highway's foreach_target.
#if defined(SEGPREF_KERNELS_CPU_LANES_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef SEGPREF_KERNELS_CPU_LANES_HPP
#undef SEGPREF_KERNELS_CPU_LANES_HPP
#else
#define SEGPREF_KERNELS_CPU_LANES_HPP
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include "kernels/math/objective_constants.hpp"

HWY_BEFORE_NAMESPACE();
namespace segpref::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

struct Lanes {
  using Tag = hn::ScalableTag<double>;
  using Vector = hn::Vec<Tag>;
  using Mask = hn::Mask<Tag>;

  Vector v;

  HWY_INLINE Lanes(Vector vector) : v(vector) {}
  HWY_INLINE explicit Lanes(double value) : v(hn::Set(Tag(), value)) {}

  friend HWY_INLINE Lanes operator+(Lanes a, Lanes b) { return hn::Add(a.v, b.v); }
  friend HWY_INLINE Lanes operator-(Lanes a, Lanes b) { return hn::Sub(a.v, b.v); }
  friend HWY_INLINE Lanes operator*(Lanes a, Lanes b) { return hn::Mul(a.v, b.v); }
  friend HWY_INLINE Lanes operator/(Lanes a, Lanes b) { return hn::Div(a.v, b.v); }
  friend HWY_INLINE Mask operator>=(Lanes a, Lanes b) { return hn::Ge(a.v, b.v); }
  friend HWY_INLINE Mask operator==(Lanes a, Lanes b) { return hn::Eq(a.v, b.v); }
};

HWY_INLINE std::int64_t lanes_per_vector() { return static_cast<std::int64_t>(hn::Lanes(Lanes::Tag())); }
HWY_INLINE Lanes load_lanes(const double* aligned) { return hn::Load(Lanes::Tag(), aligned); }
HWY_INLINE void store_lanes(Lanes value, double* aligned) { hn::Store(value.v, Lanes::Tag(), aligned); }

HWY_INLINE Lanes select(Lanes::Mask condition, Lanes yes, Lanes no) { return hn::IfThenElse(condition, yes.v, no.v); }
HWY_INLINE Lanes abs_of(Lanes x) { return hn::Abs(x.v); }
HWY_INLINE Lanes max_of(Lanes a, Lanes b) { return hn::Max(a.v, b.v); }

// Arguments are <= 0 here. Below -745 the true value rounds to 0; clamping keeps the polynomial of Highway in its range
// (and turns -infinity into a number).
HWY_INLINE Lanes exp_of(Lanes x) {
  const Lanes::Tag d;
  const auto lowest = hn::Set(d, -745.5);
  const auto value = hn::Exp(d, hn::Max(x.v, lowest));
  return hn::IfThenZeroElse(hn::Lt(x.v, lowest), value);
}
HWY_INLINE Lanes log1p_of(Lanes x) { return hn::Log1p(Lanes::Tag(), x.v); }

#define SEGPREF_FORMULA HWY_INLINE
#include "kernels/math/logistic.inl"
#include "kernels/math/objectives.inl"
#undef SEGPREF_FORMULA

}  // namespace segpref::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
