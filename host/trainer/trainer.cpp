#include "segpref/trainer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "host/trainer/epoch_runner.hpp"
#include "host/trainer/evaluation.hpp"
#include "host/trainer/feature_statistics.hpp"
#include "host/trainer/minibatches.hpp"
#include "host/trainer/progress.hpp"
#include "host/trainer/reward_statistics.hpp"
#include "host/validate/call_device.hpp"
#include "host/validate/host_batch.hpp"
#include "host/validate/tensor.hpp"

namespace segpref {
namespace {

void check(const TrainerOptions& options) {
  const auto at_least = [](std::string_view name, std::int64_t value, std::int64_t least) {
    if (value < least) throw Error(ErrorCode::invalid_argument, fmt::format("{} = {} must be >= {}", name, value, least));
  };
  at_least("epochs", options.epochs, 1);
  at_least("batch_pairs", options.batch_pairs, 1);
  at_least("patience", options.patience, 0);
  validation::option("validation", options.validation, options.validation >= 0 && options.validation < 1, "in [0, 1)");
  if (options.loss.reduction != Reduction::mean || options.loss.normalizer)
    throw Error(ErrorCode::unsupported, "the trainer takes the mean over a minibatch: other reductions and a normalizer are not supported");
  if (options.loss.tie_model != TieModel::none && options.loss.smoothing != 0)
    throw Error(ErrorCode::invalid_argument, fmt::format("smoothing = {} must be 0 with a tie model: it would smooth observed ties away", options.loss.smoothing));
  if (options.learn_tie_parameter && options.loss.tie_model == TieModel::none)
    throw Error(ErrorCode::invalid_argument, "learn_tie_parameter needs a tie_model");
}

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

struct Trainer::State {
  const Context& context;
  const PreferenceDataset& data;
  TrainerOptions options;
  RewardEnsemble ensemble;
  PairSplit pairs;
  Progress progress;
  std::optional<Minibatches> minibatches;
  std::unique_ptr<EpochRunner> runner;

  State(const Context& run_context, const PreferenceDataset& dataset, const RewardArchitecture& architecture, const TrainerOptions& wanted)
      : context(run_context), data(dataset), options(wanted), ensemble(architecture, wanted.seed) {
    if (data.feature_dim() != architecture.feature_dim)
      throw Error(ErrorCode::invalid_argument, fmt::format("feature_dim = {} of the architecture is not the data set's {}", architecture.feature_dim, data.feature_dim()));
    check_options();
    pairs = split_pairs(data, options.validation, options.seed);
    if (options.standardize_features) feature_statistics(data, pairs.training, ensemble.file().feature_mean, ensemble.file().feature_std);
    progress.ties = start_of_ties(options.loss, architecture.num_members, options.learn_tie_parameter);
    options.loss.tie_parameter = {};  // the caller's memory; every step brings its own
    progress.parameters = ensemble.file().parameters;
    progress.first_moment.assign(progress.parameters.size(), 0.0f);
    progress.second_moment.assign(progress.parameters.size(), 0.0f);
    keep_score_options(ensemble, progress.ties.value);
    minibatches.emplace(pairs.training, options, architecture.num_members);
    const TrainingSetup setup{context, data, options, ensemble, pairs.training, *minibatches};
    runner = options.device.kind == Device::Kind::cuda ? cuda_epoch_runner(setup) : cpu_epoch_runner(setup);
  }

  /// Every rule that a step would check, before anything is made or written.
  void check_options() const {
    validation::device_of_plan("mlp_preference_loss", "device is", options.device);
    const std::int64_t num_members = ensemble.architecture().num_members;
    const auto shape = validation::preference_shape(data.batch(), {}, num_members, data.num_steps(), false);
    validation::preference_options(options.loss, {}, num_members, false);
    validation::preference_batch(data.batch(), options.loss, shape);
    std::vector<float> nothing;
    adamw_step(context, view(nothing), view(std::as_const(nothing)), view(nothing), view(nothing), 1, options.optimizer);
  }

  void keep_score_options(RewardEnsemble& model, const std::vector<float>& tie_parameter) const {
    model.set_score_options({options.loss.aggregation, options.loss.discount, options.loss.temperature, options.loss.tie_model, tie_parameter});
  }

