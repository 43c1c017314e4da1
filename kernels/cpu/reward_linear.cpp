#include "kernels/cpu/reward_linear.hpp"

#include "kernels/cpu/targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/reward_linear.cpp"
#include <hwy/foreach_target.h>
//
#include "kernels/cpu/half_lanes.hpp"

HWY_BEFORE_NAMESPACE();
namespace segpref::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <typename Real>
HWY_INLINE Real dot(const Real* HWY_RESTRICT x, const Real* HWY_RESTRICT w, std::int64_t n) {
  const hn::ScalableTag<Real> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  auto sum0 = hn::Zero(d), sum1 = hn::Zero(d), sum2 = hn::Zero(d), sum3 = hn::Zero(d);
  std::int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    sum0 = hn::MulAdd(hn::LoadU(d, x + i), hn::LoadU(d, w + i), sum0);
    sum1 = hn::MulAdd(hn::LoadU(d, x + i + lanes), hn::LoadU(d, w + i + lanes), sum1);
    sum2 = hn::MulAdd(hn::LoadU(d, x + i + 2 * lanes), hn::LoadU(d, w + i + 2 * lanes), sum2);
    sum3 = hn::MulAdd(hn::LoadU(d, x + i + 3 * lanes), hn::LoadU(d, w + i + 3 * lanes), sum3);
  }
  for (; i + lanes <= n; i += lanes) sum0 = hn::MulAdd(hn::LoadU(d, x + i), hn::LoadU(d, w + i), sum0);
  if (i < n) sum1 = hn::MulAdd(widen_first(d, x + i, n - i), widen_first(d, w + i, n - i), sum1);
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3))));
}

/// total += coefficient * row
template <typename Real>
HWY_INLINE void add_row(const Real* HWY_RESTRICT row, std::int64_t columns, Real coefficient, Real* HWY_RESTRICT total) {
  const hn::ScalableTag<Real> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto scale = hn::Set(d, coefficient);
  std::int64_t c = 0;
  for (; c + lanes <= columns; c += lanes) hn::StoreU(hn::MulAdd(scale, hn::LoadU(d, row + c), hn::LoadU(d, total + c)), d, total + c);
  if (c == columns) return;
  const std::int64_t rest = columns - c;
  store_first(hn::MulAdd(scale, widen_first(d, row + c, rest), widen_first(d, total + c, rest)), d, total + c, rest);
}

#define SEGPREF_FOR_REALS(DO) DO(f32, float) DO(f64, double)
#define SEGPREF_DEFINE(name, Real)                                                          \
  Real dot_##name(const Real* x, const Real* w, std::int64_t n) { return dot(x, w, n); }    \
  void add_row_##name(const Real* row, std::int64_t columns, Real coefficient, Real* total) { add_row(row, columns, coefficient, total); }
SEGPREF_FOR_REALS(SEGPREF_DEFINE)
#undef SEGPREF_DEFINE

}  // namespace segpref::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace segpref::cpu {
HWY_EXPORT(dot_f32);
HWY_EXPORT(dot_f64);
HWY_EXPORT(add_row_f32);
HWY_EXPORT(add_row_f64);

