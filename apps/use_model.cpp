// segpref eval, predict, query and info: what a trained model is good for.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>

#include "apps/command.hpp"
#include "apps/correlation.hpp"
#include "host/device/device.hpp"
#include "host/trainer/feature_statistics.hpp"
#include "host/trainer/outcomes.hpp"
#include "kernels/math/query_score.hpp"

namespace segpref::app {
namespace {

struct UseOptions {
  Common common;
  std::string model, data, out, part = "auto", by = "disagreement", nonfinite = "error";
  std::int64_t chunk_rows = 65536, top = 0;
};

/// The pairs of one part of the data set; "auto" is the held-out part where the file has a split, else all.
std::vector<std::int64_t> pairs_of(const PreferenceDataset& data, const std::string& part) {
  std::vector<std::int64_t> pairs;
  const ConstTensorView split = data.split();
  if (!split.present() && part != "auto" && part != "all") throw Error(ErrorCode::invalid_argument, fmt::format("--part {}: the data set has no split", part));
  for (std::int64_t pair = 0; pair < data.num_pairs(); ++pair) {
    const bool held_out = split.present() && static_cast<const std::int32_t*>(split.data)[pair] != 0;
    if (part == "all" || !split.present() || held_out == (part != "training")) pairs.push_back(pair);
  }
  return pairs;
}

/// Pearson and Spearman of the mean reward with the true one over the steps of the pairs' segments.
void add_correlation(const Context& context, const Device& device, const RewardEnsemble& model, const PreferenceDataset& data, const std::vector<std::int64_t>& pairs, nlohmann::json& json) {
  if (!data.true_rewards().present()) return;
  std::vector<float> mean(static_cast<std::size_t>(data.num_steps()));
  Prediction prediction;
  prediction.mean = view(mean);
  model.predict(context, data.features(), prediction, device);
  const auto* truth = static_cast<const float*>(data.true_rewards().data);
  std::vector<double> learned_rewards, true_rewards;
  for (const auto& [begin, end] : segments_of(data, pairs))
    for (std::int64_t step = begin; step < end; ++step) {
      if (!std::isfinite(mean[static_cast<std::size_t>(step)])) continue;
      learned_rewards.push_back(mean[static_cast<std::size_t>(step)]);
      true_rewards.push_back(truth[step]);
    }
  if (learned_rewards.empty()) return;
  json["pearson"] = pearson(learned_rewards, true_rewards);
  json["spearman"] = spearman(learned_rewards, true_rewards);
}

NonFinite nonfinite_of(const UseOptions& o) { return o.nonfinite == "skip" ? NonFinite::skip : NonFinite::propagate; }

/// Accuracy of the mean score per kind of pair, against clean labels where the file has them.
void add_kinds(const Context& context, const Device& device, const RewardEnsemble& model, const PreferenceDataset& data, const std::vector<std::int64_t>& pairs, NonFinite nonfinite, nlohmann::json& json) {
  if (!data.pair_kind().present()) return;
  const auto* kinds = static_cast<const std::int32_t*>(data.pair_kind().data);
  const bool clean = data.clean_labels().present();
  const auto* labels = static_cast<const float*>(clean ? data.clean_labels().data : data.batch().labels.data);
  std::map<std::int32_t, std::vector<std::int64_t>> groups;
  for (std::int64_t pair : pairs) groups[kinds[pair]].push_back(pair);
  json["kinds"] = nlohmann::json::array();
  for (const auto& [kind, group] : groups) {
    const Evaluation evaluation = model.evaluate(context, data, group, labels, nonfinite, device);
    nlohmann::json entry = to_json(evaluation.mean);
    entry["kind"] = kind;
    entry["labels"] = clean ? "clean" : "given";
    entry["num_pairs"] = evaluation.num_pairs;
    json["kinds"].push_back(entry);
  }
}

int evaluate(const UseOptions& o) {
  const Context context = make_context(o.common);
  const RewardEnsemble model = load_ensemble(o.model);
  const Device device = device_of(o.common, model.architecture());
  const PreferenceDataset data = load_data(o.data, o.common, {.allow_nonfinite_features = o.nonfinite == "skip"});
  const std::vector<std::int64_t> pairs = pairs_of(data, o.part);
  const Evaluation evaluation = model.evaluate(context, data, pairs, static_cast<const float*>(data.batch().labels.data), nonfinite_of(o), device);
  nlohmann::json json = to_json(evaluation);
  add_correlation(context, device, model, data, pairs, json);
  add_kinds(context, device, model, data, pairs, nonfinite_of(o), json);
  if (o.common.json) {
    std::cout << json.dump() << "\n";
    return exit_ok;
  }
  const auto number = [](const nlohmann::json& value) { return value.is_null() ? std::string("none") : fmt::format("{:.4f}", value.get<double>()); };
  if (evaluation.num_skipped > 0) std::cout << fmt::format("skipped {}\n", evaluation.num_skipped);
  std::cout << fmt::format("pairs {}\naccuracy {}, loss {}, brier {}, calibration error {}\n", evaluation.num_pairs, number(json["accuracy"]), number(json["loss"]),
                           number(json["brier"]), number(json["ece"]));
  for (std::size_t i = 0; i < json["members"].size(); ++i)
    std::cout << fmt::format("member {}: accuracy {}, loss {}\n", i, number(json["members"][i]["accuracy"]), number(json["members"][i]["loss"]));
  if (json.contains("pearson")) std::cout << fmt::format("learned against true reward: Pearson {}, Spearman {}\n", number(json["pearson"]), number(json["spearman"]));
  if (json.contains("kinds"))
    for (const auto& kind : json["kinds"])
      std::cout << fmt::format("kind {}: accuracy {} on {} pairs ({} labels)\n", kind["kind"].get<int>(), number(kind["accuracy"]), kind["num_pairs"].get<int>(),
                               kind["labels"].get<std::string>());
  return exit_ok;
}

int predict(const UseOptions& o) {
  check_outputs({o.model, o.data}, {o.out});
  const Context context = make_context(o.common);
  const RewardEnsemble model = load_ensemble(o.model);
  const Device device = device_of(o.common, model.architecture());
  StepStream steps(o.data);
  const std::int64_t num_steps = steps.num_steps(), members = model.architecture().num_members;
  if (steps.feature_dim() != model.architecture().feature_dim)
    throw Error(ErrorCode::bad_data, fmt::format("{} has {} features a step; the model was trained on {}", o.data, steps.feature_dim(), model.architecture().feature_dim));
  NpzWriter writer(o.out, {{"mean", DType::f32, {num_steps}}, {"std", DType::f32, {num_steps}}, {"members", DType::f32, {members, num_steps}}});
  std::vector<float> all, mean, std;
  ProgressLine progress;
  for (std::int64_t done = 0; done < num_steps;) {
    const Features rows = steps.next(o.chunk_rows);
    const std::int64_t count = rows.first.shape[0];
    all.resize(static_cast<std::size_t>(members * count));
    mean.resize(static_cast<std::size_t>(count));
    std.resize(static_cast<std::size_t>(count));
    model.predict(context, rows, {view(all.data(), {members, count}), view(mean), view(std)}, device);
    writer.write(0, done, mean.data(), count);
    writer.write(1, done, std.data(), count);
    for (std::int64_t member = 0; member < members; ++member) writer.write(2, member * num_steps + done, all.data() + member * count, count);
    done += count;
    progress.show(fmt::format("{} of {} steps", done, num_steps), static_cast<double>(done) / static_cast<double>(num_steps));
  }
  progress.clear();
  writer.commit();
  if (o.common.json) std::cout << nlohmann::json({{"rewards", o.out}, {"num_steps", num_steps}, {"num_members", members}}).dump() << "\n";
  else std::cerr << fmt::format("rewards of {} steps: {}\n", num_steps, o.out);
  return exit_ok;
}

/// What the members think of one candidate; with a tie model "a tie" is a third answer.
math::QueryScore score_of(const ScoreOptions& options, const std::vector<double>& logits) {
  const auto members = static_cast<std::int64_t>(logits.size());
  if (options.tie_model == TieModel::none) return math::query_score(members, [&](std::int64_t member) { return logits[static_cast<std::size_t>(member)]; });
  std::vector<Outcomes> outcomes;
  for (std::size_t member = 0; member < logits.size(); ++member)
    outcomes.push_back(outcomes_of(options.tie_model, static_cast<double>(options.tie_parameter[member]), logits[member]));
  return query_score(outcomes);
}

int query(const UseOptions& o) {
  const Context context = make_context(o.common);
  const RewardEnsemble model = load_ensemble(o.model);
  const Device device = device_of(o.common, model.architecture());
  const PreferenceDataset data = load_data(o.data, o.common, {.allow_nonfinite_features = o.nonfinite == "skip", .allow_missing_labels = true});
  std::vector<std::int64_t> pairs(static_cast<std::size_t>(data.num_pairs()));
  std::iota(pairs.begin(), pairs.end(), 0);
  const std::vector<float> logits = model.logits(context, data, pairs, device);
  struct Candidate {
    std::int64_t pair;
    math::QueryScore score;
    double key;
  };
  std::vector<Candidate> candidates;
  const ScoreOptions options = model.score_options();
  std::vector<double> pair_logits(static_cast<std::size_t>(model.architecture().num_members));
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    for (std::size_t member = 0; member < pair_logits.size(); ++member) pair_logits[member] = static_cast<double>(logits[member * pairs.size() + i]);
    if (!std::all_of(pair_logits.begin(), pair_logits.end(), [](double logit) { return std::isfinite(logit); })) continue;  // features that are not: nobody can be asked
    const math::QueryScore score = score_of(options, pair_logits);
    const double key = o.by == "disagreement" ? score.disagreement : o.by == "entropy" ? score.entropy_of_mean : score.entropy_of_mean - score.mean_entropy;
    candidates.push_back({pairs[i], score, key});
  }
  std::stable_sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) { return a.key > b.key; });
  if (o.top > 0 && candidates.size() > static_cast<std::size_t>(o.top)) candidates.resize(static_cast<std::size_t>(o.top));
  nlohmann::json json = {{"by", o.by}, {"queries", nlohmann::json::array()}};
  for (const Candidate& c : candidates)
    json["queries"].push_back({{"pair", c.pair}, {"mean_probability", c.score.mean_probability}, {"disagreement", c.score.disagreement}, {"entropy_of_mean", c.score.entropy_of_mean}, {"information_gain", c.score.entropy_of_mean - c.score.mean_entropy}});
  if (o.common.json) {
    std::cout << json.dump() << "\n";
    return exit_ok;
  }
  std::cout << "pair  P(second)  disagreement  entropy  information gain\n";
  for (const Candidate& c : candidates)
    std::cout << fmt::format("{:>4}  {:>9.4f}  {:>12.6f}  {:>7.4f}  {:>16.6f}\n", c.pair, c.score.mean_probability, c.score.disagreement, c.score.entropy_of_mean, c.score.entropy_of_mean - c.score.mean_entropy);
  return exit_ok;
}

