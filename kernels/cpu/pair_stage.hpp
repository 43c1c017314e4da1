// From two segment scores to loss and gradient, for runs of pairs of one member: the step that every reward model shares.
#pragma once

#include <cstdint>

#include "kernels/common/loss_params.hpp"

namespace segpref::cpu {

using kernels::LossParams;

/// n pairs of one member, each array [n].
template <typename Real>
struct PairInputs {
  std::int64_t num_pairs = 0;
  const Real* score_first = nullptr;
  const Real* score_second = nullptr;
  const Real* label = nullptr;
  const Real* weight = nullptr;
  const Real* margin = nullptr;
  Real tie_parameter = 0;
};

/// Arrays [n]; a null one is not written, except that grad_first and grad_second come together.
template <typename Real>
struct PairOutputs {
  Real* loss = nullptr;         ///< w * (loss + centring); 0 for a left-out pair
  Real* logit = nullptr;        ///< before clipping; also of left-out pairs
  Real* grad_first = nullptr;   ///< w * d(loss + centring)/d(score_first): the divisor of Reduction::mean is not applied yet
  Real* grad_second = nullptr;
  std::uint8_t* counted = nullptr;  ///< 0: left out (weight 0 or skipped), leaves no trace
};

/// Sums over the pairs of one call in float64, added in an order fixed by the number of pairs.
struct PairSums {
  double metrics[num_metrics] = {};
  double grad_tie_parameter = 0.0;  ///< the divisor is not applied yet
};

/// Writes the outputs and ADDS to sums.
template <typename Real>
void evaluate_pairs(const LossParams& params, const PairInputs<Real>& in, const PairOutputs<Real>& out, PairSums& sums);

template <>
void evaluate_pairs<float>(const LossParams&, const PairInputs<float>&, const PairOutputs<float>&, PairSums&);
template <>
void evaluate_pairs<double>(const LossParams&, const PairInputs<double>&, const PairOutputs<double>&, PairSums&);

}  // namespace segpref::cpu
