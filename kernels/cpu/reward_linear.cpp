#include "kernels/cpu/reward_linear.hpp"

#include <algorithm>
#include <type_traits>

#include "kernels/cpu/targets.hpp"
#include "kernels/math/half.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/reward_linear.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "kernels/cpu/half_lanes.hpp"

#ifndef SEGPREF_KERNELS_CPU_REWARD_LINEAR_SIZES
#define SEGPREF_KERNELS_CPU_REWARD_LINEAR_SIZES
namespace segpref::cpu {
// A task reads `columns_per_task` of a row: 4 KiB of f32, one page, from `rows_at_once` rows together, because memory gives more
// bandwidth to several streams than to one.
inline constexpr std::int64_t columns_per_task = 1024;
inline constexpr std::int64_t rows_at_once = 8;
inline constexpr std::int64_t steps_per_slab = 128;
}  // namespace segpref::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace segpref::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// total += coefficient-weighted sum of 8 rows. `coefficients` null: all 1.
template <typename Element, typename Real>
HWY_INLINE void add_eight_rows(const Element* HWY_RESTRICT rows, std::int64_t stride, std::int64_t columns,
                               const Real* HWY_RESTRICT coefficients, Real* HWY_RESTRICT total) {
  const hn::ScalableTag<Real> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t c = 0;
  if (coefficients == nullptr) {
    for (; c + lanes <= columns; c += lanes) {
      const Element* p = rows + c;
      const auto sum01 = hn::Add(widen_lanes(d, p), widen_lanes(d, p + stride));
      const auto sum23 = hn::Add(widen_lanes(d, p + 2 * stride), widen_lanes(d, p + 3 * stride));
      const auto sum45 = hn::Add(widen_lanes(d, p + 4 * stride), widen_lanes(d, p + 5 * stride));
      const auto sum67 = hn::Add(widen_lanes(d, p + 6 * stride), widen_lanes(d, p + 7 * stride));
      hn::StoreU(hn::Add(hn::LoadU(d, total + c), hn::Add(hn::Add(sum01, sum23), hn::Add(sum45, sum67))), d, total + c);
    }
  } else {
    for (; c + lanes <= columns; c += lanes) {
      auto even = hn::Zero(d), odd = hn::Zero(d);
      for (std::int64_t row = 0; row < rows_at_once; row += 2) {
        even = hn::MulAdd(hn::Set(d, coefficients[row]), widen_lanes(d, rows + row * stride + c), even);
        odd = hn::MulAdd(hn::Set(d, coefficients[row + 1]), widen_lanes(d, rows + (row + 1) * stride + c), odd);
      }
      hn::StoreU(hn::Add(hn::LoadU(d, total + c), hn::Add(even, odd)), d, total + c);
    }
  }
  for (; c < columns; ++c) {
    Real sum = 0;
    for (std::int64_t row = 0; row < rows_at_once; ++row)
      sum += (coefficients == nullptr ? Real(1) : coefficients[row]) * static_cast<Real>(math::to_f32(rows[row * stride + c]));
    total[c] += sum;
  }
}

/// total += coefficient * row
template <typename Element, typename Real>
HWY_INLINE void add_row(const Element* HWY_RESTRICT row, std::int64_t columns, Real coefficient, Real* HWY_RESTRICT total) {
  const hn::ScalableTag<Real> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto scale = hn::Set(d, coefficient);
  std::int64_t c = 0;
  for (; c + lanes <= columns; c += lanes) hn::StoreU(hn::MulAdd(scale, widen_lanes(d, row + c), hn::LoadU(d, total + c)), d, total + c);
  for (; c < columns; ++c) total[c] += coefficient * static_cast<Real>(math::to_f32(row[c]));
}

template <typename Element, typename Real>
HWY_INLINE void sum_rows(const Element* rows, std::int64_t stride, std::int64_t num_rows, std::int64_t columns, const Real* coefficients,
                         Real* total) {
  std::fill_n(total, columns, Real(0));
  Real slab[columns_per_task];
  for (std::int64_t slab_begin = 0; slab_begin < num_rows; slab_begin += steps_per_slab) {
    const std::int64_t slab_end = std::min(num_rows, slab_begin + steps_per_slab);
    std::fill_n(slab, columns, Real(0));
    std::int64_t row = slab_begin;
    for (; row + rows_at_once <= slab_end; row += rows_at_once)
      add_eight_rows(rows + row * stride, stride, columns, coefficients == nullptr ? nullptr : coefficients + row, slab);
    for (; row < slab_end; ++row) add_row(rows + row * stride, columns, coefficients == nullptr ? Real(1) : coefficients[row], slab);
    add_row(static_cast<const Real*>(slab), columns, Real(1), total);
  }
}

