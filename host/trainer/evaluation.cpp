#include "host/trainer/evaluation.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "host/trainer/outcomes.hpp"

namespace segpref {
namespace {

double sigmoid(double x) { return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }

/// Sums of one model over pairs.
struct Tally {
  double weight = 0, loss = 0, brier = 0;
  std::int64_t judged = 0, correct = 0;
  std::array<double, 10> bin_probability{}, bin_label{};

  void add(double logit, TieModel tie_model, double tie_parameter, double label, double pair_weight) {
    const Outcomes outcomes = outcomes_of(tie_model, tie_parameter, logit);
    weight += pair_weight;
    loss += pair_weight * loss_of(outcomes, tie_model, label);
    const double expected = std::exp(outcomes.log_second) + 0.5 * std::exp(outcomes.log_tie);
    brier += (expected - label) * (expected - label);
    const double probability = sigmoid(outcomes.log_second - outcomes.log_first);
    if (label == 0.5) return;
    ++judged;
    if (label > 0.5 ? logit > 0 : logit < 0) ++correct;  // neither 0 nor NaN is right
    const auto bin = static_cast<std::size_t>(std::min(9.0, std::floor(probability * 10)));
    bin_probability[bin] += probability;
    bin_label[bin] += label;
  }
  Agreement agreement() const {
    Agreement result;
    if (judged > 0) result.accuracy = static_cast<double>(correct) / static_cast<double>(judged);
    result.loss = weight > 0 ? loss / weight : 0.0;
    return result;
  }
  double calibration_error() const {
    double error = 0;
    for (std::size_t bin = 0; bin < 10; ++bin) error += std::fabs(bin_probability[bin] - bin_label[bin]);
    return judged > 0 ? error / static_cast<double>(judged) : 0.0;
  }
};

}  // namespace

Evaluation evaluate_logits(const std::vector<float>& logits, std::int64_t num_members, const ScoreOptions& score, const PreferenceDataset& data, const std::vector<std::int64_t>& pairs,
                           const float* labels, NonFinite nonfinite) {
  const PreferenceBatch batch = data.batch();
  const auto members = static_cast<std::size_t>(num_members);
  const auto tie_of = [&](std::size_t member) { return score.tie_parameter.empty() ? 0.0 : static_cast<double>(score.tie_parameter[member]); };
  double mean_tie = 0;
  for (std::size_t member = 0; member < members; ++member) mean_tie += tie_of(member) / static_cast<double>(members);
  Tally mean;
  std::vector<Tally> tallies(members);
  Evaluation evaluation;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const double weight = batch.weights.present() ? static_cast<double>(static_cast<const float*>(batch.weights.data)[pairs[i]]) : 1.0;
    if (weight == 0) continue;
    double sum = 0;
    for (std::size_t member = 0; member < members; ++member) sum += static_cast<double>(logits[member * pairs.size() + i]);
    if (nonfinite == NonFinite::skip && !std::isfinite(sum)) {
      ++evaluation.num_skipped;
      continue;
    }
    ++evaluation.num_pairs;
    const double label = labels[pairs[i]];
    for (std::size_t member = 0; member < members; ++member) {
      const double logit = logits[member * pairs.size() + i];
      tallies[member].add(logit, score.tie_model, tie_of(member), label, weight);
    }
    mean.add(sum / static_cast<double>(members), score.tie_model, mean_tie, label, weight);
  }
  evaluation.mean = mean.agreement();
  evaluation.brier = evaluation.num_pairs > 0 ? mean.brier / static_cast<double>(evaluation.num_pairs) : 0.0;
  evaluation.ece = mean.calibration_error();
  for (const Tally& tally : tallies) evaluation.members.push_back(tally.agreement());
  return evaluation;
}

}  // namespace segpref
