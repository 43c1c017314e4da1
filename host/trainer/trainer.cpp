#include "segpref/trainer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "host/plan/owned_workspace.hpp"
#include "host/trainer/feature_statistics.hpp"
#include "host/trainer/reward_statistics.hpp"
#include "host/trainer/tie_parameter.hpp"
#include "host/validate/host_batch.hpp"
#include "host/validate/tensor.hpp"
#include "kernels/cpu/random.hpp"
#include "kernels/math/epoch_stream.hpp"

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

/// What a checkpoint keeps, as one value that can be put back.
struct Progress {
  std::int64_t epoch = 0, step = 0;
  std::vector<float> parameters, first_moment, second_moment, best_parameters;
  TieState ties;
  std::vector<float> best_tie_parameter;
  std::int64_t best_epoch = 0;
  double best_accuracy = -1.0;
};

}  // namespace

struct Trainer::State {
  const Context& context;
  const PreferenceDataset& data;
  TrainerOptions options;
  RewardEnsemble ensemble;
  std::vector<std::int64_t> training, held_out;
  std::vector<std::vector<std::int64_t>> member_pairs;  // what each member samples from; one entry when shared
  std::optional<MlpLossPlan> plan;
  std::optional<OwnedWorkspace> workspace;
  Progress progress;

  State(const Context& run_context, const PreferenceDataset& dataset, const RewardArchitecture& architecture, const TrainerOptions& wanted)
      : context(run_context), data(dataset), options(wanted), ensemble(architecture, wanted.seed) {
    if (data.feature_dim() != architecture.feature_dim)
      throw Error(ErrorCode::invalid_argument, fmt::format("feature_dim = {} of the architecture is not the data set's {}", architecture.feature_dim, data.feature_dim()));
    check_options();
    split();
    if (options.standardize_features) feature_statistics(data, training, ensemble.file().feature_mean, ensemble.file().feature_std);
    progress.ties = start_of_ties(options.loss, architecture.num_members, options.learn_tie_parameter);
    options.loss.tie_parameter = {};  // the caller's memory; every step brings its own
    keep_score_options(ensemble, progress.ties.value);
    sample();
    const std::size_t size = ensemble.file().parameters.size();
    progress.parameters = ensemble.file().parameters;
    progress.first_moment.assign(size, 0.0f);
    progress.second_moment.assign(size, 0.0f);

    PreferenceCapacity capacity;
    capacity.num_members = architecture.num_members;
    capacity.num_steps = data.num_steps();
    capacity.num_segments = data.num_segments();
    capacity.num_pairs = data.num_pairs();
    capacity.num_batch_pairs = std::min(options.batch_pairs, static_cast<std::int64_t>(training.size()));
    capacity.num_batch_steps = std::max<std::int64_t>(1, std::min(data.num_steps(), 2 * capacity.num_batch_pairs * data.longest_segment()));
    plan.emplace(architecture, capacity, context.num_threads(), options.compute);
    workspace.emplace(plan->workspace_bytes());
  }

