#include "segpref/reward_ensemble.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <span>

#include <fmt/ranges.h>

#include "host/plan/owned_workspace.hpp"
#include "host/trainer/outcomes.hpp"

namespace segpref {
namespace {

/// Pairs and rows that are in memory together when logits are computed: enough to keep every thread busy, and never more than
/// about 200 MB of activations of the widest usual model.
constexpr std::int64_t most_pairs_per_chunk = 1024, most_rows_per_chunk = 16384;

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

constexpr const char* aggregation_names[] = {"sum", "mean", "last"};
constexpr const char* tie_model_names[] = {"none", "rao-kupper", "davidson"};

template <typename Enum>
Enum enum_of(const std::string& key, const std::string& name, std::span<const char* const> names) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (name == names[i]) return static_cast<Enum>(i);
  throw Error(ErrorCode::bad_data, fmt::format("metadata {} = '{}' must be one of {}", key, name, fmt::join(names, ", ")));
}

/// A number in (0, most].
double number_of(const char* key, const std::string& text, double most) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(value > 0 && value <= most))
    throw Error(ErrorCode::bad_data, fmt::format("metadata {} = '{}' must be a number > 0{}", key, text, most == 1.0 ? " and <= 1" : ""));
  return value;
}

/// "0.5,0.25": one number per member, eta > 0 or log_nu.
std::vector<float> tie_parameters_of(const std::string& text, TieModel model, std::int64_t num_members) {
  std::vector<float> values;
  const char* rest = text.c_str();
  for (char* end = nullptr;; rest = end + 1) {
    values.push_back(std::strtof(rest, &end));
    if (end == rest) values.clear();
    if (end == rest || *end != ',') break;
  }
  const auto legal = [&](float value) { return std::isfinite(value) && (model == TieModel::davidson || value > 0); };
  if (static_cast<std::int64_t>(values.size()) != num_members || !std::all_of(values.begin(), values.end(), legal))
    throw Error(ErrorCode::bad_data, fmt::format("metadata score.tie_parameter = '{}' must be {} finite numbers (num_members){}", text, num_members,
                                                 model == TieModel::davidson ? "" : " > 0"));
  return values;
}

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
  if (const std::string* name = find("score.aggregation")) options.aggregation = enum_of<Aggregation>("score.aggregation", *name, aggregation_names);
  if (const std::string* value = find("score.discount")) options.discount = number_of("score.discount", *value, 1.0);
  if (const std::string* value = find("score.temperature")) options.temperature = number_of("score.temperature", *value, std::numeric_limits<double>::max());
  if (const std::string* name = find("score.tie_model")) options.tie_model = enum_of<TieModel>("score.tie_model", *name, tie_model_names);
  if (options.tie_model == TieModel::none) return options;
  const std::string* values = find("score.tie_parameter");
  options.tie_parameter = tie_parameters_of(values == nullptr ? "" : *values, options.tie_model, file_.architecture.num_members);
  return options;
}

void RewardEnsemble::set_score_options(const ScoreOptions& options) {
  file_.metadata["score.aggregation"] = aggregation_names[static_cast<int>(options.aggregation)];
  file_.metadata["score.discount"] = fmt::format("{}", options.discount);
  file_.metadata["score.temperature"] = fmt::format("{}", options.temperature);
  file_.metadata.erase("score.tie_parameter");
  file_.metadata["score.tie_model"] = tie_model_names[static_cast<int>(options.tie_model)];
  if (options.tie_model != TieModel::none) file_.metadata["score.tie_parameter"] = fmt::format("{}", fmt::join(options.tie_parameter, ","));
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
  const std::int64_t rows_per_pair = 2 * std::max<std::int64_t>(1, data.longest_segment());
  const std::int64_t pairs_per_chunk = std::clamp<std::int64_t>(most_rows_per_chunk / rows_per_pair, 1, most_pairs_per_chunk);
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

Evaluation RewardEnsemble::evaluate(const Context& context, const PreferenceDataset& data, const std::vector<std::int64_t>& pairs, const float* labels,
                                    NonFinite nonfinite) const {
  const std::vector<float> member_logits = logits(context, data, pairs);
  const PreferenceBatch batch = data.batch();
  const auto members = static_cast<std::size_t>(file_.architecture.num_members);
  const ScoreOptions score = score_options();
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
    for (std::size_t member = 0; member < members; ++member) sum += static_cast<double>(member_logits[member * pairs.size() + i]);
    if (nonfinite == NonFinite::skip && !std::isfinite(sum)) {
      ++evaluation.num_skipped;
      continue;
    }
    ++evaluation.num_pairs;
    const double label = labels[pairs[i]];
    for (std::size_t member = 0; member < members; ++member) {
      const double logit = member_logits[member * pairs.size() + i];
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
