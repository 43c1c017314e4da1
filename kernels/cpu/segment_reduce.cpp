#include "kernels/cpu/segment_reduce.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/cpu/targets.hpp"
#include "kernels/math/half.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/segment_reduce.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/cache_control.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace segpref::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

HWY_INLINE hn::Vec<hn::ScalableTag<float>> load_lanes(hn::ScalableTag<float> d, const float* p) { return hn::LoadU(d, p); }
HWY_INLINE hn::Vec<hn::ScalableTag<double>> load_lanes(hn::ScalableTag<double> d, const double* p) { return hn::LoadU(d, p); }
HWY_INLINE hn::Vec<hn::ScalableTag<float>> load_lanes(hn::ScalableTag<float> d, const bf16* p) {
  const hn::RebindToUnsigned<decltype(d)> du;
  const hn::Rebind<std::uint16_t, decltype(d)> du16;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(du, hn::LoadU(du16, reinterpret_cast<const std::uint16_t*>(p)))));
}
HWY_INLINE hn::Vec<hn::ScalableTag<float>> load_lanes(hn::ScalableTag<float> d, const f16* p) {
  const hn::Rebind<hwy::float16_t, decltype(d)> dh;
  return hn::PromoteTo(d, hn::LoadU(dh, reinterpret_cast<const hwy::float16_t*>(p)));
}

/// sum of rewards[t] * powers[t]; powers may be null.
template <typename Element, typename Real>
HWY_INLINE Real dot_with_powers(const Element* HWY_RESTRICT rewards, const Real* HWY_RESTRICT powers, std::int64_t length,
                                std::int64_t readable) {
  const hn::ScalableTag<Real> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  auto sum0 = hn::Zero(d), sum1 = hn::Zero(d), sum2 = hn::Zero(d), sum3 = hn::Zero(d);
  std::int64_t t = 0;
  if (powers == nullptr) {
    for (; t + 4 * lanes <= length; t += 4 * lanes) {
      sum0 = hn::Add(sum0, load_lanes(d, rewards + t));
      sum1 = hn::Add(sum1, load_lanes(d, rewards + t + lanes));
      sum2 = hn::Add(sum2, load_lanes(d, rewards + t + 2 * lanes));
      sum3 = hn::Add(sum3, load_lanes(d, rewards + t + 3 * lanes));
    }
    for (; t + lanes <= length; t += lanes) sum0 = hn::Add(sum0, load_lanes(d, rewards + t));
  } else {
    for (; t + lanes <= length; t += lanes) sum0 = hn::MulAdd(load_lanes(d, rewards + t), hn::LoadU(d, powers + t), sum0);
  }
  if (t < length) {
    // Tail: the lanes beyond the segment are cut off after the load where memory beyond it may be read, else the rest is copied.
    const std::int64_t rest = length - t;
    auto values = hn::Zero(d);
    if (readable - t >= lanes) {
      values = load_lanes(d, rewards + t);
    } else {
      Element padded[HWY_MAX_BYTES / sizeof(Element)] = {};
      std::copy_n(rewards + t, rest, padded);
      values = load_lanes(d, padded);
    }
    values = hn::IfThenElseZero(hn::FirstN(d, static_cast<std::size_t>(rest)), values);
    if (powers == nullptr) {
      sum1 = hn::Add(sum1, values);
    } else {
      Real padded[HWY_MAX_BYTES / sizeof(Real)] = {};
      std::copy_n(powers + t, rest, padded);
      sum1 = hn::MulAdd(values, hn::LoadU(d, padded), sum1);
    }
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3))));
}

template <typename Element, typename Real>
HWY_INLINE Real score_of(const AggregationParams<Real>& params, const Element* rewards, std::int64_t length, std::int64_t readable) {
  if (length == 0) return Real(0);
  if (params.aggregation == Aggregation::last) return static_cast<Real>(math::to_f32(rewards[length - 1]));
  const Real sum = dot_with_powers(rewards, params.discount_powers, length, readable);
  return params.aggregation == Aggregation::mean ? sum / static_cast<Real>(length) : sum;
}

template <typename Element, typename Real>
void scores_of_range(const Batch& batch, const AggregationParams<Real>& params, const Element* rewards, std::int64_t segment_begin,
                     std::int64_t segment_end, Real* scores) {
  for (std::int64_t segment = segment_begin; segment < segment_end; ++segment) {
    const std::int64_t begin = batch.segment_begin(segment);
    scores[segment] = score_of(params, rewards + begin, batch.segment_end(segment) - begin, batch.num_steps - begin);
  }
}