template <typename Element, typename Real>
HWY_INLINE Real dot(const Element* HWY_RESTRICT x, const Real* HWY_RESTRICT w, std::int64_t n) {
  const hn::ScalableTag<Real> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  auto sum0 = hn::Zero(d), sum1 = hn::Zero(d), sum2 = hn::Zero(d), sum3 = hn::Zero(d);
  std::int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    sum0 = hn::MulAdd(widen_lanes(d, x + i), hn::LoadU(d, w + i), sum0);
    sum1 = hn::MulAdd(widen_lanes(d, x + i + lanes), hn::LoadU(d, w + i + lanes), sum1);
    sum2 = hn::MulAdd(widen_lanes(d, x + i + 2 * lanes), hn::LoadU(d, w + i + 2 * lanes), sum2);
    sum3 = hn::MulAdd(widen_lanes(d, x + i + 3 * lanes), hn::LoadU(d, w + i + 3 * lanes), sum3);
  }
  for (; i + lanes <= n; i += lanes) sum0 = hn::MulAdd(widen_lanes(d, x + i), hn::LoadU(d, w + i), sum0);
  Real rest = 0;
  for (; i < n; ++i) rest += static_cast<Real>(math::to_f32(x[i])) * w[i];
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3)))) + rest;
}

/// out[c] = sum_e weight[e, c] * grad[e]; f32 and f64 go past the caches, as the row is not read again here.
template <typename Element, typename Real>
HWY_INLINE void grad_row(const Real* HWY_RESTRICT weight, std::int64_t num_members, std::int64_t feature_dim, const Real* HWY_RESTRICT grad,
                         std::int64_t grad_stride, Element* HWY_RESTRICT out) {
  const hn::ScalableTag<Real> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto scalar = [&](std::int64_t c) {
    Real sum = 0;
    for (std::int64_t e = 0; e < num_members; ++e)
      if (grad[e * grad_stride] != 0) sum += weight[e * feature_dim + c] * grad[e * grad_stride];
    out[c] = math::from_real<Element>(sum);
  };
  std::int64_t c = 0;
  for (; c < feature_dim && reinterpret_cast<std::uintptr_t>(out + c) % 64 != 0; ++c) scalar(c);
  for (; c + lanes <= feature_dim; c += lanes) {
    auto sum = hn::Zero(d);
    for (std::int64_t e = 0; e < num_members; ++e)
      if (grad[e * grad_stride] != 0) sum = hn::MulAdd(hn::LoadU(d, weight + e * feature_dim + c), hn::Set(d, grad[e * grad_stride]), sum);
    if constexpr (std::is_same_v<Element, Real>) {
      hn::Stream(sum, d, out + c);
    } else {
      Real values[HWY_MAX_BYTES / sizeof(Real)];
      hn::StoreU(sum, d, values);
      for (std::int64_t i = 0; i < lanes; ++i) out[c + i] = math::from_real<Element>(values[i]);
    }
  }
  for (; c < feature_dim; ++c) scalar(c);
}

#define SEGPREF_FOR_ELEMENTS(DO) DO(f32, float, float) DO(f64, double, double) DO(bf16, bf16, float) DO(f16, f16, float)
#define SEGPREF_DEFINE(name, Element, Real)                                                                                             \
  void sum_rows_##name(const Element* rows, std::int64_t stride, std::int64_t num_rows, std::int64_t columns, const Real* coefficients, \
                       Real* total) {                                                                                                   \
    sum_rows(rows, stride, num_rows, columns, coefficients, total);                                                                     \
  }                                                                                                                                     \
  Real dot_##name(const Element* x, const Real* w, std::int64_t n) { return dot(x, w, n); }                                             \
  void grad_rows_##name(const Real* weight, std::int64_t num_members, std::int64_t feature_dim, const Real* grad,                       \
                        std::int64_t grad_stride, std::int64_t num_rows, Element* out) {                                                \
    for (std::int64_t row = 0; row < num_rows; ++row)                                                                                   \
      grad_row(weight, num_members, feature_dim, grad + row, grad_stride, out + row * feature_dim);                                     \
    hwy::FlushStream();                                                                                                                 \
  }
SEGPREF_FOR_ELEMENTS(SEGPREF_DEFINE)
#undef SEGPREF_DEFINE

void add_row_of_f32(const float* row, std::int64_t columns, float coefficient, float* total) { add_row(row, columns, coefficient, total); }
void add_row_of_f64(const double* row, std::int64_t columns, double coefficient, double* total) { add_row(row, columns, coefficient, total); }

}  // namespace segpref::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace segpref::cpu {

