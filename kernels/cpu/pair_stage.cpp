#include "kernels/cpu/pair_stage.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/cpu/objective.hpp"
#include "kernels/cpu/targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/pair_stage.cpp"
#include <hwy/foreach_target.h>
//
#include "kernels/cpu/lanes.hpp"

HWY_BEFORE_NAMESPACE();
namespace segpref::cpu::HWY_NAMESPACE {

using FloatTag = hn::Rebind<float, Lanes::Tag>;

/// Rounded to nearest, infinities and NaN kept. The demotion of the baseline targets is emulated by Highway and clamps infinities: lanes go
/// one by one there.
HWY_INLINE hn::Vec<FloatTag> to_f32(Lanes value) {
#if HWY_TARGET <= HWY_AVX2 || HWY_ARCH_ARM
  return hn::DemoteTo(FloatTag(), value.v);
#else
  double wide[HWY_MAX_BYTES / sizeof(double)];
  float narrow[HWY_MAX_BYTES / sizeof(double)];
  hn::StoreU(value.v, Lanes::Tag(), wide);
  for (std::size_t i = 0; i < hn::Lanes(Lanes::Tag()); ++i) narrow[i] = static_cast<float>(wide[i]);
  return hn::LoadU(FloatTag(), narrow);
#endif
}

/// A run of pairs, read and written a vector of doubles at a time. The last vector is filled up with zeros and written in part, so that
/// every pair goes through the same vector code wherever it stands.
struct Run {
  std::int64_t begin = 0, count = 0;

  bool whole() const { return count == static_cast<std::int64_t>(hn::Lanes(Lanes::Tag())); }

  template <typename Real>
  HWY_INLINE Lanes load(const Real* from) const {
    if (whole()) return widen(from + begin);
    Real padded[HWY_MAX_BYTES / sizeof(double)] = {};
    std::copy_n(from + begin, count, padded);
    return widen(padded);
  }
  template <typename Real>
  HWY_INLINE void store(Lanes value, Real* to) const {
    if (to == nullptr) return;
    if (whole()) return narrow(value, to + begin);
    Real padded[HWY_MAX_BYTES / sizeof(double)];
    narrow(value, padded);
    std::copy_n(padded, count, to + begin);
  }
  HWY_INLINE void store(Lanes::Mask mask, std::uint8_t* to) const {
    if (to == nullptr) return;
    std::uint8_t bits[8] = {};
    hn::StoreMaskBits(Lanes::Tag(), mask, bits);
    for (std::int64_t i = 0; i < count; ++i) to[begin + i] = static_cast<std::uint8_t>((bits[0] >> i) & 1);
  }

