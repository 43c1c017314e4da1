// The objective of options that are known at run time: for kernels that are not compiled once for each of them. The formulas are those of
// pair_step.cuh; a lapse is written out once for all models, so that the code is half as long as that of all variants.
#pragma once

#include "kernels/cuda/preference_loss/pair_step.cuh"

namespace segpref::cuda {

/// The objective at a finite, clipped logit.
SEGPREF_DEVICE Term<double> any_objective(const kernels::LossParams& params, bool has_margins, const math::ObjectiveConstants& constants, double logit, double label,
                                          double margin) {
  Outcomes<double> outcomes;
  if (params.tie_model == TieModel::rao_kupper) outcomes = RaoKupper::outcomes(logit, margin, constants);
  else if (params.tie_model == TieModel::davidson) outcomes = Davidson::outcomes(logit, margin, constants);
  else if (has_margins) outcomes = BradleyTerry<true>::outcomes(logit, margin, constants);
  else outcomes = BradleyTerry<false>::outcomes(logit, margin, constants);

  const bool has_ties = params.tie_model != TieModel::none;
  if (params.lapse > 0.0) {
    outcomes.first = with_lapse(outcomes.first, constants);
    outcomes.second = with_lapse(outcomes.second, constants);
    if (has_ties) outcomes.tie = with_lapse(outcomes.tie, constants);
  }
  return has_ties ? judged_term<true>(params, outcomes, label) : judged_term<false>(params, outcomes, label);
}

}  // namespace segpref::cuda
