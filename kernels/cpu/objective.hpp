// From clipped logits to loss and gradient, a block of pairs at a time: the objectives of kernels/math/objectives.inl in vectors of doubles.
#pragma once

#include <cstdint>

#include "kernels/cpu/pair_stage.hpp"
#include "kernels/math/objective_constants.hpp"

namespace segpref::cpu {

/// Pairs on their way from scores to loss, in the first-level cache. Arrays are read and written in whole vectors, up to the end of the one that holds
/// the last pair.
struct alignas(64) PairBlock {
  static constexpr std::int64_t size = 64;

  // In
  double logit[size];       ///< clipped, finite
  double margin[size];      ///< 0 where there is none
  double target[size];      ///< the label after smoothing
  double label[size];
  // Out
  double loss[size];
  double grad_logit[size];
  double grad_tie[size];    ///< of models with ties
};

/// One outcome of every pair of a block: minus log P with its derivatives.
struct alignas(64) BlockTerms {
  double loss[PairBlock::size], grad_logit[PairBlock::size], grad_tie[PairBlock::size];
};

/// Models without ties leave `tie` and every grad_tie alone.
struct BlockOutcomes {
  BlockTerms first, second, tie;
};

/// Evaluates the first `num_pairs` of the block. has_margin says whether any margin may differ from 0.
void evaluate_objective(const LossParams& params, const math::ObjectiveConstants& constants, bool has_margin, std::int64_t num_pairs, PairBlock& block);

/// The outcomes under Rao-Kupper or Davidson, before the lapse: a part of evaluate_objective.
void evaluate_tie_outcomes(TieModel tie_model, const math::ObjectiveConstants& constants, std::int64_t num_pairs, const PairBlock& block,
                           BlockOutcomes& outcomes);

}  // namespace segpref::cpu
