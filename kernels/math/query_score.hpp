// P(second preferred), disagreement and entropies of one candidate pair from its members' logits.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/math/host_device.hpp"

namespace segpref::math {

struct QueryScore {
  double mean_probability = 0, disagreement = 0, entropy_of_mean = 0, mean_entropy = 0;
};

SEGPREF_HOST_DEVICE inline double probability_of_logit(double z) { return z >= 0 ? 1 / (1 + std::exp(-z)) : std::exp(z) / (1 + std::exp(z)); }

/// Entropy of a coin in nats from its logit: softplus(-|z|) + |z| sigmoid(-|z|), which keeps its digits for every z.
SEGPREF_HOST_DEVICE inline double entropy_of_logit(double logit) {
  const double size = std::fabs(logit), small = std::exp(-size);
  return std::log1p(small) + size * small / (1 + small);
}

/// What an outcome of probability p adds to an entropy, nats.
SEGPREF_HOST_DEVICE inline double entropy_part(double p) { return p > 0 ? -p * std::log(p) : 0.0; }

/// `logit_of(member)` for member in [0, num_members), visited in order.
template <typename LogitOf>
SEGPREF_HOST_DEVICE QueryScore query_score(std::int64_t num_members, LogitOf logit_of) {
  const double n = static_cast<double>(num_members);
  QueryScore score;
  double mean_of_first = 0;  // 1 - mean, without cancellation
  for (std::int64_t e = 0; e < num_members; ++e) {
    score.mean_probability += probability_of_logit(logit_of(e)) / n;
    mean_of_first += probability_of_logit(-logit_of(e)) / n;
    score.mean_entropy += entropy_of_logit(logit_of(e)) / n;
  }
  for (std::int64_t e = 0; e < num_members; ++e) {
    const double difference = probability_of_logit(logit_of(e)) - score.mean_probability;
    score.disagreement += difference * difference / n;
  }
  score.entropy_of_mean = entropy_part(score.mean_probability) + entropy_part(mean_of_first);
  return score;
}

}  // namespace segpref::math