  /// Every rule that a step would check, before anything is made or written.
  void check_options() const {
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

  bool own_order() const { return options.sampling != Sampling::shared; }
  std::uint64_t stream(math::RandomPurpose purpose, std::int64_t member) const {
    return math::epoch_stream(purpose, progress.epoch, member);
  }

  /// The file's split where it has one, else a drawn one; pairs of weight 0 teach nothing and are left out of both.
  void split() {
    const PreferenceBatch batch = data.batch();
    const auto* weights = static_cast<const float*>(batch.weights.data);
    const ConstTensorView file_split = data.split();
    std::vector<std::int64_t> usable;
    for (std::int64_t pair = 0; pair < data.num_pairs(); ++pair)
      if (weights == nullptr || weights[pair] > 0) usable.push_back(pair);
    if (file_split.present()) {
      for (std::int64_t pair : usable) (static_cast<const std::int32_t*>(file_split.data)[pair] == 0 ? training : held_out).push_back(pair);
    } else {
      const auto num_held_out = static_cast<std::size_t>(std::llround(options.validation * static_cast<double>(usable.size())));
      std::vector<std::int64_t> order(usable.size());
      // Member 63 is never a model: its stream of epoch 0 is the split's own.
      cpu::fill_permutation(options.seed, math::epoch_stream(math::RandomPurpose::permutation, 0, 63), order);
      for (std::size_t i = 0; i < order.size(); ++i) (i < num_held_out ? held_out : training).push_back(usable[static_cast<std::size_t>(order[i])]);
      std::sort(training.begin(), training.end());
      std::sort(held_out.begin(), held_out.end());
    }
    if (training.empty()) throw Error(ErrorCode::bad_data, "the data set has no pair with weight > 0 to train on");
  }

  void sample() {
    const std::int64_t lists = own_order() ? ensemble.architecture().num_members : 1;
    for (std::int64_t member = 0; member < lists; ++member) {
      member_pairs.push_back(training);
      if (options.sampling != Sampling::bootstrap) continue;
      std::vector<std::int64_t> drawn(training.size());
      cpu::fill_bootstrap(options.seed, stream(math::RandomPurpose::bootstrap, member), drawn);
      for (std::size_t i = 0; i < drawn.size(); ++i) member_pairs.back()[i] = training[static_cast<std::size_t>(drawn[i])];
    }
  }

  std::vector<std::vector<std::int64_t>> epoch_order() const {
    std::vector<std::vector<std::int64_t>> orders;
    std::vector<std::int64_t> permutation(training.size());
    for (std::size_t member = 0; member < member_pairs.size(); ++member) {
      cpu::fill_permutation(options.seed, stream(math::RandomPurpose::permutation, static_cast<std::int64_t>(member)), permutation);
      orders.emplace_back();
      for (std::int64_t position : permutation) orders.back().push_back(member_pairs[member][static_cast<std::size_t>(position)]);
    }
    return orders;
  }
};

Trainer::Trainer(const Context& context, const PreferenceDataset& data, const RewardArchitecture& architecture, const TrainerOptions& options) {
  check(options);
  state_ = std::make_unique<State>(context, data, architecture, options);
}
Trainer::~Trainer() = default;

const std::vector<std::int64_t>& Trainer::training_pairs() const { return state_->training; }
const std::vector<std::int64_t>& Trainer::held_out_pairs() const { return state_->held_out; }
std::int64_t Trainer::epochs_done() const { return state_->progress.epoch; }

bool Trainer::finished() const {
  const Progress& progress = state_->progress;
  if (progress.epoch >= state_->options.epochs) return true;
  return state_->options.patience > 0 && !state_->held_out.empty() && progress.epoch - progress.best_epoch >= state_->options.patience;
}

std::optional<EpochReport> Trainer::run_epoch(const std::function<bool(std::int64_t, std::int64_t)>& on_step) {
  State& state = *state_;
  const Clock::time_point start = Clock::now();
  EpochReport report;
  Progress next = state.progress;
  const std::int64_t members = state.ensemble.architecture().num_members;
  const auto num_pairs = static_cast<std::int64_t>(state.training.size());
  const std::int64_t batch_pairs = std::min(state.options.batch_pairs, num_pairs);
  const std::int64_t num_batches = (num_pairs + batch_pairs - 1) / batch_pairs;
  const std::vector<std::vector<std::int64_t>> orders = state.epoch_order();
  const auto lists = static_cast<std::int64_t>(orders.size());

  std::vector<std::int64_t> order;
  std::vector<float> gradient(next.parameters.size()), grad_ties(next.ties.unknown.size());
  std::vector<double> metrics(static_cast<std::size_t>(members * num_metrics)), totals(metrics.size(), 0.0);
  const Features features = state.ensemble.standardized(state.data.features());
  for (std::int64_t batch_idx = 0; batch_idx < num_batches; ++batch_idx) {
    const std::int64_t begin = batch_idx * batch_pairs, count = std::min(batch_pairs, num_pairs - begin);
    order.clear();
    for (const auto& list : orders) order.insert(order.end(), list.begin() + begin, list.begin() + begin + count);
    PreferenceBatch batch = state.data.batch();
    batch.pair_order = lists > 1 ? view(std::as_const(order).data(), {lists, count}) : view(std::as_const(order).data(), {count});
    PreferenceResult result;
    result.metrics = view(metrics.data(), {members, num_metrics});
    MlpGradients gradients;
    gradients.parameters = view(gradient);
    PreferenceOptions loss = state.options.loss;
    if (!next.ties.value.empty()) loss.tie_parameter = view(std::as_const(next.ties.value));
    if (next.ties.learned()) result.grad_tie_parameter = view(grad_ties);
    const DropoutState dropout{true, state.options.seed, static_cast<std::uint64_t>(next.step)};
    const Clock::time_point kernels_start = Clock::now();
    mlp_preference_loss(state.context, *state.plan, view(std::as_const(next.parameters)), features, batch, loss, result, gradients, dropout, {}, state.workspace->get());
    adamw_step(state.context, view(next.parameters), view(std::as_const(gradient)), view(next.first_moment), view(next.second_moment), ++next.step,
               state.options.optimizer);
    if (next.ties.learned()) next.ties.step(state.context, loss.tie_model, grad_ties, next.step, state.options.optimizer);
    report.kernel_seconds += seconds_since(kernels_start);
    for (std::size_t i = 0; i < metrics.size(); ++i) totals[i] += metrics[i];
    if (on_step && !on_step(batch_idx + 1, num_batches)) return std::nullopt;
  }

  report.epoch = ++next.epoch;
  for (std::int64_t member = 0; member < members; ++member) {
    const double* row = totals.data() + member * num_metrics;
    const double weight = row[metric_weight_sum];
    report.loss.push_back(weight > 0 ? (row[metric_loss_sum] + row[metric_centering_sum]) / weight : 0.0);
    report.accuracy.push_back(row[metric_num_judged] > 0 ? row[metric_num_correct] / row[metric_num_judged] : -1.0);
  }
  report.tie_parameter.assign(next.ties.value.begin(), next.ties.value.end());
  state.ensemble.file().parameters = next.parameters;
  state.keep_score_options(state.ensemble, next.ties.value);
  if (!state.held_out.empty()) {
    report.held_out = state.ensemble.evaluate(state.context, state.data, state.held_out, static_cast<const float*>(state.data.batch().labels.data), state.options.loss.nonfinite);
    const double accuracy = report.held_out->mean.accuracy.value_or(0.0);
    if (accuracy > next.best_accuracy) {
      next.best_accuracy = accuracy;
      next.best_epoch = next.epoch;
      if (state.options.patience > 0) {
        next.best_parameters = next.parameters;
        next.best_tie_parameter = next.ties.value;
      }
    }
  }
  state.progress = std::move(next);
  report.seconds = seconds_since(start);
  return report;
}

void Trainer::save_checkpoint(const std::string& path, const std::string& settings, const std::string& notes) const {
  const Progress& progress = state_->progress;
  TensorFile file;
  file.metadata["settings"] = settings;
  file.metadata["notes"] = notes;
  file.put("counters", std::vector<std::int64_t>{progress.epoch, progress.step, progress.best_epoch});
  file.put("best_accuracy", std::vector<double>{progress.best_accuracy});
  file.put("parameters", progress.parameters);
  file.put("first_moment", progress.first_moment);
  file.put("second_moment", progress.second_moment);
  file.put("best_parameters", progress.best_parameters);
  file.put("best_tie_parameter", progress.best_tie_parameter);
  progress.ties.put(file);
  save_tensors(path, file);
}

std::string Trainer::load_checkpoint(const std::string& path, const std::string& settings) {
  const TensorFile file = load_tensors(path);
  if (file.metadata_at("settings") != settings)
    throw Error(ErrorCode::invalid_argument,
                fmt::format("{} was written with other settings: a run continues only as it began.\n  then: {}\n  now:  {}", path, file.metadata_at("settings"), settings));
  Progress progress;
  const auto counters = file.get<std::int64_t>("counters");
  const auto best_accuracy = file.get<double>("best_accuracy");
  progress.parameters = file.get<float>("parameters");
  progress.first_moment = file.get<float>("first_moment");
  progress.second_moment = file.get<float>("second_moment");
  progress.best_parameters = file.get<float>("best_parameters");
  progress.best_tie_parameter = file.get<float>("best_tie_parameter");
  progress.ties = TieState::get(file, state_->progress.ties);
  const std::size_t size = state_->progress.parameters.size();
  const bool fits = counters.size() == 3 && best_accuracy.size() == 1 && progress.parameters.size() == size && progress.first_moment.size() == size &&
                    progress.second_moment.size() == size && (progress.best_parameters.empty() || progress.best_parameters.size() == size) &&
                    progress.best_tie_parameter.size() == (progress.best_parameters.empty() ? 0 : progress.ties.value.size());
  if (!fits) throw Error(ErrorCode::bad_data, fmt::format("{}: its tensors do not fit this model", path));
  progress.epoch = counters[0];
  progress.step = counters[1];
  progress.best_epoch = counters[2];
  progress.best_accuracy = best_accuracy[0];
  state_->progress = std::move(progress);
  state_->ensemble.file().parameters = state_->progress.parameters;
  state_->keep_score_options(state_->ensemble, state_->progress.ties.value);
  return file.metadata_at("notes");
}

RewardEnsemble Trainer::result() const {
  const State& state = *state_;
  RewardEnsemble ensemble = state.ensemble;
  if (!state.progress.best_parameters.empty()) {
    ensemble.file().parameters = state.progress.best_parameters;
    state.keep_score_options(ensemble, state.progress.best_tie_parameter);
  }
  if (state.options.normalize_rewards) normalize_rewards(state.context, state.data, state.training, ensemble);
  return ensemble;
}

}  // namespace segpref