/// What was found of CUDA: what this segpref was built for, the driver, the devices.
nlohmann::json cuda_info() {
  const device::Driver& driver = device::driver();
  const auto version = [](int number) { return number == 0 ? nlohmann::json() : nlohmann::json(device::version_words(number)); };
  nlohmann::json json = {{"built", driver.built_with_cuda}, {"summary", device::cuda_summary()}, {"devices", nlohmann::json::array()}};
  if (driver.built_with_cuda) json.update({{"architectures", driver.architectures}, {"runtime", version(driver.runtime_version)}, {"driver", version(driver.driver_version)}});
  for (int index = 0; index < driver.num_devices; ++index) {
    const device::Description& found = device::description(index);
    json["devices"].push_back({{"index", index}, {"name", found.name}, {"compute_capability", found.compute_capability}, {"multiprocessors", found.num_multiprocessors},
                               {"shared_memory_per_block", found.shared_memory_per_block}, {"memory_bytes", found.memory_bytes}});
  }
  return json;
}

int info(const UseOptions& o) {
  nlohmann::json json = {{"version", version()}, {"instruction_set", Context::instruction_set()}};
  if (o.model.empty()) {
    json["cuda"] = cuda_info();
  } else {
    if (o.model.ends_with(".npz")) {
      const PreferenceDataset data = load_data(o.model, o.common, {.allow_nonfinite_features = true, .allow_missing_labels = true});
      json["data"] = {{"num_pairs", data.num_pairs()}, {"num_segments", data.num_segments()}, {"num_steps", data.num_steps()}, {"feature_dim", data.feature_dim()},
                      {"feature_dtype", name_of(data.feature_dtype())}, {"longest_segment", data.longest_segment()}, {"form", data.paired() ? "paired" : "ragged"}};
    } else {
      const RewardEnsemble model = load_ensemble(o.model);
      const RewardArchitecture& a = model.architecture();
      const char* activations[] = {"relu", "leaky-relu", "tanh", "silu", "gelu"};
      const char* outputs[] = {"identity", "tanh", "sigmoid"};
      json["model"] = {{"feature_dim", a.feature_dim}, {"hidden", a.hidden}, {"num_members", a.num_members}, {"num_parameters", num_parameters(a)}, {"activation", activations[static_cast<int>(a.activation)]},
                       {"output", outputs[static_cast<int>(a.output)]}, {"leaky_slope", a.leaky_slope}, {"bias", a.bias}, {"dropout", a.dropout}, {"standardized", !model.file().feature_mean.empty()}, {"normalized", !model.file().reward_shift.empty()},
                       {"written_by", model.file().library_version}};
      if (a.output_scaled) json["model"]["output_range"] = {a.output_lo, a.output_hi};
      const ScoreOptions score = model.score_options();
      const char* aggregations[] = {"sum", "mean", "last"};
      json["model"]["aggregation"] = aggregations[static_cast<int>(score.aggregation)];
      json["model"]["discount"] = score.discount;
      json["model"]["temperature"] = score.temperature;
      const char* tie_models[] = {"none", "rao-kupper", "davidson"};
      json["model"]["tie_model"] = tie_models[static_cast<int>(score.tie_model)];
      if (score.tie_model != TieModel::none) json["model"]["tie_parameter"] = score.tie_parameter;
    }
  }
  std::cout << (o.common.json ? json.dump() : json.dump(2)) << "\n";
  return exit_ok;
}

