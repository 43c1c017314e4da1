// P(second preferred), disagreement and entropies of one candidate pair from its members' logits.
#pragma once

#include <cmath>
#include <cstdint>

namespace segpref::cpu {

struct QueryScore {
  double mean_probability = 0, disagreement = 0, entropy_of_mean = 0, mean_entropy = 0;
};

/// Entropy of a coin in nats from its logit: softplus(-|z|) + |z| sigmoid(-|z|), which keeps its digits for every z.
inline double entropy_of_logit(double logit) {
  const double size = std::fabs(logit), small = std::exp(-size);
  return std::log1p(small) + size * small / (1 + small);
}

/// `logit_of(member)` for member in [0, num_members), visited in order.
template <typename LogitOf>
QueryScore query_score(std::int64_t num_members, LogitOf logit_of) {
  const double n = static_cast<double>(num_members);
  const auto probability = [](double z) { return z >= 0 ? 1 / (1 + std::exp(-z)) : std::exp(z) / (1 + std::exp(z)); };
  QueryScore score;
  double mean_of_first = 0;  // 1 - mean, without cancellation
  for (std::int64_t e = 0; e < num_members; ++e) {
    score.mean_probability += probability(logit_of(e)) / n;
    mean_of_first += probability(-logit_of(e)) / n;
    score.mean_entropy += entropy_of_logit(logit_of(e)) / n;
  }
  for (std::int64_t e = 0; e < num_members; ++e) {
    const double difference = probability(logit_of(e)) - score.mean_probability;
    score.disagreement += difference * difference / n;
  }
  const auto part = [](double p) { return p > 0 ? -p * std::log(p) : 0.0; };
  score.entropy_of_mean = part(score.mean_probability) + part(mean_of_first);
  return score;
}

}  // namespace segpref::cpu
