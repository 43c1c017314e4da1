#include "tests/support/error_units.hpp"

#include <cmath>

namespace segpref::testing {

ErrorUnits error_units(const reference::PreferenceProblem& problem, const std::vector<std::vector<double>>& reward_units,
                       const reference::PreferenceSolution& expected) {
  const double temperature = problem.temperature, centering = problem.centering;
  ErrorUnits units;
  for (std::size_t e = 0; e < static_cast<std::size_t>(problem.num_members); ++e) {
    std::vector<double> scores, grad_scores(problem.segments.size(), 0);
    for (const auto& segment : problem.segments) scores.push_back(reference::segment_score(problem.aggregation, problem.discount, segment, reward_units[e]));
    units.scores.insert(units.scores.end(), scores.begin(), scores.end());

    double loss_sum = 0, centering_sum = 0, gap_sum = 0, num_uncertain = 0;
    for (std::size_t k = 0; k < problem.pair_order[e].size(); ++k) {
      const auto pair = static_cast<std::size_t>(problem.pair_order[e][k]);
      const auto first = static_cast<std::size_t>(problem.pairs[pair].first), second = static_cast<std::size_t>(problem.pairs[pair].second);
      // The slope of every objective is at most 1, and the slope of its gradient too; clip, margin and lapse only lower them.
      const double both = scores[first] + scores[second], logit = both / temperature, weight = problem.weights[e][pair];
      units.logits.push_back(logit);
      const double centering_term = 3 * centering * both * both;
      units.loss_per_pair.push_back(weight * (1 + logit + centering_term));
      loss_sum += weight * (1 + logit);
      centering_sum += weight * centering_term;
      gap_sum += both;
      const double grad = weight * ((1 + logit) / temperature + 4 * centering * both);
      grad_scores[first] += grad;
      grad_scores[second] += grad;
      // A gap of rounding errors has either sign. Equal segments have equal sums in every back end.
      const double gap = std::fabs(expected.logits[e][k]);
      if (first != second && both > 0 && gap < 1e-5 * logit) num_uncertain += 1;
    }
    const double divisor = problem.reduction == reference::Reduce::mean ? problem.normalizer.value_or(expected.metrics[e].weight_sum) : 1;
    const double scale = divisor > 0 ? 1 / divisor : 0;
    units.loss.push_back((loss_sum + centering_sum) * scale);
    // d(log P)/d(tie parameter) is at most 2 / expm1(2 eta) + 2 in size: below 6 for eta >= 0.25.
    units.grad_tie_parameter.push_back(6 * loss_sum * scale);
    units.metrics.insert(units.metrics.end(), {expected.metrics[e].weight_sum, loss_sum, centering_sum, 0, num_uncertain, gap_sum, 0});
    for (double& grad : grad_scores) grad *= scale;
    units.grad_step_rewards.emplace_back(reward_units[e].size(), 0.0);
    for (std::size_t s = 0; s < problem.segments.size(); ++s)
      reference::add_score_gradient(problem.aggregation, problem.discount, problem.segments[s], grad_scores[s], units.grad_step_rewards[e]);
  }
  return units;
}

}  // namespace segpref::testing
