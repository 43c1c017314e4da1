#include "kernels/reference/preference_loss.hpp"

#include <algorithm>
#include <cmath>

namespace segpref::reference {
namespace {

using Wide = long double;

// log(1 + e^x)
Wide softplus(Wide x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }
Wide sigmoid(Wide x) { return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }

// log of one outcome's probability with its derivatives.
struct LogProbability {
  Wide value, by_logit, by_tie;
};

// P -> (1 - e) P + e / outcomes
LogProbability mix(LogProbability p, Wide lapse, Wide outcomes) {
  if (lapse == 0) return p;
  const Wide meant = std::log1p(-lapse) + p.value, random = std::log(lapse / outcomes);
  const Wide top = std::max(meant, random);
  const Wide value = top + std::log1p(std::exp(-std::fabs(meant - random)));
  const Wide share = std::exp(meant - value);
  return {value, share * p.by_logit, share * p.by_tie};
}

}  // namespace

PairLoss pair_loss(const PreferenceProblem& problem, double logit, double label, double margin, double tie_parameter) {
  const Wide z = logit, m = margin, t = tie_parameter;
  LogProbability first, second, tie{0, 0, 0};
  switch (problem.ties) {
    case Ties::none:
      second = {-softplus(m - z), sigmoid(m - z), 0};
      first = {-softplus(m + z), -sigmoid(m + z), 0};
      break;
    case Ties::rao_kupper: {
      second = {-softplus(t - z), sigmoid(t - z), -sigmoid(t - z)};
      first = {-softplus(t + z), -sigmoid(t + z), -sigmoid(t + z)};
      const Wide factor = 2 * t + std::log(-std::expm1(-2 * t));
      tie = {factor + first.value + second.value, first.by_logit + second.by_logit, -2 / std::expm1(-2 * t) + first.by_tie + second.by_tie};
      break;
    }
    case Ties::davidson: {
      const Wide top = std::max({-z / 2, z / 2, t});
      const Wide a = std::exp(-z / 2 - top), b = std::exp(z / 2 - top), c = std::exp(t - top);
      const Wide sum = a + b + c;
      // log of the sum without the digits lost when two terms vanish beside a 1
      const Wide log_sum = std::log1p((a == 1 ? b + c : b == 1 ? a + c : a + b));
      const Wide mean_logit = (b - a) / (2 * sum);
      first = {-z / 2 - top - log_sum, -(b + c / 2) / sum, -c / sum};
      second = {z / 2 - top - log_sum, (a + c / 2) / sum, -c / sum};
      tie = {t - top - log_sum, -mean_logit, (a + b) / sum};
      break;
    }
  }
  const Wide outcomes = problem.ties == Ties::none ? 2 : 3;
  first = mix(first, problem.lapse, outcomes);
  second = mix(second, problem.lapse, outcomes);
  tie = mix(tie, problem.lapse, outcomes);
  if (problem.ties != Ties::none && label == 0.5)
    return {static_cast<double>(-tie.value), static_cast<double>(-tie.by_logit), static_cast<double>(-tie.by_tie)};
  const Wide y = (1 - static_cast<Wide>(problem.smoothing)) * label + static_cast<Wide>(problem.smoothing) / 2;
  return {static_cast<double>(-(1 - y) * first.value - y * second.value), static_cast<double>(-(1 - y) * first.by_logit - y * second.by_logit),
          static_cast<double>(-(1 - y) * first.by_tie - y * second.by_tie)};
}

PreferenceSolution preference_loss(const PreferenceProblem& problem, const std::vector<std::vector<double>>& step_rewards) {
  const auto members = static_cast<std::size_t>(problem.num_members);
  PreferenceSolution solution;
  solution.loss.assign(members, 0);
  solution.grad_tie_parameter.assign(members, 0);
  solution.metrics.assign(members, {});
  solution.loss_per_pair.resize(members);
  solution.logits.resize(members);
  solution.scores.resize(members);
  solution.grad_scores.assign(members, std::vector<double>(problem.segments.size(), 0));
  solution.grad_step_rewards.assign(members, std::vector<double>(static_cast<std::size_t>(problem.num_steps), 0));

  for (std::size_t e = 0; e < members; ++e) {
    std::vector<double>& scores = solution.scores[e];
    for (const Segment& segment : problem.segments) scores.push_back(segment_score(problem.aggregation, problem.discount, segment, step_rewards[e]));
    std::vector<bool> counted_segment(problem.segments.size(), false);
    std::vector<double>& grad_scores = solution.grad_scores[e];
    Metrics& metrics = solution.metrics[e];
    Wide weight_sum = 0, loss_sum = 0, centering_sum = 0, gap_sum = 0, grad_tie_sum = 0;

    for (std::int64_t pair_idx : problem.pair_order[e]) {
      const auto p = static_cast<std::size_t>(pair_idx);
      const auto first = static_cast<std::size_t>(problem.pairs[p].first), second = static_cast<std::size_t>(problem.pairs[p].second);
      const double weight = problem.weights[e][p];
      const double gap = scores[second] - scores[first], logit = gap / problem.temperature, total = scores[first] + scores[second];
      solution.logits[e].push_back(logit);
      const bool finite = std::isfinite(scores[first]) && std::isfinite(scores[second]);
      if (weight > 0 && !finite && problem.skip_nonfinite) metrics.num_skipped += 1;
      if (weight == 0 || (!finite && problem.skip_nonfinite)) {
        solution.loss_per_pair[e].push_back(0);
        continue;
      }
      const double clipped = std::clamp(logit, -problem.clip, problem.clip);
      PairLoss loss = pair_loss(problem, clipped, problem.labels[p], problem.margins[e][p], problem.tie_parameter.empty() ? 0 : problem.tie_parameter[e]);
      if (!finite) loss.loss = loss.grad_logit = loss.grad_tie = std::numeric_limits<double>::quiet_NaN();
      if (finite && std::fabs(logit) > problem.clip) loss.grad_logit = 0;
      const double centering = problem.centering == 0 ? 0 : problem.centering * total * total;
      solution.loss_per_pair[e].push_back(weight * (loss.loss + centering));
      weight_sum += weight;
      loss_sum += static_cast<Wide>(weight) * loss.loss;
      centering_sum += static_cast<Wide>(weight) * centering;
      const double by_gap = loss.grad_logit / problem.temperature;
      grad_scores[first] += weight * (2 * problem.centering * total - by_gap);
      grad_scores[second] += weight * (2 * problem.centering * total + by_gap);
      grad_tie_sum += static_cast<Wide>(weight) * loss.grad_tie;
      counted_segment[first] = counted_segment[second] = true;
      if (problem.labels[p] != 0.5) {
        const double sign = problem.labels[p] > 0.5 ? 1 : -1;
        metrics.num_judged += 1;
        metrics.num_correct += logit * sign > 0 ? 1 : 0;
        gap_sum += gap * sign;
      }
    }

    metrics.weight_sum = static_cast<double>(weight_sum);
    metrics.loss_sum = static_cast<double>(loss_sum);
    metrics.centering_sum = static_cast<double>(centering_sum);
    metrics.gap_sum = static_cast<double>(gap_sum);
    double divisor = 1;
    if (problem.reduction == Reduce::mean) divisor = problem.normalizer.value_or(metrics.weight_sum);
    const double scale = divisor == 0 ? 0 : 1 / divisor;
    solution.loss[e] = scale == 0 ? 0 : static_cast<double>((loss_sum + centering_sum) / divisor);
    solution.grad_tie_parameter[e] = scale == 0 ? 0 : static_cast<double>(grad_tie_sum / divisor);
    for (double& grad : grad_scores) grad *= scale;
    for (std::size_t s = 0; s < problem.segments.size(); ++s)
      if (counted_segment[s]) add_score_gradient(problem.aggregation, problem.discount, problem.segments[s], grad_scores[s], solution.grad_step_rewards[e]);
  }
  return solution;
}

}  // namespace segpref::reference
