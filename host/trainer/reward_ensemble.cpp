#include "segpref/reward_ensemble.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "host/plan/owned_workspace.hpp"

namespace segpref {
namespace {

/// Pairs whose rows are in memory together when logits are computed.
constexpr std::int64_t pairs_per_chunk = 1024;

double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }
double sigmoid(double x) { return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }

/// Sums of one model over pairs.
struct Tally {
  double weight = 0, loss = 0, brier = 0;
  std::int64_t judged = 0, correct = 0;
  std::array<double, 10> bin_probability{}, bin_label{};

  void add(double logit, double label, double pair_weight) {
    weight += pair_weight;
    loss += pair_weight * ((1 - label) * softplus(logit) + label * softplus(-logit));
    const double probability = sigmoid(logit);
    brier += (probability - label) * (probability - label);
    if (label == 0.5) return;
    ++judged;
    if ((label > 0.5) == (logit > 0) && logit != 0) ++correct;
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

constexpr const char* aggregation_names[] = {"sum", "mean", "last"};

}  // namespace

RewardEnsemble::RewardEnsemble(const RewardArchitecture& architecture, std::uint64_t seed) {
  file_.architecture = architecture;
  initialize_parameters(architecture, seed, file_.parameters);
}

RewardEnsemble::RewardEnsemble(RewardModelFile file) : file_(std::move(file)) {}

RewardEnsemble RewardEnsemble::load(const std::string& path) { return RewardEnsemble(load_model(path)); }

void RewardEnsemble::save(const std::string& path) const { save_model(path, file_); }

ScoreOptions RewardEnsemble::score_options() const {
  ScoreOptions options;
  const auto find = [&](const char* key) -> const std::string* {
    const auto entry = file_.metadata.find(key);
    return entry == file_.metadata.end() ? nullptr : &entry->second;
  };
  if (const std::string* name = find("score.aggregation")) {
    for (int i = 0; i < 3; ++i)
      if (*name == aggregation_names[i]) options.aggregation = static_cast<Aggregation>(i);
  }
  if (const std::string* value = find("score.discount")) options.discount = std::strtod(value->c_str(), nullptr);
  if (const std::string* value = find("score.temperature")) options.temperature = std::strtod(value->c_str(), nullptr);
  return options;
}

void RewardEnsemble::set_score_options(const ScoreOptions& options) {
  file_.metadata["score.aggregation"] = aggregation_names[static_cast<int>(options.aggregation)];
  file_.metadata["score.discount"] = fmt::format("{}", options.discount);
  file_.metadata["score.temperature"] = fmt::format("{}", options.temperature);
}

Features RewardEnsemble::standardized(Features features) const {
  if (!file_.feature_mean.empty()) {
    features.mean = view(file_.feature_mean);
    features.std = view(file_.feature_std);
  }
  return features;
}

void RewardEnsemble::predict(const Context& context, const Features& features, const Prediction& prediction) const {
  RewardNormalization normalization;
  if (!file_.reward_shift.empty()) normalization = {view(file_.reward_shift), view(file_.reward_scale)};
  predict_rewards(context, file_.architecture, view(file_.parameters), standardized(features), prediction, normalization);
}

std::vector<float> RewardEnsemble::logits(const Context& context, const PreferenceDataset& data, const std::vector<std::int64_t>& pairs) const {
  const auto num_pairs = static_cast<std::int64_t>(pairs.size());
  const std::int64_t members = file_.architecture.num_members;
  PreferenceCapacity capacity;
  capacity.num_members = members;
  capacity.num_steps = data.num_steps();
  capacity.num_segments = data.num_segments();
  capacity.num_pairs = data.num_pairs();
  capacity.num_batch_pairs = std::max<std::int64_t>(1, std::min(pairs_per_chunk, num_pairs));
  capacity.num_batch_steps = std::max<std::int64_t>(1, std::min(data.num_steps(), 2 * capacity.num_batch_pairs * data.longest_segment()));
  const MlpLossPlan plan(file_.architecture, capacity, context.num_threads());
  const OwnedWorkspace workspace(plan.workspace_bytes());
  const ScoreOptions score = score_options();
  PreferenceOptions options;
  options.aggregation = score.aggregation;
  options.discount = score.discount;
  options.temperature = score.temperature;

  std::vector<float> all(static_cast<std::size_t>(members * num_pairs)), chunk(static_cast<std::size_t>(members * capacity.num_batch_pairs));
  for (std::int64_t begin = 0; begin < num_pairs; begin += pairs_per_chunk) {
    const std::int64_t count = std::min(pairs_per_chunk, num_pairs - begin);
    PreferenceBatch batch = data.batch();
    batch.weights = {};
    batch.margins = {};
    batch.pair_order = view(pairs.data() + begin, {count});
    PreferenceResult result;
    result.logits = view(chunk.data(), {members, count});
    mlp_preference_loss(context, plan, view(file_.parameters), standardized(data.features()), batch, options, result, {}, {}, {}, workspace.get());
    for (std::int64_t member = 0; member < members; ++member) std::copy_n(chunk.data() + member * count, count, all.data() + member * num_pairs + begin);
  }
  return all;
}

Evaluation RewardEnsemble::evaluate(const Context& context, const PreferenceDataset& data, const std::vector<std::int64_t>& pairs, const float* labels) const {
  const std::vector<float> member_logits = logits(context, data, pairs);
  const PreferenceBatch batch = data.batch();
  const auto members = static_cast<std::size_t>(file_.architecture.num_members);
  Tally mean;
  std::vector<Tally> tallies(members);
  Evaluation evaluation;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const double weight = batch.weights.present() ? static_cast<double>(static_cast<const float*>(batch.weights.data)[pairs[i]]) : 1.0;
    if (weight == 0) continue;
    ++evaluation.num_pairs;
    const double label = labels[pairs[i]];
    double sum = 0;
    for (std::size_t member = 0; member < members; ++member) {
      const double logit = member_logits[member * pairs.size() + i];
      sum += logit;
      tallies[member].add(logit, label, weight);
    }
    mean.add(sum / static_cast<double>(members), label, weight);
  }
  evaluation.mean = mean.agreement();
  evaluation.brier = evaluation.num_pairs > 0 ? mean.brier / static_cast<double>(evaluation.num_pairs) : 0.0;
  evaluation.ece = mean.calibration_error();
  for (const Tally& tally : tallies) evaluation.members.push_back(tally.agreement());
  return evaluation;
}

}  // namespace segpref
