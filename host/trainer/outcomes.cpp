#include "host/trainer/outcomes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace segpref {
namespace {

double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }

/// An answer of no weight says nothing, however improbable it is.
double weighted(double weight, double log_probability) { return weight > 0 ? -weight * log_probability : 0.0; }

}  // namespace

Outcomes outcomes_of(TieModel model, double tie_parameter, double logit) {
  switch (model) {
    case TieModel::none: return {-softplus(logit), -softplus(-logit), -std::numeric_limits<double>::infinity()};
    case TieModel::rao_kupper: {
      const double log_first = -softplus(tie_parameter + logit), log_second = -softplus(tie_parameter - logit);
      const double log_excess = 2 * tie_parameter + std::log(-std::expm1(-2 * tie_parameter));  // log(theta^2 - 1)
      return {log_first, log_second, log_excess + log_first + log_second};
    }
    case TieModel::davidson: {
      const double side = logit / 2, largest = std::max(std::fabs(side), tie_parameter);
      const double log_sum = largest + std::log(std::exp(-side - largest) + std::exp(side - largest) + std::exp(tie_parameter - largest));
      return {-side - log_sum, side - log_sum, tie_parameter - log_sum};
    }
  }
  return {};
}

double loss_of(const Outcomes& outcomes, TieModel model, double label) {
  if (model != TieModel::none && label == 0.5) return -outcomes.log_tie;
  return weighted(1 - label, outcomes.log_first) + weighted(label, outcomes.log_second);
}

math::QueryScore query_score(const std::vector<Outcomes>& members) {
  const double n = static_cast<double>(members.size());
  const auto entropy = [](double p) { return p > 0 ? -p * std::log(p) : 0.0; };
  math::QueryScore score;
  double mean_of_first = 0, mean_of_tie = 0;
  for (const Outcomes& outcomes : members) {
    score.mean_probability += std::exp(outcomes.log_second) / n;
    mean_of_first += std::exp(outcomes.log_first) / n;
    mean_of_tie += std::exp(outcomes.log_tie) / n;
    for (double log_p : {outcomes.log_first, outcomes.log_second, outcomes.log_tie}) score.mean_entropy += weighted(std::exp(log_p), log_p) / n;
  }
  for (const Outcomes& outcomes : members) {
    const double difference = std::exp(outcomes.log_second) - score.mean_probability;
    score.disagreement += difference * difference / n;
  }
  score.entropy_of_mean = entropy(score.mean_probability) + entropy(mean_of_first) + entropy(mean_of_tie);
  return score;
}

}  // namespace segpref