namespace {

// One name for the dispatched functions of both types.
#define SEGPREF_CALLS(name, Real)                                                                                         \
  Real call_dot(const Real* x, const Real* w, std::int64_t n) { return HWY_DYNAMIC_DISPATCH(dot_##name)(x, w, n); }       \
  void call_add_row(const Real* row, std::int64_t n, Real k, Real* total) { HWY_DYNAMIC_DISPATCH(add_row_##name)(row, n, k, total); }
SEGPREF_FOR_REALS(SEGPREF_CALLS)
#undef SEGPREF_CALLS

/// Elements of the sums that one task of linear_scores reads.
constexpr std::int64_t elements_per_task = 65536;
/// Columns of one task of linear_grad_head.
constexpr std::int64_t columns_per_task = 256;

}  // namespace

void mark_used_segments(const Batch& batch, bool all, std::uint8_t* used) {
  std::fill_n(used, batch.num_segments, static_cast<std::uint8_t>(all));
  if (all) return;
  const std::int64_t num_orders = batch.pair_order_member_stride > 0 ? batch.num_members : 1;
  for (std::int64_t member = 0; member < num_orders; ++member)
    for (std::int64_t i = 0; i < batch.num_batch_pairs; ++i) {
      const std::int64_t pair = batch.pair_at(member, i);
      for (int side : {0, 1}) used[batch.segment_of(pair, side)] = 1;
    }
}

template <typename Real>
Real linear_score(const Batch& batch, const LinearWeights<Real>& head, std::int64_t feature_dim, const FeatureSums<Real>& sums, std::int64_t member,
                  std::int64_t segment) {
  if (batch.segment_end(segment) == batch.segment_begin(segment)) return 0;
  const Real score = call_dot(sums.sums + segment * feature_dim, head.weight + member * feature_dim, feature_dim);
  return head.bias == nullptr ? score : score + head.bias_of(member) * sums.coefficient_sums[segment];
}

template <typename Real>
void linear_scores(const Batch& batch, const LinearWeights<Real>& head, std::int64_t feature_dim, const std::uint8_t* used,
                   const FeatureSums<Real>& sums, Real* scores, ThreadPool& pool) {
  const std::int64_t per_task = std::max<std::int64_t>(1, elements_per_task / feature_dim);
  pool.run((batch.num_segments + per_task - 1) / per_task, [&](std::int64_t task, int) {
    for (std::int64_t segment = task * per_task; segment < std::min(batch.num_segments, (task + 1) * per_task); ++segment)
      for (std::int64_t member = 0; member < batch.num_members; ++member)
        scores[member * batch.num_segments + segment] = used[segment] ? linear_score(batch, head, feature_dim, sums, member, segment) : Real(0);
  });
}

template <typename Real>
void linear_grad_head(const Batch& batch, const LinearWeights<Real>& head, std::int64_t feature_dim, const Real* grad_scores,
                      const std::uint8_t* counted, const FeatureSums<Real>& sums, Real* grad_weight, Real* grad_bias, ThreadPool& pool) {
  const std::int64_t blocks = (feature_dim + columns_per_task - 1) / columns_per_task, segments = batch.num_segments;
  if (grad_weight != nullptr)
    pool.run(batch.num_members * blocks, [&](std::int64_t task, int) {
      const std::int64_t member = task / blocks, column = task % blocks * columns_per_task;
      const std::int64_t columns = std::min(columns_per_task, feature_dim - column);
      Real* total = grad_weight + member * feature_dim + column;
      std::fill_n(total, columns, Real(0));
      for (std::int64_t segment = 0; segment < segments; ++segment)
        if (counted[member * segments + segment])
          call_add_row(sums.sums + segment * feature_dim + column, columns, grad_scores[member * segments + segment], total);
    });
  if (grad_bias == nullptr) return;
  double total = 0;
  for (std::int64_t member = 0; member < batch.num_members; ++member) {
    if (head.bias_stride != 0) total = 0;
    for (std::int64_t segment = 0; segment < segments; ++segment)
      if (counted[member * segments + segment])
        total += static_cast<double>(grad_scores[member * segments + segment]) * static_cast<double>(sums.coefficient_sums[segment]);
    grad_bias[member * head.bias_stride] = static_cast<Real>(total);
  }
}

#define SEGPREF_INSTANTIATE(name, Real)                                                                                                      \
  template Real linear_score<Real>(const Batch&, const LinearWeights<Real>&, std::int64_t, const FeatureSums<Real>&, std::int64_t,          \
                                   std::int64_t);                                                                                            \
  template void linear_scores<Real>(const Batch&, const LinearWeights<Real>&, std::int64_t, const std::uint8_t*, const FeatureSums<Real>&,   \
                                    Real*, ThreadPool&);                                                                                     \
  template void linear_grad_head<Real>(const Batch&, const LinearWeights<Real>&, std::int64_t, const Real*, const std::uint8_t*,             \
                                       const FeatureSums<Real>&, Real*, Real*, ThreadPool&);
SEGPREF_FOR_REALS(SEGPREF_INSTANTIATE)
#undef SEGPREF_INSTANTIATE

}  // namespace segpref::cpu
#endif