#define SEGPREF_FOR_ELEMENTS(DO) DO(f32, float, float) DO(f64, double, double) DO(bf16, bf16, float) DO(f16, f16, float)
#define SEGPREF_DEFINE(name, Element, Real)                                                                                          \
  void scores_##name(const Batch& batch, const AggregationParams<Real>& params, const Element* rewards, std::int64_t begin,          \
                     std::int64_t end, Real* scores) {                                                                               \
    scores_of_range(batch, params, rewards, begin, end, scores);                                                                     \
  }                                                                                                                                  \
  Real score_##name(const AggregationParams<Real>& params, const Element* rewards, std::int64_t length, std::int64_t readable) {     \
    return score_of(params, rewards, length, readable);                                                                              \
  }
SEGPREF_FOR_ELEMENTS(SEGPREF_DEFINE)
#undef SEGPREF_DEFINE

/// Copies past the caches: the gradient is not read again here.
void stream_f32(const float* from, std::int64_t count, float* to) {
  const hn::ScalableTag<float> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  while (i < count && reinterpret_cast<std::uintptr_t>(to + i) % 64 != 0) to[i] = from[i], ++i;
  for (; i + lanes <= count; i += lanes) hn::Stream(hn::LoadU(d, from + i), d, to + i);
  for (; i < count; ++i) to[i] = from[i];
  hwy::FlushStream();
}

}  // namespace segpref::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace segpref::cpu {
HWY_EXPORT(scores_f32);
HWY_EXPORT(scores_f64);
HWY_EXPORT(scores_bf16);
HWY_EXPORT(scores_f16);
HWY_EXPORT(score_f32);
HWY_EXPORT(score_f64);
HWY_EXPORT(score_bf16);
HWY_EXPORT(score_f16);
HWY_EXPORT(stream_f32);

namespace {

/// Steps of one task of expand_gradient: its buffer stays in the first-level cache.
constexpr std::int64_t steps_per_block = 4096;
/// Outputs larger than this are written past the caches.
constexpr std::int64_t stream_from_bytes = std::int64_t{4} << 20;

}  // namespace

std::int64_t longest_segment(const Batch& batch) {
  std::int64_t longest = 0;
  for (std::int64_t segment = 0; segment < batch.num_segments; ++segment)
    longest = std::max(longest, batch.segment_end(segment) - batch.segment_begin(segment));
  return longest;
}

template <typename Real>
void discount_powers(double discount, std::int64_t count, Real* powers) {
  for (std::int64_t t = 0; t < count; ++t) powers[t] = static_cast<Real>(std::pow(discount, static_cast<double>(t)));
}
template void discount_powers<float>(double, std::int64_t, float*);
template void discount_powers<double>(double, std::int64_t, double*);