#define SEGPREF_EXPORT(name, Element, Real) \
  HWY_EXPORT(sum_rows_##name);              \
  HWY_EXPORT(dot_##name);                   \
  HWY_EXPORT(grad_rows_##name);
SEGPREF_FOR_ELEMENTS(SEGPREF_EXPORT)
#undef SEGPREF_EXPORT
HWY_EXPORT(add_row_of_f32);
HWY_EXPORT(add_row_of_f64);

namespace {

#define SEGPREF_CALLS(name, Element, Real)                                                                                            \
  void call_sum_rows(const Element* rows, std::int64_t stride, std::int64_t n, std::int64_t columns, const Real* k, Real* total) {    \
    HWY_DYNAMIC_DISPATCH(sum_rows_##name)(rows, stride, n, columns, k, total);                                                        \
  }                                                                                                                                   \
  Real call_dot(const Element* x, const Real* w, std::int64_t n) { return HWY_DYNAMIC_DISPATCH(dot_##name)(x, w, n); }                \
  void call_grad_rows(const Real* w, std::int64_t members, std::int64_t dim, const Real* grad, std::int64_t stride, std::int64_t rows, \
                      Element* out) {                                                                                                 \
    HWY_DYNAMIC_DISPATCH(grad_rows_##name)(w, members, dim, grad, stride, rows, out);                                                 \
  }
SEGPREF_FOR_ELEMENTS(SEGPREF_CALLS)
#undef SEGPREF_CALLS

void call_add_row(const float* row, std::int64_t n, float k, float* total) { HWY_DYNAMIC_DISPATCH(add_row_of_f32)(row, n, k, total); }
void call_add_row(const double* row, std::int64_t n, double k, double* total) { HWY_DYNAMIC_DISPATCH(add_row_of_f64)(row, n, k, total); }

constexpr std::int64_t blocks_of(std::int64_t n, std::int64_t block) { return (n + block - 1) / block; }

/// The bytes of features or of their gradient that one task handles where it goes row by row.
constexpr std::int64_t bytes_per_task = 256 * 1024;

template <typename Element>
std::int64_t rows_per_task(std::int64_t feature_dim) {
  return std::max<std::int64_t>(1, bytes_per_task / (feature_dim * static_cast<std::int64_t>(sizeof(Element))));
}

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

template <typename Element, typename Real>
void sum_features(const Batch& batch, const AggregationParams<Real>& params, const FeatureRows<Element>& features, const std::uint8_t* used,
                  Real* sums, Real* coefficient_sums, ThreadPool& pool) {
  const std::int64_t dim = features.feature_dim, blocks = blocks_of(dim, columns_per_task);
  pool.run(batch.num_segments * blocks, [&](std::int64_t task, int) {
    const std::int64_t segment = task / blocks, column = task % blocks * columns_per_task;
    if (!used[segment]) return;
    const std::int64_t begin = batch.segment_begin(segment), length = batch.segment_end(segment) - begin;
    const std::int64_t columns = std::min(columns_per_task, dim - column);
    const bool last = params.aggregation == Aggregation::last;
    const bool mean = params.aggregation == Aggregation::mean && length > 0;
    const std::int64_t first_row = last && length > 0 ? length - 1 : 0;
    Real* total = sums + segment * dim + column;
    call_sum_rows(features.data + (begin + first_row) * features.row_stride + column, features.row_stride, length - first_row, columns,
                  params.discount_powers, total);
    if (mean)
      for (std::int64_t c = 0; c < columns; ++c) total[c] /= static_cast<Real>(length);
    if (column != 0) return;
    double coefficients = static_cast<double>(length - first_row);
    if (params.discount_powers != nullptr) {
      coefficients = 0;
      for (std::int64_t t = 0; t < length; ++t) coefficients += static_cast<double>(params.discount_powers[t]);
    }
    coefficient_sums[segment] = static_cast<Real>(mean ? coefficients / static_cast<double>(length) : coefficients);
  });
}

template <typename Real>
void linear_scores(const Batch& batch, const LinearWeights<Real>& head, std::int64_t feature_dim, const std::uint8_t* used, const Real* sums,
                   const Real* coefficient_sums, Real* scores, ThreadPool& pool) {
  pool.run(batch.num_segments, [&](std::int64_t segment, int) {
    for (std::int64_t member = 0; member < batch.num_members; ++member) {
      Real& score = scores[member * batch.num_segments + segment];
      score = 0;
      // An empty segment scores 0 whatever the weights hold.
      if (!used[segment] || batch.segment_end(segment) == batch.segment_begin(segment)) continue;
      score = call_dot(sums + segment * feature_dim, head.weight + member * feature_dim, feature_dim);
      if (head.bias != nullptr) score += head.bias[member] * coefficient_sums[segment];
    }
  });
}

template <typename Real>
void linear_grad_head(const Batch& batch, std::int64_t feature_dim, const Real* grad_scores, const std::uint8_t* counted, const Real* sums,
                      const Real* coefficient_sums, Real* grad_weight, Real* grad_bias, ThreadPool& pool) {
  constexpr std::int64_t columns_at_once = 256;
  const std::int64_t blocks = blocks_of(feature_dim, columns_at_once), segments = batch.num_segments;
  if (grad_weight != nullptr)
    pool.run(batch.num_members * blocks, [&](std::int64_t task, int) {
      const std::int64_t member = task / blocks, column = task % blocks * columns_at_once;
      const std::int64_t columns = std::min(columns_at_once, feature_dim - column);
      Real* total = grad_weight + member * feature_dim + column;
      std::fill_n(total, columns, Real(0));
      for (std::int64_t segment = 0; segment < segments; ++segment)
        if (counted[member * segments + segment])
          call_add_row(sums + segment * feature_dim + column, columns, grad_scores[member * segments + segment], total);
    });
  if (grad_bias == nullptr) return;
  for (std::int64_t member = 0; member < batch.num_members; ++member) {
    double total = 0;
    for (std::int64_t segment = 0; segment < segments; ++segment)
      if (counted[member * segments + segment])
        total += static_cast<double>(grad_scores[member * segments + segment]) * static_cast<double>(coefficient_sums[segment]);
    grad_bias[member] = static_cast<Real>(total);
  }
}

template <typename Element, typename Real>
void linear_grad_features(std::int64_t num_members, std::int64_t num_steps, std::int64_t feature_dim, const Real* weight,
                          const Real* grad_step_rewards, Element* grad_features, ThreadPool& pool) {
  const std::int64_t rows = rows_per_task<Element>(feature_dim);
  pool.run(blocks_of(num_steps, rows), [&](std::int64_t task, int) {
    const std::int64_t begin = task * rows;
    call_grad_rows(weight, num_members, feature_dim, grad_step_rewards + begin, num_steps, std::min(rows, num_steps - begin),
                   grad_features + begin * feature_dim);
  });
}

template <typename Element, typename Real>
void linear_step_rewards(std::int64_t num_members, std::int64_t num_steps, const FeatureRows<Element>& features,
                         const LinearWeights<Real>& head, Real* step_rewards, ThreadPool& pool) {
  const std::int64_t rows = rows_per_task<Element>(features.feature_dim);
  pool.run(blocks_of(num_steps, rows), [&](std::int64_t task, int) {
    for (std::int64_t step = task * rows; step < std::min(num_steps, (task + 1) * rows); ++step)
      for (std::int64_t member = 0; member < num_members; ++member)
        step_rewards[member * num_steps + step] =
            call_dot(features.data + step * features.row_stride, head.weight + member * features.feature_dim, features.feature_dim) +
            (head.bias == nullptr ? Real(0) : head.bias[member]);
  });
}

template void linear_scores<float>(const Batch&, const LinearWeights<float>&, std::int64_t, const std::uint8_t*, const float*, const float*,
                                   float*, ThreadPool&);
template void linear_scores<double>(const Batch&, const LinearWeights<double>&, std::int64_t, const std::uint8_t*, const double*,
                                    const double*, double*, ThreadPool&);
template void linear_grad_head<float>(const Batch&, std::int64_t, const float*, const std::uint8_t*, const float*, const float*, float*,
                                      float*, ThreadPool&);
template void linear_grad_head<double>(const Batch&, std::int64_t, const double*, const std::uint8_t*, const double*, const double*, double*,
                                       double*, ThreadPool&);
#define SEGPREF_INSTANTIATE(name, Element, Real)                                                                                        \
  template void sum_features<Element, Real>(const Batch&, const AggregationParams<Real>&, const FeatureRows<Element>&,                  \
                                            const std::uint8_t*, Real*, Real*, ThreadPool&);                                            \
  template void linear_grad_features<Element, Real>(std::int64_t, std::int64_t, std::int64_t, const Real*, const Real*, Element*,       \
                                                    ThreadPool&);                                                                       \
  template void linear_step_rewards<Element, Real>(std::int64_t, std::int64_t, const FeatureRows<Element>&, const LinearWeights<Real>&, \
                                                   Real*, ThreadPool&);
SEGPREF_FOR_ELEMENTS(SEGPREF_INSTANTIATE)
#undef SEGPREF_INSTANTIATE

}  // namespace segpref::cpu
#endif
