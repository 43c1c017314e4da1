// From two segment scores to what their pair contributes: loss, gradients, summands of the metrics. Formulas: docs/ops/preference_loss.md.
#pragma once

#include "kernels/cuda/preference_loss/formulas.cuh"

namespace segpref::cuda {

/// What is known of one pair of the batch.
struct PairInput {
  double first = 0, second = 0;  ///< scores
  double label = 0, weight = 0, margin = 0;
  bool present = false;          ///< false: a thread behind the batch's end
};

/// What it contributes. Everything but the logit is 0 for a pair that is left out: weight 0, beyond the batch, or skipped.
struct PairStep {
  double logit;                    ///< before clipping
  double loss;                     ///< weighted, with the centring term
  double grad_first, grad_second;  ///< of that, with respect to the scores
  // In the order of the metrics, then the gradient of the tie parameter.
  double sums[num_pair_sums];
};

/// What the raters' answers are worth: the outcomes, those of a lapse included, weighed by the target.
template <bool has_ties>
SEGPREF_DEVICE Term<double> judged_term(const kernels::LossParams& params, const Outcomes<double>& outcomes, double label) {
  const double target = (1.0 - params.smoothing) * label + 0.5 * params.smoothing;
  const Term<double> judged = expected_term(outcomes.first, outcomes.second, target);
  if constexpr (has_ties) return tie_or(judged, outcomes.tie, label);
  return judged;
}

/// The objective at a finite, clipped logit.
template <bool has_lapse, class Model>
SEGPREF_DEVICE Term<double> objective(const kernels::LossParams& params, const math::ObjectiveConstants& constants, double logit, double label, double margin) {
  Outcomes<double> outcomes = Model::outcomes(logit, margin, constants);
  if constexpr (has_lapse) {
    outcomes.first = with_lapse(outcomes.first, constants);
    outcomes.second = with_lapse(outcomes.second, constants);
    if constexpr (Model::has_ties) outcomes.tie = with_lapse(outcomes.tie, constants);
  }
  return judged_term<Model::has_ties>(params, outcomes, label);
}

/// @param Real          the type of the scores
/// @param objective_at  objective_at(logit, label, margin) is the objective at a finite, clipped logit
template <typename Real, class ObjectiveAt>
SEGPREF_DEVICE PairStep pair_step_with(const kernels::LossParams& params, const PairInput& in, ObjectiveAt objective_at) {
  // The logit is rounded to the type of the scores first: loss and gradient are exact functions of the logit that is returned.
  const double gap = in.second - in.first, total = in.first + in.second, inv_temperature = 1.0 / params.temperature;
  const double logit = static_cast<double>(static_cast<Real>(gap * inv_temperature));
  const bool finite = is_finite(in.first) && is_finite(in.second) && is_finite(logit);
  const bool weighted = in.present && in.weight > 0.0, counted = weighted && (finite || !params.skip_nonfinite);
  PairStep step{};
  step.logit = logit;
  step.sums[metric_num_skipped] = weighted && !counted ? 1.0 : 0.0;
  if (!counted) return step;

  // The objective
  const double clipped = finite ? min_of(max_of(logit, -params.clip), params.clip) : 0.0;
  Term<double> term = objective_at(clipped, in.label, in.margin);
  if (!finite) term = {NAN, NAN, NAN};
  const double grad_score = ::fabs(logit) > params.clip ? 0.0 : term.grad_logit * inv_temperature;
  const double centering_loss = params.centering != 0.0 ? params.centering * total * total : 0.0;
  const double grad_centering = params.centering != 0.0 ? 2.0 * params.centering * total : 0.0;

  step.loss = in.weight * (term.loss + centering_loss);
  step.grad_first = finite ? in.weight * (grad_centering - grad_score) : NAN;
  step.grad_second = finite ? in.weight * (grad_centering + grad_score) : NAN;
  const bool judged = in.label != 0.5;
  const double sign = in.label >= 0.5 ? 1.0 : -1.0;
  step.sums[metric_weight_sum] = in.weight;
  step.sums[metric_loss_sum] = in.weight * term.loss;
  step.sums[metric_centering_sum] = in.weight * centering_loss;
  step.sums[metric_num_judged] = judged ? 1.0 : 0.0;
  step.sums[metric_num_correct] = judged && logit * sign > 0.0 ? 1.0 : 0.0;
  step.sums[metric_gap_sum] = judged ? gap * sign : 0.0;
  step.sums[num_metrics] = in.weight * term.grad_tie;
  return step;
}

/// @param Real  the type of the scores
template <bool has_lapse, class Model, typename Real>
SEGPREF_DEVICE PairStep pair_step(const kernels::LossParams& params, const math::ObjectiveConstants& constants, const PairInput& in) {
  return pair_step_with<Real>(params, in, [&](double logit, double label, double margin) { return objective<has_lapse, Model>(params, constants, logit, label, margin); });
}

}  // namespace segpref::cuda
