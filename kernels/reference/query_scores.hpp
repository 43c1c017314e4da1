// The oracle of query_scores: what an ensemble thinks of candidate pairs.
#pragma once

#include <vector>

#include "kernels/reference/preference_loss.hpp"

namespace segpref::reference {

struct QueryScore {
  double mean_probability = 0;  ///< mean over members of P = sigmoid((score[second] - score[first]) / temperature)
  double disagreement = 0;      ///< population variance of P over members
  double entropy_of_mean = 0, mean_entropy = 0;  ///< nats
};

/// @param scores  [num_members][num_segments]
std::vector<QueryScore> query_scores(const std::vector<std::vector<double>>& scores, const std::vector<Pair>& pairs, double temperature);

}  // namespace segpref::reference