#define SEGPREF_DEFINE(name, Element, Real)                                                                                          \
  template <>                                                                                                                        \
  Real segment_score<Element, Real>(const AggregationParams<Real>& params, const Element* rewards, std::int64_t length,              \
                                    std::int64_t readable) {                                                                         \
    return HWY_DYNAMIC_DISPATCH(score_##name)(params, rewards, length, readable);                                                    \
  }                                                                                                                                  \
  template <>                                                                                                                        \
  void segment_scores<Element, Real>(const Batch& batch, const AggregationParams<Real>& params, const Element* step_rewards,         \
                                     Real* scores, ThreadPool& pool) {                                                               \
    if (batch.num_segments == 0) return;                                                                                             \
    const std::int64_t mean_length = batch.num_steps / batch.num_segments + 1;                                                       \
    const std::int64_t per_task = std::clamp<std::int64_t>(4 * steps_per_block / mean_length, 1, 4096);                              \
    const std::int64_t tasks = (batch.num_segments + per_task - 1) / per_task;                                                       \
    pool.run(batch.num_members * tasks, [&](std::int64_t task, int) {                                                                \
      const std::int64_t member = task / tasks, begin = task % tasks * per_task;                                                     \
      HWY_DYNAMIC_DISPATCH(scores_##name)                                                                                            \
      (batch, params, step_rewards + member * batch.num_steps, begin, std::min(batch.num_segments, begin + per_task),                \
       scores + member * batch.num_segments);                                                                                        \
    });                                                                                                                              \
  }
SEGPREF_FOR_ELEMENTS(SEGPREF_DEFINE)
#undef SEGPREF_DEFINE

SegmentOrder order_segments(const Batch& batch, std::int64_t* by_begin, std::int64_t* reach) {
  if (!batch.windows()) return {};
  std::iota(by_begin, by_begin + batch.num_segments, std::int64_t{0});
  std::sort(by_begin, by_begin + batch.num_segments, [&](std::int64_t a, std::int64_t b) {
    const std::int64_t begin_a = batch.begins[a], begin_b = batch.begins[b];
    return begin_a != begin_b ? begin_a < begin_b : a < b;
  });
  std::int64_t furthest = 0;
  for (std::int64_t i = 0; i < batch.num_segments; ++i) reach[i] = furthest = std::max(furthest, batch.segment_end(by_begin[i]));
  return {by_begin, reach};
}

namespace {

/// The first position in the order whose segment, or an earlier one, reaches beyond `step`.
std::int64_t first_reaching(const Batch& batch, const SegmentOrder& order, std::int64_t step) {
  std::int64_t low = 0, high = batch.num_segments;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    const std::int64_t reach = order.reach == nullptr ? batch.segment_end(middle) : order.reach[middle];
    if (reach > step) high = middle;
    else low = middle + 1;
  }
  return low;
}

template <typename Real>
void add_segment(const AggregationParams<Real>& params, Real grad_score, std::int64_t begin, std::int64_t end, std::int64_t block_begin,
                 std::int64_t block_end, Real* block) {
  const std::int64_t length = end - begin;
  const std::int64_t from = std::max(begin, block_begin), to = std::min(end, block_end);
  if (params.aggregation == Aggregation::last) {
    if (end - 1 >= from && end - 1 < to) block[end - 1 - block_begin] += grad_score;
    return;
  }
  if (params.discount_powers == nullptr) {
    const Real value = params.aggregation == Aggregation::mean ? grad_score / static_cast<Real>(length) : grad_score;
    for (std::int64_t step = from; step < to; ++step) block[step - block_begin] += value;
    return;
  }
  for (std::int64_t step = from; step < to; ++step)
    block[step - block_begin] += grad_score * step_coefficient(params, step - begin, length);
}

template <typename Element, typename Real>
void store_block(const Real* block, std::int64_t count, bool stream, Element* to) {
  if constexpr (std::is_same_v<Element, float>) {
    if (stream) return HWY_DYNAMIC_DISPATCH(stream_f32)(block, count, to);
  }
  (void)stream;
  for (std::int64_t i = 0; i < count; ++i) to[i] = math::from_real<Element>(block[i]);
}

}  // namespace

template <typename Element, typename Real>
void expand_gradient(const Batch& batch, const AggregationParams<Real>& params, const SegmentOrder& order, const Real* grad_scores,
                     const std::uint8_t* counted, Element* grad_steps, ThreadPool& pool) {
  const std::int64_t num_blocks = (batch.num_steps + steps_per_block - 1) / steps_per_block;
  const bool stream = batch.num_members * batch.num_steps * static_cast<std::int64_t>(sizeof(Element)) > stream_from_bytes;
  pool.run(batch.num_members * num_blocks, [&](std::int64_t task, int) {
    const std::int64_t member = task / num_blocks;
    const std::int64_t block_begin = task % num_blocks * steps_per_block;
    const std::int64_t block_end = std::min(batch.num_steps, block_begin + steps_per_block);
    Real block[steps_per_block];
    std::fill_n(block, block_end - block_begin, Real(0));
    for (std::int64_t i = first_reaching(batch, order, block_begin); i < batch.num_segments; ++i) {
      const std::int64_t segment = order.by_begin == nullptr ? i : order.by_begin[i];
      const std::int64_t begin = batch.segment_begin(segment), end = batch.segment_end(segment);
      if (begin >= block_end) break;
      const std::int64_t position = member * batch.num_segments + segment;
      if (end <= block_begin || end == begin || !counted[position]) continue;
      add_segment(params, grad_scores[position], begin, end, block_begin, block_end, block);
    }
    store_block(block, block_end - block_begin, stream, grad_steps + member * batch.num_steps + block_begin);
  });
}

#define SEGPREF_INSTANTIATE(name, Element, Real)                                                                                     \
  template void expand_gradient<Element, Real>(const Batch&, const AggregationParams<Real>&, const SegmentOrder&, const Real*,       \
                                               const std::uint8_t*, Element*, ThreadPool&);
SEGPREF_FOR_ELEMENTS(SEGPREF_INSTANTIATE)
#undef SEGPREF_INSTANTIATE

}  // namespace segpref::cpu
#endif