template <typename Body>
CLI::App& add(CLI::App& app, Run& run, const char* name, const char* help, const std::shared_ptr<UseOptions>& options, Body body) {
  CLI::App& command = *app.add_subcommand(name, help);
  command.callback([options, &run, body] { run = [options, body] { return body(*options); }; });
  return command;
}

void add_nonfinite(CLI::App& command, UseOptions& o) {
  command.add_option("--nonfinite", o.nonfinite, "Non-finite features: error, or skip (leaves the pair out)")->check(CLI::IsMember({"error", "skip"}))->capture_default_str();
}

}  // namespace

void add_eval(CLI::App& app, Run& run) {
  auto o = std::make_shared<UseOptions>();
  CLI::App& c = add(app, run, "eval", "Accuracy, loss and calibration of a model on a data set\n\nExample: segpref eval model.safetensors data.npz --json", o, evaluate);
  c.add_option("model", o->model, "Model file")->required();
  c.add_option("data", o->data, "Preference data set")->required();
  c.add_option("--part", o->part, "auto (the held-out part where the file has a split), held-out, training or all")->check(CLI::IsMember({"auto", "held-out", "training", "all"}));
  add_nonfinite(c, *o);
  add_common(c, o->common, true);
}

void add_predict(CLI::App& app, Run& run) {
  auto o = std::make_shared<UseOptions>();
  CLI::App& c = add(app, run, "predict", "Step rewards: mean [N], std [N] and members [E, N]\n\nExample: segpref predict model.safetensors steps.npz --out rewards.npz", o, predict);
  c.add_option("model", o->model, "Model file")->required();
  c.add_option("steps", o->data, "Steps: .npz with features [N, D], or observations and actions; or a .npy. May be larger than memory")->required();
  c.add_option("--out", o->out, "Rewards file to write (.npz)")->required();
  c.add_option("--chunk-rows", o->chunk_rows, "Steps in memory at a time")->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 32))->capture_default_str();
  add_common(c, o->common, false);
}

void add_query(CLI::App& app, Run& run) {
  auto o = std::make_shared<UseOptions>();
  CLI::App& c = add(app, run, "query", "Candidate pairs, the most informative first\n\nExample: segpref query model.safetensors candidates.npz --by information-gain --top 20", o, query);
  c.add_option("model", o->model, "Model file")->required();
  c.add_option("data", o->data, "Data set whose pairs are the candidates; it may lack labels")->required();
  c.add_option("--by", o->by, "disagreement, entropy or information-gain")->check(CLI::IsMember({"disagreement", "entropy", "information-gain"}))->capture_default_str();
  c.add_option("--top", o->top, "Print only so many; 0: all")->check(CLI::NonNegativeNumber);
  add_nonfinite(c, *o);
  add_common(c, o->common, true);
}

void add_info(CLI::App& app, Run& run) {
  auto o = std::make_shared<UseOptions>();
  CLI::App& c = add(app, run, "info", "What a model or data set is; without a file: version, instruction set and CUDA devices", o, info);
  c.add_option("file", o->model, "Model (.safetensors) or data set (.npz)");
  add_common(c, o->common, true);
}

}  // namespace segpref::app