  static HWY_INLINE Lanes widen(const double* from) { return hn::LoadU(Lanes::Tag(), from); }
  static HWY_INLINE Lanes widen(const float* from) { return hn::PromoteTo(Lanes::Tag(), hn::LoadU(FloatTag(), from)); }
  static HWY_INLINE void narrow(Lanes value, double* to) { hn::StoreU(value.v, Lanes::Tag(), to); }
  static HWY_INLINE void narrow(Lanes value, float* to) {
    hn::StoreU(to_f32(value), FloatTag(), to);
  }
};

/// value rounded to Real and back.
template <typename Real>
HWY_INLINE Lanes rounded_to(Lanes value) {
  if constexpr (sizeof(Real) == sizeof(double)) return value;
  else return hn::PromoteTo(Lanes::Tag(), to_f32(value));
}

HWY_INLINE Lanes only_where(Lanes::Mask mask, Lanes value) { return hn::IfThenElseZero(mask, value.v); }

/// What one vector of pairs brings along. The logit is rounded to Real first: loss and gradient are exact functions of the logit that is returned.
struct Scores {
  Lanes gap, total, logit;
  Lanes::Mask finite;
};
template <typename Real>
HWY_INLINE Scores load_scores(const Run& run, const PairInputs<Real>& in, Lanes inv_temperature) {
  const Lanes first = run.load(in.score_first), second = run.load(in.score_second), gap = second - first;
  const Lanes logit = rounded_to<Real>(gap * inv_temperature);
  return {gap, first + second, logit, hn::And(hn::And(hn::IsFinite(first.v), hn::IsFinite(second.v)), hn::IsFinite(logit.v))};
}

template <typename Real>
void load_block(const LossParams& params, const PairInputs<Real>& in, std::int64_t begin, std::int64_t count, PairBlock& block) {
  const Lanes zero(0.0), inv_temperature(1.0 / params.temperature), clip(params.clip);
  const Lanes keep(1.0 - params.smoothing), smooth(0.5 * params.smoothing);
  for (std::int64_t i = 0; i < count; i += lanes_per_vector()) {
    const Run run{begin + i, std::min(lanes_per_vector(), count - i)};
    const Scores scores = load_scores(run, in, inv_temperature);
    const Lanes label = run.load(in.label);
    store_lanes(only_where(scores.finite, hn::Min(hn::Max(scores.logit.v, hn::Neg(clip.v)), clip.v)), block.logit + i);
    store_lanes(in.margin == nullptr ? zero : run.load(in.margin), block.margin + i);
    store_lanes(keep * label + smooth, block.target + i);
    store_lanes(label, block.label + i);
  }
}

/// What the pairs of a block add to the sums: 0 for a pair that is left out. Arrays that the options do not ask for are not written.
struct alignas(64) BlockSums {
  double weight[PairBlock::size], loss[PairBlock::size], centering[PairBlock::size], gap[PairBlock::size], grad_tie[PairBlock::size];
  std::size_t num_judged = 0, num_correct = 0, num_skipped = 0;
};

/// The sum of the first `count`, halved again and again: equal terms, of which data sets have many, add up without a rounding error that grows.
HWY_INLINE double sum_of_block(double* terms, std::int64_t count) {
  const std::int64_t lanes = lanes_per_vector();
  std::fill(terms + count, terms + PairBlock::size, 0.0);
  for (std::int64_t half = PairBlock::size / 2; half >= lanes; half /= 2)
    for (std::int64_t i = 0; i < half; i += lanes) store_lanes(load_lanes(terms + i) + load_lanes(terms + half + i), terms + i);
  return hn::GetLane(hn::SumOfLanes(Lanes::Tag(), load_lanes(terms).v));
}

template <typename Real>
void store_block(const LossParams& params, const PairInputs<Real>& in, const PairOutputs<Real>& out, std::int64_t begin, std::int64_t count,
                 const PairBlock& block, BlockSums& sums) {
  const Lanes::Tag d;
  const Lanes zero(0.0), one(1.0), half(0.5), nan(std::numeric_limits<double>::quiet_NaN());
  const Lanes inv_temperature(1.0 / params.temperature), centering(params.centering), clip(params.clip);
  const bool has_centering = params.centering != 0.0, has_ties = params.tie_model != TieModel::none;
  const auto no_lanes = hn::FirstN(d, 0);
  for (std::int64_t i = 0; i < count; i += lanes_per_vector()) {
    const Run run{begin + i, std::min(lanes_per_vector(), count - i)};
    const Scores scores = load_scores(run, in, inv_temperature);
    const Lanes weight = in.weight == nullptr ? one : run.load(in.weight);
    const auto weighted = hn::And(hn::Gt(weight.v, zero.v), hn::FirstN(d, static_cast<std::size_t>(run.count)));
    const auto skipped = params.skip_nonfinite ? hn::AndNot(scores.finite, weighted) : no_lanes;
    const auto counted = hn::AndNot(skipped, weighted);
    const Lanes loss = select(scores.finite, load_lanes(block.loss + i), nan);
    const Lanes centering_loss = has_centering ? centering * scores.total * scores.total : zero;

    // Results of pairs
    run.store(scores.logit, out.logit);
    run.store(counted, out.counted);
    run.store(only_where(counted, weight * (loss + centering_loss)), out.loss);
    if (out.grad_first != nullptr) {
      const auto beyond_clip = hn::Gt(hn::Abs(scores.logit.v), clip.v);
      const Lanes grad_score = select(beyond_clip, zero, load_lanes(block.grad_logit + i) * inv_temperature);
      const Lanes grad_centering = has_centering ? (centering + centering) * scores.total : zero;
      run.store(only_where(counted, select(scores.finite, weight * (grad_centering - grad_score), nan)), out.grad_first);
      run.store(only_where(counted, select(scores.finite, weight * (grad_centering + grad_score), nan)), out.grad_second);
    }

    // Sums
    const Lanes label = load_lanes(block.label + i);
    const auto judged = hn::AndNot(label == half, counted);
    const Lanes sign = select(label >= half, one, zero - one);
    store_lanes(only_where(counted, weight), sums.weight + i);
    store_lanes(only_where(counted, weight * loss), sums.loss + i);
    store_lanes(only_where(judged, scores.gap * sign), sums.gap + i);
    if (has_centering) store_lanes(only_where(counted, weight * centering_loss), sums.centering + i);
    if (has_ties) store_lanes(only_where(counted, select(scores.finite, weight * load_lanes(block.grad_tie + i), nan)), sums.grad_tie + i);
    sums.num_judged += hn::CountTrue(d, judged);
    sums.num_correct += hn::CountTrue(d, hn::And(judged, hn::Gt((scores.logit * sign).v, zero.v)));
    sums.num_skipped += hn::CountTrue(d, skipped);
  }
}

template <typename Real>
void evaluate(const LossParams& params, const PairInputs<Real>& in, const PairOutputs<Real>& out, PairSums& total) {
  const math::ObjectiveConstants constants = math::objective_constants(params.tie_model, params.lapse, static_cast<double>(in.tie_parameter));
  for (std::int64_t begin = 0; begin < in.num_pairs; begin += PairBlock::size) {
    const std::int64_t count = std::min(PairBlock::size, in.num_pairs - begin);
    PairBlock block;
    load_block(params, in, begin, count, block);
    evaluate_objective(params, constants, in.margin != nullptr, count, block);
    BlockSums sums;
    store_block(params, in, out, begin, count, block, sums);
    total.metrics[metric_weight_sum] += sum_of_block(sums.weight, count);
    total.metrics[metric_loss_sum] += sum_of_block(sums.loss, count);
    if (params.centering != 0.0) total.metrics[metric_centering_sum] += sum_of_block(sums.centering, count);
    total.metrics[metric_num_judged] += static_cast<double>(sums.num_judged);
    total.metrics[metric_num_correct] += static_cast<double>(sums.num_correct);
    total.metrics[metric_gap_sum] += sum_of_block(sums.gap, count);
    total.metrics[metric_num_skipped] += static_cast<double>(sums.num_skipped);
    if (params.tie_model != TieModel::none) total.grad_tie_parameter += sum_of_block(sums.grad_tie, count);
  }
}

void pairs_f32(const LossParams& params, const PairInputs<float>& in, const PairOutputs<float>& out, PairSums& sums) { evaluate(params, in, out, sums); }
void pairs_f64(const LossParams& params, const PairInputs<double>& in, const PairOutputs<double>& out, PairSums& sums) { evaluate(params, in, out, sums); }

}  // namespace segpref::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace segpref::cpu {
HWY_EXPORT(pairs_f32);
HWY_EXPORT(pairs_f64);

template <>
void evaluate_pairs<float>(const LossParams& params, const PairInputs<float>& in, const PairOutputs<float>& out, PairSums& sums) {
  HWY_DYNAMIC_DISPATCH(pairs_f32)(params, in, out, sums);
}
template <>
void evaluate_pairs<double>(const LossParams& params, const PairInputs<double>& in, const PairOutputs<double>& out, PairSums& sums) {
  HWY_DYNAMIC_DISPATCH(pairs_f64)(params, in, out, sums);
}

}  // namespace segpref::cpu
#endif
