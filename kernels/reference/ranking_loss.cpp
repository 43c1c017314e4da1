#include "kernels/reference/ranking_loss.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace segpref::reference {
namespace {

struct RankingLoss {
  long double loss = 0;
  std::vector<long double> grad;  ///< by the score over temperature of each entry
};

/// sum over stages j of (logsumexp_{k >= j} s_k - s_j)
RankingLoss plackett_luce(const std::vector<long double>& s, std::size_t num_stages) {
  RankingLoss result;
  result.grad.assign(s.size(), 0);
  for (std::size_t j = 0; j < num_stages; ++j) {
    long double others = 0;  // sum over k > j of e^(s_k - top), top the largest of the stage, without its own 1
    const auto top = static_cast<std::size_t>(std::max_element(s.begin() + static_cast<std::ptrdiff_t>(j), s.end()) - s.begin());
    for (std::size_t k = j; k < s.size(); ++k)
      if (k != top) others += std::exp(s[k] - s[top]);
    result.loss += (s[top] - s[j]) + std::log1p(others);
    for (std::size_t k = j; k < s.size(); ++k) {
      const long double probability = std::exp(s[k] - s[top]) / (1 + others);
      if (k != j) {
        result.grad[k] += probability;
        result.grad[j] -= probability;  // -(1 - P_j), as a sum that does not cancel
      }
    }
  }
  return result;
}

}  // namespace

RankingSolution ranking_loss(const RankingProblem& problem, const std::vector<std::vector<double>>& step_rewards) {
  const auto members = static_cast<std::size_t>(problem.num_members);
  RankingSolution solution;
  solution.loss.assign(members, 0);
  solution.metrics.assign(members, {});
  solution.loss_per_ranking.resize(members);
  solution.scores.resize(members);
  solution.grad_scores.assign(members, std::vector<double>(problem.segments.size(), 0));
  solution.grad_step_rewards.assign(members, std::vector<double>(static_cast<std::size_t>(problem.num_steps), 0));

  for (std::size_t e = 0; e < members; ++e) {
    std::vector<double>& scores = solution.scores[e];
    std::vector<long double> grad_scores(problem.segments.size(), 0);  // gradients of many entries may cancel
    for (const Segment& segment : problem.segments) scores.push_back(segment_score(problem.aggregation, problem.discount, segment, step_rewards[e]));
    std::vector<bool> counted_segment(problem.segments.size(), false);
    RankingMetrics& metrics = solution.metrics[e];

    for (std::size_t r = 0; r < problem.rankings.size(); ++r) {
      const std::vector<std::int64_t>& ranking = problem.rankings[r];
      const double weight = problem.weights[e][r];
      std::vector<long double> entries;
      for (std::int64_t segment : ranking) entries.push_back(static_cast<long double>(scores[static_cast<std::size_t>(segment)]) / problem.temperature);
      const bool finite = std::all_of(entries.begin(), entries.end(), [](long double s) { return std::isfinite(s); });
      if (weight > 0 && !finite && problem.skip_nonfinite) metrics.num_skipped += 1;
      if (weight == 0 || (!finite && problem.skip_nonfinite)) {
        solution.loss_per_ranking[e].push_back(0);
        continue;
      }
      const std::size_t num_stages =
          problem.ranking_top == 0 ? ranking.size() : std::min(ranking.size(), static_cast<std::size_t>(problem.ranking_top));
      RankingLoss loss = plackett_luce(entries, num_stages);
      if (!finite) {
        loss.loss = std::numeric_limits<long double>::quiet_NaN();
        std::fill(loss.grad.begin(), loss.grad.end(), std::numeric_limits<long double>::quiet_NaN());
      }
      const double weighted = static_cast<double>(weight * loss.loss);
      solution.loss_per_ranking[e].push_back(weighted);
      metrics.weight_sum += weight;
      metrics.loss_sum += weighted;
      for (std::size_t k = 0; k < ranking.size(); ++k) {
        const auto segment = static_cast<std::size_t>(ranking[k]);
        grad_scores[segment] += weight * loss.grad[k] / problem.temperature;
        counted_segment[segment] = true;
      }
    }

    double divisor = 1;
    if (problem.reduction == Reduce::mean) divisor = problem.normalizer.value_or(metrics.weight_sum);
    const long double scale = divisor == 0 ? 0 : 1 / static_cast<long double>(divisor);
    solution.loss[e] = scale == 0 ? 0 : metrics.loss_sum / divisor;
    for (std::size_t s = 0; s < problem.segments.size(); ++s) solution.grad_scores[e][s] = static_cast<double>(grad_scores[s] * scale);
    for (std::size_t s = 0; s < problem.segments.size(); ++s)
      if (counted_segment[s]) add_score_gradient(problem.aggregation, problem.discount, problem.segments[s], solution.grad_scores[e][s], solution.grad_step_rewards[e]);
  }
  return solution;
}

}  // namespace segpref::reference
