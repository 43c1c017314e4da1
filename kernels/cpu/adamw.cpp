#include "kernels/cpu/adamw.hpp"

#include <algorithm>

#include "kernels/cpu/targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/adamw.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace segpref::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <typename Real>
struct AdamWLanes {
  using Tag = hn::ScalableTag<Real>;
  hn::Vec<Tag> beta1, beta2, rest1, rest2, epsilon, step_size, root_scale, keep, coupled_decay;

  HWY_INLINE explicit AdamWLanes(const math::AdamWCoefficients<Real>& c)
      : beta1(set(c.beta1)), beta2(set(c.beta2)), rest1(set(c.rest1)), rest2(set(c.rest2)), epsilon(set(c.epsilon)),
        step_size(set(c.step_size)), root_scale(set(c.root_scale)), keep(set(c.keep)), coupled_decay(set(c.coupled_decay)) {}

  HWY_INLINE void update(Real* p, const Real* g, Real* m, Real* v) const {
    const Tag d;
    const auto parameter = hn::LoadU(d, p);
    const auto gradient = hn::MulAdd(coupled_decay, parameter, hn::LoadU(d, g));
    const auto first = hn::MulAdd(rest1, gradient, hn::Mul(beta1, hn::LoadU(d, m)));
    const auto second = hn::MulAdd(hn::Mul(rest2, gradient), gradient, hn::Mul(beta2, hn::LoadU(d, v)));
    const auto root = hn::MulAdd(hn::Sqrt(second), root_scale, epsilon);
    hn::StoreU(first, d, m);
    hn::StoreU(second, d, v);
    hn::StoreU(hn::NegMulAdd(step_size, hn::Div(first, root), hn::Mul(keep, parameter)), d, p);
  }

 private:
  static HWY_INLINE hn::Vec<Tag> set(Real value) { return hn::Set(Tag(), value); }
};

template <typename Real>
HWY_INLINE void adamw_range(const math::AdamWCoefficients<Real>& coefficients, std::int64_t n, Real* HWY_RESTRICT p, const Real* HWY_RESTRICT g,
                            Real* HWY_RESTRICT m, Real* HWY_RESTRICT v) {
  const AdamWLanes<Real> lanes_of(coefficients);
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<Real>()));
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) lanes_of.update(p + i, g + i, m + i, v + i);
  if (i == n) return;
  // The rest goes through whole vectors on the stack, so that an element's bits do not depend on its place.
  constexpr std::int64_t padded_size = HWY_MAX_BYTES / sizeof(Real);
  Real padded[4][padded_size] = {};
  Real* const arrays[3] = {p, m, v};
  const auto copy = [](const Real* from, std::int64_t count, Real* to) {
    for (std::int64_t k = 0; k < count; ++k) to[k] = from[k];
  };
  for (int a = 0; a < 3; ++a) copy(arrays[a] + i, n - i, padded[a]);
  copy(g + i, n - i, padded[3]);
  lanes_of.update(padded[0], padded[3], padded[1], padded[2]);
  for (int a = 0; a < 3; ++a) copy(padded[a], n - i, arrays[a] + i);
}

void adamw_f32(const math::AdamWCoefficients<float>& coefficients, std::int64_t n, float* p, const float* g, float* m, float* v) {
  adamw_range(coefficients, n, p, g, m, v);
}
void adamw_f64(const math::AdamWCoefficients<double>& coefficients, std::int64_t n, double* p, const double* g, double* m, double* v) {
  adamw_range(coefficients, n, p, g, m, v);
}

}  // namespace segpref::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace segpref::cpu {
HWY_EXPORT(adamw_f32);
HWY_EXPORT(adamw_f64);

namespace {

/// Elements of one task: four arrays of f32 fill half of a second-level cache of 1 MiB.
constexpr std::int64_t elements_per_task = 32768;

template <typename Range>
void run_tasks(std::int64_t n, ThreadPool& pool, const Range& range) {
  pool.run((n + elements_per_task - 1) / elements_per_task, [&](std::int64_t task, int) {
    const std::int64_t begin = task * elements_per_task;
    range(begin, std::min(elements_per_task, n - begin));
  });
}

}  // namespace

template <>
void adamw_step<float>(const math::AdamWCoefficients<float>& coefficients, std::int64_t n, float* p, const float* g, float* m, float* v, ThreadPool& pool) {
  run_tasks(n, pool, [&](std::int64_t i, std::int64_t count) {
    HWY_DYNAMIC_DISPATCH(adamw_f32)(coefficients, count, p + i, g + i, m + i, v + i);
  });
}

template <>
void adamw_step<double>(const math::AdamWCoefficients<double>& coefficients, std::int64_t n, double* p, const double* g, double* m, double* v,
                        ThreadPool& pool) {
  run_tasks(n, pool, [&](std::int64_t i, std::int64_t count) {
    HWY_DYNAMIC_DISPATCH(adamw_f64)(coefficients, count, p + i, g + i, m + i, v + i);
  });
}

}  // namespace segpref::cpu
#endif
