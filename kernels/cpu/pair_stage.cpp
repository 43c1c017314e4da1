#include "kernels/cpu/pair_stage.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/cpu/targets.hpp"
#include "kernels/math/objective_constants.hpp"

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

template <bool has_lapse, typename Model, typename Real>
void pairs_of(const LossParams& params, const PairInputs<Real>& in, const PairOutputs<Real>& out, PairSums& sums) {
  const Lanes::Tag d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const math::ObjectiveConstants constants = math::objective_constants(params.tie_model, params.lapse, static_cast<double>(in.tie_parameter));
  const Lanes zero(0.0), one(1.0), half(0.5), nan(std::numeric_limits<double>::quiet_NaN());
  const Lanes inv_temperature(1.0 / params.temperature), centering(params.centering), clip(params.clip);
  const Lanes keep(1.0 - params.smoothing), smooth(0.5 * params.smoothing);
  const auto only_where = [](Lanes::Mask mask, Lanes value) HWY_ATTR { return Lanes(hn::IfThenElseZero(mask, value.v)); };
  const auto no_lanes = hn::FirstN(d, 0);

  Lanes weight_sum = zero, loss_sum = zero, centering_sum = zero, num_judged = zero, num_correct = zero, gap_sum = zero, num_skipped = zero;
  Lanes grad_tie_sum = zero;
  for (std::int64_t begin = 0; begin < in.num_pairs; begin += lanes) {
    const Run run{begin, std::min(lanes, in.num_pairs - begin)};

    // Load. The logit is rounded to Real first: loss and gradient are exact functions of the logit that is returned.
    const Lanes first = run.load(in.score_first), second = run.load(in.score_second), label = run.load(in.label);
    const Lanes weight = in.weight == nullptr ? one : run.load(in.weight);
    const Lanes margin = in.margin == nullptr ? zero : run.load(in.margin);
    const Lanes gap = second - first, total = first + second;
    const Lanes logit = rounded_to<Real>(gap * inv_temperature);
    const auto finite = hn::And(hn::And(hn::IsFinite(first.v), hn::IsFinite(second.v)), hn::IsFinite(logit.v));
    const auto weighted = hn::And(hn::Gt(weight.v, zero.v), hn::FirstN(d, static_cast<std::size_t>(run.count)));
    const auto skipped = params.skip_nonfinite ? hn::AndNot(finite, weighted) : no_lanes;
    const auto counted = hn::AndNot(skipped, weighted);

    // The objective
    const Lanes clipped = only_where(finite, Lanes(hn::Min(hn::Max(logit.v, hn::Neg(clip.v)), clip.v)));
    const Term<Lanes> term = cross_entropy<has_lapse, Model>(clipped, margin, keep * label + smooth, label, constants);
    const auto beyond_clip = hn::Gt(hn::Abs(logit.v), clip.v);
    const Lanes loss = select(finite, term.loss, nan);
    const Lanes grad_score = select(beyond_clip, zero, term.grad_logit * inv_temperature);
    const Lanes centering_loss = params.centering == 0.0 ? zero : centering * total * total;
    const Lanes grad_centering = params.centering == 0.0 ? zero : (centering + centering) * total;

    // Store
    run.store(logit, out.logit);
    run.store(counted, out.counted);
    run.store(only_where(counted, weight * (loss + centering_loss)), out.loss);
    if (out.grad_first != nullptr) {
      run.store(only_where(counted, select(finite, weight * (grad_centering - grad_score), nan)), out.grad_first);
      run.store(only_where(counted, select(finite, weight * (grad_centering + grad_score), nan)), out.grad_second);
    }

    // Sums
    const auto judged = hn::AndNot(label == half, counted);
    const Lanes sign = select(label >= half, one, zero - one);
    weight_sum = weight_sum + only_where(counted, weight);
    loss_sum = loss_sum + only_where(counted, weight * loss);
    centering_sum = centering_sum + only_where(counted, weight * centering_loss);
    grad_tie_sum = grad_tie_sum + only_where(counted, select(finite, weight * term.grad_tie, nan));
    num_judged = num_judged + only_where(judged, one);
    num_correct = num_correct + only_where(hn::And(judged, hn::Gt((logit * sign).v, zero.v)), one);
    gap_sum = gap_sum + only_where(judged, gap * sign);
    num_skipped = num_skipped + only_where(skipped, one);
  }
  const auto add = [&](Lanes lane_sums, double& sum) HWY_ATTR { sum += hn::GetLane(hn::SumOfLanes(d, lane_sums.v)); };
  add(weight_sum, sums.metrics[metric_weight_sum]);
  add(loss_sum, sums.metrics[metric_loss_sum]);
  add(centering_sum, sums.metrics[metric_centering_sum]);
  add(num_judged, sums.metrics[metric_num_judged]);
  add(num_correct, sums.metrics[metric_num_correct]);
  add(gap_sum, sums.metrics[metric_gap_sum]);
  add(num_skipped, sums.metrics[metric_num_skipped]);
  add(grad_tie_sum, sums.grad_tie_parameter);
}

template <bool has_lapse, typename Real>
void choose_model(const LossParams& params, const PairInputs<Real>& in, const PairOutputs<Real>& out, PairSums& sums) {
  switch (params.tie_model) {
    case TieModel::rao_kupper: return pairs_of<has_lapse, RaoKupper>(params, in, out, sums);
    case TieModel::davidson: return pairs_of<has_lapse, Davidson>(params, in, out, sums);
    case TieModel::none: break;
  }
  if (in.margin != nullptr) return pairs_of<has_lapse, BradleyTerry<true>>(params, in, out, sums);
  pairs_of<has_lapse, BradleyTerry<false>>(params, in, out, sums);
}

#define SEGPREF_DEFINE(name, Real)                                                                                                \
  void pairs_##name(const LossParams& params, const PairInputs<Real>& in, const PairOutputs<Real>& out, PairSums& sums) {        \
    if (params.lapse > 0.0) return choose_model<true>(params, in, out, sums);                                                     \
    choose_model<false>(params, in, out, sums);                                                                                   \
  }
SEGPREF_DEFINE(f32, float)
SEGPREF_DEFINE(f64, double)
#undef SEGPREF_DEFINE

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
