#include "kernels/cpu/preference_loss.hpp"

#include <algorithm>

#include "kernels/cpu/targets.hpp"
#include "kernels/math/half.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/preference_loss.cpp"
#include <hwy/foreach_target.h>
//
#include "kernels/cpu/segment_lanes.hpp"

HWY_BEFORE_NAMESPACE();
namespace segpref::cpu::HWY_NAMESPACE {

/// Pairs of one member whose scores and gradients are at hand at the same time.
template <typename Real>
struct PairGroup {
  static constexpr std::int64_t size = 64, most_steps = 16384;
  Real score_first[size], score_second[size], grad_first[size], grad_second[size], label[size], weight[size], margin[size];
};

/// An empty segment scores 0.
template <typename Real>
HWY_INLINE Real mean_of(Real sum, StepRange steps) {
  return sum / static_cast<Real>(std::max<std::int64_t>(1, steps.end - steps.begin));
}

template <typename Element, typename Real, typename Index>
void sweep(const BatchLossArgs<Real>& args, bool is_mean, Real scale, const Index* HWY_RESTRICT offsets, std::int64_t member, std::int64_t slab,
           const Element* HWY_RESTRICT rewards, Real* HWY_RESTRICT scores, Element* HWY_RESTRICT grad_steps, bool stream) {
  const Batch& batch = *args.batch;
  const std::int64_t num_steps = batch.num_steps, num_slabs = num_sweep_slabs(num_steps, batch.num_pairs);
  const std::int64_t slab_size = pairs_per_sweep(num_steps, batch.num_pairs);
  const std::int64_t slab_begin = slab * slab_size, slab_end = std::min(batch.num_pairs, slab_begin + slab_size);
  // The steps of the slab; the first and the last one also clear the steps that no segment holds.
  const std::int64_t step_begin = slab == 0 ? 0 : static_cast<std::int64_t>(offsets[2 * slab_begin]);
  const std::int64_t step_end = slab == num_slabs - 1 ? num_steps : static_cast<std::int64_t>(offsets[2 * slab_end]);
  const Element zero = math::from_real<Element>(Real(0));
  RunWriter<Element> writer(grad_steps + step_begin, stream);
  writer.append(zero, static_cast<std::int64_t>(offsets[2 * slab_begin]) - step_begin);

  PairSums sums;
  PairGroup<Real> group;
  for (std::int64_t begin = slab_begin, count = 0; begin < slab_end; begin += count) {
    const std::int64_t most_pairs = std::min(PairGroup<Real>::size, slab_end - begin), first_step_of_group = offsets[2 * begin];
    count = 0;
    while (count < most_pairs && offsets[2 * (begin + count)] - first_step_of_group < PairGroup<Real>::most_steps) ++count;
    const auto bounds_of = [=](std::int64_t segment) HWY_ATTR { return StepRange{offsets[segment], offsets[segment + 1]}; };
    sums_of_segments(rewards, num_steps, 2 * begin, 2 * (begin + count), bounds_of, scores + 2 * begin);
    for (std::int64_t i = 0; i < count; ++i) {
      Real* score = scores + 2 * (begin + i);
      if (is_mean) {
        score[0] = mean_of(score[0], bounds_of(2 * (begin + i)));
        score[1] = mean_of(score[1], bounds_of(2 * (begin + i) + 1));
      }
      group.score_first[i] = score[0];
      group.score_second[i] = score[1];
    }

    const std::int64_t position = member * batch.num_pairs + begin;
    PairInputs<Real> in{count, group.score_first, group.score_second, nullptr, nullptr, nullptr, static_cast<Real>(args.tie_parameter(member, 0))};
    in.label = in_order(batch.labels, 0, begin, count, group.label);
    in.weight = in_order(batch.weights, member, begin, count, group.weight);
    in.margin = in_order(batch.margins, member, begin, count, group.margin);
    PairOutputs<Real> out;
    out.loss = args.loss_per_pair == nullptr ? nullptr : args.loss_per_pair + position;
    out.logit = args.logits == nullptr ? nullptr : args.logits + position;
    out.grad_first = group.grad_first;
    out.grad_second = group.grad_second;
    evaluate_pairs(args.loss, in, out, sums);

    writer.read_ahead(rewards + offsets[2 * (begin + count)]);
    for (std::int64_t i = 0; i < count; ++i)
      for (std::int64_t side = 0; side < 2; ++side) {
        const std::int64_t segment = 2 * (begin + i) + side, length = offsets[segment + 1] - offsets[segment];
        Real grad = (side == 0 ? group.grad_first : group.grad_second)[i] * scale;
        if (is_mean) grad = mean_of(grad, bounds_of(segment));
        writer.append(math::from_real<Element>(grad), length);
      }
  }
  writer.append(zero, step_end - static_cast<std::int64_t>(offsets[2 * slab_end]));
  writer.finish();
  args.slab_sums[member * num_slabs + slab] = sums;
}

#define SEGPREF_FOR_ELEMENTS(DO) DO(f32, float, float) DO(f64, double, double) DO(bf16, bf16, float) DO(f16, f16, float)
#define SEGPREF_DEFINE(name, Element, Real)                                                                                          \
  void sweep_##name(const BatchLossArgs<Real>& args, bool is_mean, Real scale, std::int64_t member, std::int64_t slab,               \
                    const Element* rewards, Real* scores, Element* grad_steps, bool stream) {                                        \
    with_index_type(args.batch->offsets, [&](const auto* offsets) {                                                                  \
      sweep(args, is_mean, scale, offsets, member, slab, rewards, scores, grad_steps, stream);                                       \
    });                                                                                                                              \
  }
