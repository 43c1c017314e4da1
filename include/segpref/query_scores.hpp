// How much an ensemble would learn from the answer to a question.
#pragma once

#include "context.hpp"
#include "export.hpp"
#include "view.hpp"

namespace segpref {

/// Where results go; an absent view is not computed. All [num_pairs] real.
struct QueryScores {
  TensorView mean_probability;  ///< mean over members of P(second preferred)
  TensorView disagreement;      ///< population variance over members of P(second preferred)
  TensorView entropy_of_mean;   ///< entropy of the mean prediction, nats
  TensorView mean_entropy;      ///< mean of the members' entropies; entropy_of_mean - mean_entropy is the information gain
};

/// Scores candidate pairs from segment scores. P = sigmoid((score[second] - score[first]) / temperature).
/// @param scores  [num_members, num_segments] f32 or f64       @param pairs  [num_pairs, 2] i32 or i64
/// Source  Christiano et al. 2017 (arXiv:1706.03741); Houlsby et al. 2011 (arXiv:1112.5745).
SEGPREF_API void query_scores(const Context& context, ConstTensorView scores, ConstTensorView pairs, double temperature,
                              const QueryScores& result);

}  // namespace segpref
