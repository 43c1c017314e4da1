#include "segpref/reward_ensemble.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <span>

#include <fmt/ranges.h>

#include "host/plan/owned_workspace.hpp"
#include "host/trainer/evaluation.hpp"
#include "host/trainer/logits.hpp"
#include "host/trainer/on_device.hpp"

namespace segpref {
namespace {

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

void RewardEnsemble::predict(const Context& context, const Features& features, const Prediction& prediction, const Device& device) const {
  if (device.kind == Device::Kind::cuda) return cuda_predict(context, *this, features, prediction, device);
  RewardNormalization normalization;
  if (!file_.reward_shift.empty()) normalization = {view(file_.reward_shift), view(file_.reward_scale)};
  predict_rewards(context, file_.architecture, view(file_.parameters), standardized(features), prediction, normalization);
}

std::vector<float> RewardEnsemble::logits(const Context& context, const PreferenceDataset& data, const std::vector<std::int64_t>& pairs, const Device& device) const {
  if (device.kind == Device::Kind::cuda) return cuda_logits(context, *this, data, pairs, device);
  const auto num_pairs = static_cast<std::int64_t>(pairs.size());
  const std::int64_t members = file_.architecture.num_members;
  const MlpLossPlan plan(file_.architecture, logits_capacity(file_.architecture, data, num_pairs, {}), context.num_threads());
  const OwnedWorkspace workspace(plan.workspace_bytes());
  const PreferenceOptions options = logits_options(score_options());
  const std::int64_t chunk_pairs = plan.capacity().num_batch_pairs;

  std::vector<float> all(static_cast<std::size_t>(members * num_pairs)), chunk(static_cast<std::size_t>(members * chunk_pairs));
  for (std::int64_t begin = 0; begin < num_pairs; begin += chunk_pairs) {
    const std::int64_t count = std::min(chunk_pairs, num_pairs - begin);
    PreferenceResult result;
    result.logits = view(chunk.data(), {members, count});
    mlp_preference_loss(context, plan, view(file_.parameters), standardized(data.features()), logits_batch(data.batch(), view(pairs.data() + begin, {count})), options, result, {}, {}, {},
                        workspace.get());
    for (std::int64_t member = 0; member < members; ++member) std::copy_n(chunk.data() + member * count, count, all.data() + member * num_pairs + begin);
  }
  return all;
}

Evaluation RewardEnsemble::evaluate(const Context& context, const PreferenceDataset& data, const std::vector<std::int64_t>& pairs, const float* labels,
                                    NonFinite nonfinite, const Device& device) const {
  return evaluate_logits(logits(context, data, pairs, device), file_.architecture.num_members, score_options(), data, pairs, labels, nonfinite);
}

}  // namespace segpref