SEGPREF_FOR_ELEMENTS(SEGPREF_DEFINE)
#undef SEGPREF_DEFINE

}  // namespace segpref::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace segpref::cpu {
HWY_EXPORT(sweep_f32);
HWY_EXPORT(sweep_f64);
HWY_EXPORT(sweep_bf16);
HWY_EXPORT(sweep_f16);

namespace {

/// Fewer slabs are left to batch_loss, which also shares the steps of few long segments among threads.
constexpr std::int64_t least_slabs = 16;

}  // namespace

template <typename Real>
std::optional<Real> scale_beforehand(const BatchLossArgs<Real>& args, const AggregationParams<Real>& aggregation) {
  const Batch& batch = *args.batch;
  const bool in_order = batch.identity_pairs() && !batch.windows() && batch.num_segments == 2 * batch.num_pairs;
  const bool one_coefficient = aggregation.aggregation != Aggregation::last && aggregation.discount_powers == nullptr;
  const bool divisor_known = !args.reduction.is_mean || args.reduction.normalizer.has_value() || (!batch.weights.present() && !args.loss.skip_nonfinite);
  if (!in_order || !one_coefficient || !divisor_known) return std::nullopt;
  return static_cast<Real>(args.reduction.scale(static_cast<double>(batch.num_pairs)));
}
template std::optional<float> scale_beforehand<float>(const BatchLossArgs<float>&, const AggregationParams<float>&);
template std::optional<double> scale_beforehand<double>(const BatchLossArgs<double>&, const AggregationParams<double>&);

template <typename Real>
std::optional<Real> one_sweep_scale(const BatchLossArgs<Real>& args, const AggregationParams<Real>& aggregation) {
  const Batch& batch = *args.batch;
  if (batch.num_members * num_sweep_slabs(batch.num_steps, batch.num_pairs) < least_slabs) return std::nullopt;
  return scale_beforehand(args, aggregation);
}
template std::optional<float> one_sweep_scale<float>(const BatchLossArgs<float>&, const AggregationParams<float>&);
template std::optional<double> one_sweep_scale<double>(const BatchLossArgs<double>&, const AggregationParams<double>&);

#define SEGPREF_DEFINE(name, Element, Real)                                                                                          \
  template <>                                                                                                                        \
  void one_sweep_loss<Element, Real>(const BatchLossArgs<Real>& args, const AggregationParams<Real>& aggregation, Real scale,        \
                                     const Element* step_rewards, Real* scores, Element* grad_steps, ThreadPool& pool) {             \
    const Batch& batch = *args.batch;                                                                                                \
    const std::int64_t num_slabs = num_sweep_slabs(batch.num_steps, batch.num_pairs);                                                \
    const bool is_mean = aggregation.aggregation == Aggregation::mean;                                                               \
    const bool stream = batch.num_members * batch.num_steps * static_cast<std::int64_t>(sizeof(Element)) > stream_from_bytes;        \
    pool.run(batch.num_members * num_slabs, [&](std::int64_t task, int) {                                                            \
      const std::int64_t member = task / num_slabs, steps = member * batch.num_steps;                                                \
      HWY_DYNAMIC_DISPATCH(sweep_##name)                                                                                             \
      (args, is_mean, scale, member, task % num_slabs, step_rewards + steps, scores + member * batch.num_segments,                   \
       grad_steps + steps, stream);                                                                                                  \
    });                                                                                                                              \
    store_sums(args, num_slabs);                                                                                                     \
  }
SEGPREF_FOR_ELEMENTS(SEGPREF_DEFINE)
#undef SEGPREF_DEFINE

}  // namespace segpref::cpu
#endif
