// What a rater may answer to one comparison, and how probable the model thinks each answer is. Formulas: docs/ops/preference_loss.md.
#pragma once

#include <vector>

#include "kernels/math/query_score.hpp"
#include "segpref/preference_options.hpp"

namespace segpref {

/// Logarithms of probabilities, which keep their digits at any logit.
struct Outcomes {
  double log_first = 0, log_second = 0;
  double log_tie = 0;  ///< -infinity without a tie model: the answer does not exist
};

Outcomes outcomes_of(TieModel model, double tie_parameter, double logit);

/// Cross-entropy with a label: an observed tie where there is a tie model and the label is exactly 0.5, else a mixture of the two sides.
double loss_of(const Outcomes& outcomes, TieModel model, double label);

/// query_scores with three answers: probability and disagreement of "the second is preferred", entropies over all answers.
math::QueryScore query_score(const std::vector<Outcomes>& members);

}  // namespace segpref
