#include <algorithm>
#include <chrono>
#include <utility>

#include "host/plan/owned_workspace.hpp"
#include "host/trainer/epoch_runner.hpp"

namespace segpref {
namespace {

using Clock = std::chrono::steady_clock;

class CpuEpochRunner final : public EpochRunner {
 public:
  explicit CpuEpochRunner(const TrainingSetup& setup)
      : setup_(setup), plan_(setup.ensemble.architecture(), setup.capacity(), setup.context.num_threads(), setup.options.compute), workspace_(plan_.workspace_bytes()) {}

  std::optional<EpochResult> run(Progress& progress, const OnStep& on_step) override {
    const Minibatches& minibatches = setup_.minibatches;
    const std::int64_t members = setup_.ensemble.architecture().num_members;
    const std::vector<std::int64_t> order = minibatches.order(progress.epoch);
    std::vector<double> metrics(static_cast<std::size_t>(members * num_metrics));
    EpochResult result;
    result.metrics.assign(metrics.size(), 0.0);
    for (std::int64_t batch = 0; batch < minibatches.num_batches(); ++batch) {
      const std::int64_t lists = minibatches.num_lists(), count = minibatches.size(batch);
      const std::int64_t* pairs = order.data() + minibatches.begin(batch);
      const Clock::time_point start = Clock::now();
      step(progress, lists > 1 ? view(pairs, {lists, count}) : view(pairs, {count}), view(metrics.data(), {members, num_metrics}));
      result.kernel_seconds += std::chrono::duration<double>(Clock::now() - start).count();
      for (std::size_t i = 0; i < metrics.size(); ++i) result.metrics[i] += metrics[i];
      if (on_step && !on_step(batch + 1, minibatches.num_batches())) return std::nullopt;
    }
    return result;
  }

  std::vector<float> logits(const std::vector<std::int64_t>& pairs) override { return setup_.ensemble.logits(setup_.context, setup_.data, pairs); }

 private:
  void step(Progress& progress, const ConstTensorView& pair_order, const TensorView& metrics) {
    gradient_.resize(progress.parameters.size());
    grad_ties_.resize(progress.ties.unknown.size());
    PreferenceBatch batch = setup_.data.batch();
    batch.pair_order = pair_order;
    PreferenceResult result;
    result.metrics = metrics;
    PreferenceOptions loss = setup_.options.loss;
    TieState& ties = progress.ties;
    if (!ties.value.empty()) loss.tie_parameter = view(std::as_const(ties.value));
    if (ties.learned()) result.grad_tie_parameter = view(grad_ties_);
    const DropoutState dropout{true, setup_.options.seed, static_cast<std::uint64_t>(progress.step)};
    std::int64_t next_step = progress.step + 1;
    const MlpOptimizer optimizer{view(progress.first_moment), view(progress.second_moment), view(&next_step, {1}), setup_.options.optimizer};
    mlp_training_step(setup_.context, plan_, view(progress.parameters), setup_.ensemble.standardized(setup_.data.features()), batch, loss, result, view(gradient_), dropout, optimizer,
                      workspace_.get());
    ++progress.step;
    if (ties.learned()) ties.step(setup_.context, loss.tie_model, grad_ties_, progress.step, setup_.options.optimizer);
  }

  TrainingSetup setup_;
  MlpLossPlan plan_;
  OwnedWorkspace workspace_;
  std::vector<float> gradient_, grad_ties_;
};

}  // namespace

PreferenceCapacity TrainingSetup::capacity_of(std::int64_t batch_pairs) const {
  PreferenceCapacity capacity;
  capacity.num_members = ensemble.architecture().num_members;
  capacity.num_steps = data.num_steps();
  capacity.num_segments = data.num_segments();
  capacity.num_pairs = data.num_pairs();
  capacity.num_batch_pairs = batch_pairs;
  capacity.num_batch_steps = std::max<std::int64_t>(1, std::min(data.num_steps(), 2 * capacity.num_batch_pairs * data.longest_segment()));
  capacity.max_segment_steps = data.longest_segment();
  capacity.device = options.device;
  return capacity;
}

std::unique_ptr<EpochRunner> cpu_epoch_runner(const TrainingSetup& setup) { return std::make_unique<CpuEpochRunner>(setup); }

}  // namespace segpref
