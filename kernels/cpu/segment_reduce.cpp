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
#include "kernels/cpu/segment_lanes.hpp"

HWY_BEFORE_NAMESPACE();
namespace segpref::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// sum of rewards[t] * powers[t], from the last step to the first: powers fall, and the many small terms would each round a sum that is large already.
template <typename Element, typename Real>
HWY_INLINE Real dot_with_powers(const Element* HWY_RESTRICT rewards, const Real* HWY_RESTRICT powers, std::int64_t length) {
  const hn::ScalableTag<Real> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  auto sum = hn::Zero(d);
  std::int64_t t = length / lanes * lanes;
  if (t < length) {
    Element padded_rewards[HWY_MAX_BYTES / sizeof(Real)] = {};
    Real padded_powers[HWY_MAX_BYTES / sizeof(Real)] = {};
    std::copy_n(rewards + t, length - t, padded_rewards);
    std::copy_n(powers + t, length - t, padded_powers);
    sum = hn::MulAdd(widen_lanes(d, padded_rewards), hn::LoadU(d, padded_powers), sum);
  }
  for (t -= lanes; t >= 0; t -= lanes) sum = hn::MulAdd(widen_lanes(d, rewards + t), hn::LoadU(d, powers + t), sum);
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

/// Scores of the segments [segment_begin, segment_end); bounds_of(segment) gives begin and end of its steps.
template <typename Element, typename Real, typename BoundsOf>
HWY_INLINE void scores_of_segments(const Batch& batch, const AggregationParams<Real>& params, const Element* HWY_RESTRICT rewards,
                                   std::int64_t segment_begin, std::int64_t segment_end, BoundsOf bounds_of, Real* HWY_RESTRICT scores) {
  const Real* powers = params.discount_powers;
  scores += segment_begin;
  if (powers == nullptr) sums_of_segments(rewards, batch.num_steps, segment_begin, segment_end, bounds_of, scores);
  for (std::int64_t segment = segment_begin; segment < segment_end; ++segment, ++scores) {
    const auto [begin, end] = bounds_of(segment);
    if (powers != nullptr) *scores = dot_with_powers(rewards + begin, powers, end - begin);
    if (params.aggregation == Aggregation::mean && end > begin) *scores /= static_cast<Real>(end - begin);
  }
}

template <typename Element, typename Real>
void scores_of_range(const Batch& batch, const AggregationParams<Real>& params, const Element* rewards, std::int64_t segment_begin,
                     std::int64_t segment_end, Real* scores) {
  if (params.aggregation == Aggregation::last) {
    for (std::int64_t segment = segment_begin; segment < segment_end; ++segment) {
      const std::int64_t end = batch.segment_end(segment);
      scores[segment] = end == batch.segment_begin(segment) ? Real(0) : static_cast<Real>(math::to_f32(rewards[end - 1]));
    }
    return;
  }
  const auto of_offsets = [&](const auto* offsets) {
    scores_of_segments(batch, params, rewards, segment_begin, segment_end,
                       [=](std::int64_t segment) HWY_ATTR { return StepRange{offsets[segment], offsets[segment + 1]}; }, scores);
  };
  const auto of_windows = [&](const auto* begins, const auto* lengths) {
    scores_of_segments(batch, params, rewards, segment_begin, segment_end,
                       [=](std::int64_t segment) HWY_ATTR { return StepRange{begins[segment], static_cast<std::int64_t>(begins[segment]) + lengths[segment]}; },
                       scores);
  };
  if (!batch.windows()) return with_index_type(batch.offsets, of_offsets);
  with_index_type(batch.begins, [&](const auto* begins) {
    with_index_type(batch.lengths, [&](const auto* lengths) { of_windows(begins, lengths); });
  });
}

/// Gradients of the steps of [step_begin, step_end) where segments follow each other and all steps of one have the same coefficient.
template <typename Element, typename Real>
void equal_steps_of_range(const Batch& batch, const AggregationParams<Real>& params, const Real* grad_scores, const std::uint8_t* counted,
                          std::int64_t segment, std::int64_t step_begin, std::int64_t step_end, bool stream, Element* grad_steps) {
  RunWriter<Element> writer(grad_steps + step_begin, stream);
  const Element zero = math::from_real<Element>(Real(0));
  std::int64_t step = step_begin;
  for (; segment < batch.num_segments && step < step_end; ++segment) {
    const std::int64_t begin = batch.offsets[segment], end = batch.offsets[segment + 1];
    if (begin > step) {  // steps before the first segment
      writer.append(zero, std::min(begin, step_end) - step);
      step = std::min(begin, step_end);
    }
    const Real grad = params.aggregation == Aggregation::mean ? grad_scores[segment] / static_cast<Real>(std::max<std::int64_t>(1, end - begin))
                                                              : grad_scores[segment];
    const std::int64_t until = std::min(end, step_end);
    writer.append(counted[segment] ? math::from_real<Element>(grad) : zero, until - step);
    step = until;
  }
  writer.append(zero, step_end - step);
  writer.finish();
}

#define SEGPREF_FOR_ELEMENTS(DO) DO(f32, float, float) DO(f64, double, double) DO(bf16, bf16, float) DO(f16, f16, float)
#define SEGPREF_DEFINE(name, Element, Real)                                                                                          \
  void scores_##name(const Batch& batch, const AggregationParams<Real>& params, const Element* rewards, std::int64_t begin,          \
                     std::int64_t end, Real* scores) {                                                                               \
    scores_of_range(batch, params, rewards, begin, end, scores);                                                                     \
  }                                                                                                                                  \
  void equal_steps_##name(const Batch& batch, const AggregationParams<Real>& params, const Real* grad_scores,                        \
                          const std::uint8_t* counted, std::int64_t segment, std::int64_t step_begin, std::int64_t step_end,         \
                          bool stream, Element* grad_steps) {                                                                        \
    equal_steps_of_range(batch, params, grad_scores, counted, segment, step_begin, step_end, stream, grad_steps);                    \
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
HWY_EXPORT(equal_steps_f32);
HWY_EXPORT(equal_steps_f64);
HWY_EXPORT(equal_steps_bf16);
HWY_EXPORT(equal_steps_f16);
HWY_EXPORT(stream_f32);

namespace {

/// Steps of one task of expand_gradient: its buffer stays in the first-level cache.
constexpr std::int64_t steps_per_block = 4096;
/// Steps of one task where all steps of a segment have the same coefficient.
constexpr std::int64_t equal_steps_per_task = 32768;

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

// One name for the four dispatched functions.
#define SEGPREF_DEFINE(name, Element, Real)                                                                                          \
  void expand_equal_steps(const Batch& batch, const AggregationParams<Real>& params, const Real* grad_scores,                        \
                          const std::uint8_t* counted, std::int64_t segment, std::int64_t step_begin, std::int64_t step_end,         \
                          bool stream, Element* grad_steps) {                                                                        \
    HWY_DYNAMIC_DISPATCH(equal_steps_##name)                                                                                         \
    (batch, params, grad_scores, counted, segment, step_begin, step_end, stream, grad_steps);                                        \
  }
SEGPREF_FOR_ELEMENTS(SEGPREF_DEFINE)
#undef SEGPREF_DEFINE

}  // namespace

template <typename Element, typename Real>
void expand_gradient(const Batch& batch, const AggregationParams<Real>& params, const SegmentOrder& order, const Real* grad_scores,
                     const std::uint8_t* counted, Element* grad_steps, ThreadPool& pool) {
  const bool stream = batch.num_members * batch.num_steps * static_cast<std::int64_t>(sizeof(Element)) > stream_from_bytes;
  if (!batch.windows() && params.aggregation != Aggregation::last && params.discount_powers == nullptr) {
    const std::int64_t num_tasks = (batch.num_steps + equal_steps_per_task - 1) / equal_steps_per_task;
    pool.run(batch.num_members * num_tasks, [&](std::int64_t task, int) {
      const std::int64_t member = task / num_tasks, step_begin = task % num_tasks * equal_steps_per_task;
      expand_equal_steps(batch, params, grad_scores + member * batch.num_segments, counted + member * batch.num_segments,
                         first_reaching(batch, order, step_begin), step_begin, std::min(batch.num_steps, step_begin + equal_steps_per_task),
                         stream, grad_steps + member * batch.num_steps);
    });
    return;
  }
  const std::int64_t num_blocks = (batch.num_steps + steps_per_block - 1) / steps_per_block;
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
