// From two segment scores to what their pair contributes: loss, gradients, metrics. Formulas: docs/ops/preference_loss.md.
// Included after objectives.inl. Beside what that asks for, the number type brings a mask type (the result of a comparison) with
// both_of, only_first_of (first and not second), is_finite, min_of, and rounded_to<Narrow>, which rounds to the type of the scores and back.

/// LossParams as numbers.
template <typename Real>
struct PairFactors {
  Real inv_temperature, clip, keep, smooth, centering;
  bool has_centering, skips_nonfinite;

  SEGPREF_FORMULA explicit PairFactors(const kernels::LossParams& params)
      : inv_temperature(1.0 / params.temperature), clip(params.clip), keep(1.0 - params.smoothing), smooth(0.5 * params.smoothing), centering(params.centering),
        has_centering(params.centering != 0.0), skips_nonfinite(params.skip_nonfinite) {}
};

/// What a pair contributes. Everything but the logit is 0 for a pair that is left out: weight 0, beyond the batch, or skipped.
template <typename Real, typename Mask>
struct PairStep {
  Real logit;                    ///< before clipping
  Mask counted;
  Real loss;                     ///< weighted, with the centring term
  Real grad_first, grad_second;  ///< of that, with respect to the scores
  // Summands of the metrics, and of the gradient of the tie parameter.
  Real weight, judged_loss, centering_loss, judged, correct, gap, skipped, grad_tie;
};

/// @param present  false: not a pair of the batch
template <bool has_lapse, class Model, typename Narrow, typename Real, typename Mask>
SEGPREF_FORMULA PairStep<Real, Mask> pair_step(const PairFactors<Real>& factors, const math::ObjectiveConstants& constants, Real first, Real second, Real label, Real weight,
                                               Real margin, Mask present) {
  const Real zero(0.0), one(1.0), half(0.5), nan(NAN);
  const auto only_where = [&](Mask mask, Real value) { return select(mask, value, zero); };

  // The logit is rounded to the type of the scores first: loss and gradient are exact functions of the logit that is returned.
  const Real gap = second - first, total = first + second;
  const Real logit = rounded_to<Narrow>(gap * factors.inv_temperature);
  const Mask finite = both_of(both_of(is_finite(first), is_finite(second)), is_finite(logit));
  const Mask weighted = both_of(present, weight > zero);
  const Mask counted = factors.skips_nonfinite ? both_of(weighted, finite) : weighted;

  // The objective
  const Real clipped = only_where(finite, min_of(max_of(logit, zero - factors.clip), factors.clip));
  const Term<Real> term = cross_entropy<has_lapse, Model>(clipped, margin, factors.keep * label + factors.smooth, label, constants);
  const Real loss = select(finite, term.loss, nan);
  const Real grad_score = select(abs_of(logit) > factors.clip, zero, term.grad_logit * factors.inv_temperature);
  const Real centering_loss = factors.has_centering ? factors.centering * total * total : zero;
  const Real grad_centering = factors.has_centering ? (factors.centering + factors.centering) * total : zero;

  const Mask judged = only_first_of(counted, label == half);
  const Real sign = select(label >= half, one, zero - one);
  return {logit,
          counted,
          only_where(counted, weight * (loss + centering_loss)),
          only_where(counted, select(finite, weight * (grad_centering - grad_score), nan)),
          only_where(counted, select(finite, weight * (grad_centering + grad_score), nan)),
          only_where(counted, weight),
          only_where(counted, weight * loss),
          only_where(counted, weight * centering_loss),
          only_where(judged, one),
          only_where(both_of(judged, logit * sign > zero), one),
          only_where(judged, gap * sign),
          only_where(only_first_of(weighted, counted), one),
          only_where(counted, select(finite, weight * term.grad_tie, nan))};
}