  /// The ensemble becomes that of `progress`.
  void keep(const Progress& next) {
    ensemble.file().parameters = next.parameters;
    keep_score_options(ensemble, next.ties.value);
  }

  /// Held-out pairs, and whether this epoch is the best so far.
  Evaluation evaluate(Progress& next) const {
    const auto* labels = static_cast<const float*>(data.batch().labels.data);
    const Evaluation held_out =
        evaluate_logits(runner->logits(pairs.held_out), ensemble.architecture().num_members, ensemble.score_options(), data, pairs.held_out, labels, options.loss.nonfinite);
    const double accuracy = held_out.mean.accuracy.value_or(0.0);
    if (accuracy > next.best_accuracy) {
      next.best_accuracy = accuracy;
      next.best_epoch = next.epoch;
      if (options.patience > 0) {
        next.best_parameters = next.parameters;
        next.best_tie_parameter = next.ties.value;
      }
    }
    return held_out;
  }
};

Trainer::Trainer(const Context& context, const PreferenceDataset& data, const RewardArchitecture& architecture, const TrainerOptions& options) {
  check(options);
  state_ = std::make_unique<State>(context, data, architecture, options);
}
Trainer::~Trainer() = default;

const std::vector<std::int64_t>& Trainer::training_pairs() const { return state_->pairs.training; }
const std::vector<std::int64_t>& Trainer::held_out_pairs() const { return state_->pairs.held_out; }
std::int64_t Trainer::epochs_done() const { return state_->progress.epoch; }

bool Trainer::finished() const {
  const Progress& progress = state_->progress;
  if (progress.epoch >= state_->options.epochs) return true;
  return state_->options.patience > 0 && !state_->pairs.held_out.empty() && progress.epoch - progress.best_epoch >= state_->options.patience;
}

std::optional<EpochReport> Trainer::run_epoch(const std::function<bool(std::int64_t, std::int64_t)>& on_step) {
  State& state = *state_;
  const Clock::time_point start = Clock::now();
  Progress next = state.progress;
  const std::optional<EpochResult> result = state.runner->run(next, on_step);
  if (!result) return std::nullopt;

  EpochReport report;
  report.epoch = ++next.epoch;
  report.kernel_seconds = result->kernel_seconds;
  for (std::int64_t member = 0; member < state.ensemble.architecture().num_members; ++member) {
    const double* row = result->metrics.data() + member * num_metrics;
    const double weight = row[metric_weight_sum];
    report.loss.push_back(weight > 0 ? (row[metric_loss_sum] + row[metric_centering_sum]) / weight : 0.0);
    report.accuracy.push_back(row[metric_num_judged] > 0 ? row[metric_num_correct] / row[metric_num_judged] : -1.0);
  }
  report.tie_parameter.assign(next.ties.value.begin(), next.ties.value.end());
  state.keep(next);
  if (!state.pairs.held_out.empty()) report.held_out = state.evaluate(next);
  state.progress = std::move(next);
  report.seconds = seconds_since(start);
  return report;
}

void Trainer::save_checkpoint(const std::string& path, const std::string& settings, const std::string& notes) const {
  TensorFile file;
  file.metadata["settings"] = settings;
  file.metadata["notes"] = notes;
  state_->progress.put(file);
  save_tensors(path, file);
}

std::string Trainer::load_checkpoint(const std::string& path, const std::string& settings) {
  const TensorFile file = load_tensors(path);
  if (file.metadata_at("settings") != settings)
    throw Error(ErrorCode::invalid_argument,
                fmt::format("{} was written with other settings: a run continues only as it began.\n  then: {}\n  now:  {}", path, file.metadata_at("settings"), settings));
  state_->progress = Progress::get(file, path, state_->progress);
  state_->keep(state_->progress);
  return file.metadata_at("notes");
}

RewardEnsemble Trainer::result() const {
  const State& state = *state_;
  RewardEnsemble ensemble = state.ensemble;
  if (!state.progress.best_parameters.empty()) {
    ensemble.file().parameters = state.progress.best_parameters;
    state.keep_score_options(ensemble, state.progress.best_tie_parameter);
  }
  if (state.options.normalize_rewards) normalize_rewards(state.context, state.data, state.pairs.training, ensemble, state.options.device);
  return ensemble;
}

}  // namespace segpref
