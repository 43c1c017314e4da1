// Training steps on a CUDA device. Everything that a step reads is there: the data set, uploaded once, the minibatches, drawn there, parameters and moments, which
// come and go with an epoch. The steps of an epoch are a few graphs, captured in the first epoch; their metrics are read when it is over.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "host/device/with_cuda/current_device.hpp"
#include "host/trainer/epoch_runner.hpp"
#include "host/trainer/with_cuda/device_dataset.hpp"
#include "host/trainer/with_cuda/device_logits.hpp"
#include "host/trainer/with_cuda/device_minibatches.hpp"

namespace segpref {
namespace {

using Clock = std::chrono::steady_clock;

/// Steps of a graph: few enough that a stop is noticed soon, and enough that launching it costs nothing beside them.
constexpr std::int64_t steps_per_graph = 64;

class CudaEpochRunner final : public EpochRunner {
 public:
  /// The current device is the run's.
  explicit CudaEpochRunner(const TrainingSetup& setup)
      : setup_(setup), index_(setup.options.device.index), context_(setup.context.on_stream(stream_.get())),
        plan_(setup.ensemble.architecture(), setup.capacity(), setup.context.num_threads(), setup.options.compute), data_(setup.data, setup.ensemble, index_, stream_),
        minibatches_(setup.training, setup.minibatches, setup.options, index_, stream_), workspace_(plan_.workspace_bytes(), index_, stream_),
        parameters_(num_parameters(), index_, stream_), gradient_(num_parameters(), index_, stream_), first_moment_(num_parameters(), index_, stream_),
        second_moment_(num_parameters(), index_, stream_), step_(1, index_, stream_), ties_(num_members(), index_, stream_), grad_ties_(num_members(), index_, stream_),
        metrics_(static_cast<std::size_t>(num_batches()) * num_members() * num_metrics, index_, stream_) {
    stream_.wait();  // the host's arrays may go
  }
  ~CudaEpochRunner() override {
    const device::CurrentDevice current(index_);
    static_cast<void>(cudaStreamSynchronize(stream_.get()));  // nothing reads the host's arrays any more
  }

  std::optional<EpochResult> run(Progress& progress, const OnStep& on_step) override {
    const device::CurrentDevice current(index_);
    upload(progress);
    stream_.wait();
    const Clock::time_point start = Clock::now();
    minibatches_.draw(progress.epoch);
    if (!run_steps(progress, on_step)) {
      stream_.wait();
      return std::nullopt;
    }
    EpochResult result;
    result.kernel_seconds = std::chrono::duration<double>(Clock::now() - start).count();
    result.metrics = sum_of_metrics();
    download(progress);
    return result;
  }

  std::vector<float> logits(const std::vector<std::int64_t>& pairs) override {
    const device::CurrentDevice current(index_);
    if (!logits_ || logits_->most_pairs() < static_cast<std::int64_t>(pairs.size()))
      logits_.emplace(context_, setup_.ensemble, setup_.data, data_, static_cast<std::int64_t>(pairs.size()), index_, stream_);
    return logits_->of(pairs);
  }

 private:
  std::size_t num_members() const { return static_cast<std::size_t>(setup_.ensemble.architecture().num_members); }
  std::size_t num_parameters() const { return setup_.ensemble.file().parameters.size(); }
  std::int64_t num_batches() const { return setup_.minibatches.num_batches(); }
  bool drops_units() const { return setup_.ensemble.architecture().dropout > 0; }

  void upload(const Progress& progress) {
    parameters_.upload(progress.parameters);
    first_moment_.upload(progress.first_moment);
    second_moment_.upload(progress.second_moment);
    next_step_ = progress.step + 1;
    step_.upload(std::span(&next_step_, 1));
    ties_.upload(progress.ties.value);
  }

  void download(Progress& progress) const {
    parameters_.download(progress.parameters);
    first_moment_.download(progress.first_moment);
    second_moment_.download(progress.second_moment);
    stream_.wait();
    progress.step += num_batches();
  }

  /// Group after group; the host is never more than one ahead of the device.
  bool run_steps(Progress& progress, const OnStep& on_step) {
    std::int64_t group = 0, done = 0;
    for (std::int64_t begin = 0; begin < num_batches(); begin += steps_per_graph, ++group) {
      const std::int64_t end = std::min(begin + steps_per_graph, num_batches());
      enqueue_group(progress, group, begin, end);
      events_[static_cast<std::size_t>(group % 2)].record(stream_);
      if (group > 0) {
        events_[static_cast<std::size_t>((group - 1) % 2)].wait();
        if (on_step && !on_step(done, num_batches())) return false;
      }
      done = end;
    }
    stream_.wait();
    return !on_step || on_step(done, num_batches());
  }

  /// A graph keeps the arguments of its launches, so it serves every epoch; dropout draws by the number of its call, and tie parameters are stepped on the host:
  /// both are enqueued anew.
  void enqueue_group(Progress& progress, std::int64_t group, std::int64_t begin, std::int64_t end) {
    if (drops_units() || progress.ties.learned()) {
      for (std::int64_t batch = begin; batch < end; ++batch) {
        enqueue_step(batch, progress.step + batch, progress.ties);
        if (progress.ties.learned()) step_ties(progress, progress.step + batch + 1);
      }
      return;
    }
    if (group == static_cast<std::int64_t>(graphs_.size()))
      graphs_.push_back(std::make_unique<device::Graph>(stream_, [&] {
        for (std::int64_t batch = begin; batch < end; ++batch) enqueue_step(batch, 0, progress.ties);
      }));
    graphs_[static_cast<std::size_t>(group)]->launch(stream_);
  }

  void enqueue_step(std::int64_t batch_idx, std::int64_t call, const TieState& ties) {
    const auto members = static_cast<std::int64_t>(num_members());
    PreferenceBatch batch = data_.batch();
    batch.pair_order = minibatches_.pair_order(batch_idx, index_);
    PreferenceResult result;
    result.metrics = view(metrics_.data() + batch_idx * members * num_metrics, {members, num_metrics}, setup_.options.device);
    PreferenceOptions loss = setup_.options.loss;
    if (!ties.value.empty()) loss.tie_parameter = ties_.read();
    if (ties.learned()) result.grad_tie_parameter = grad_ties_.write();
    const DropoutState dropout{true, setup_.options.seed, static_cast<std::uint64_t>(call)};
    const MlpOptimizer optimizer{first_moment_.write(), second_moment_.write(), step_.write(), setup_.options.optimizer};
    mlp_training_step(context_, plan_, parameters_.write(), data_.features(), batch, loss, result, gradient_.write(), dropout, optimizer, {workspace_.data(), workspace_.size()});
  }

  void step_ties(Progress& progress, std::int64_t step_number) {
    std::vector<float> gradient(num_members());
    grad_ties_.download(gradient);
    stream_.wait();
    progress.ties.step(setup_.context, setup_.options.loss.tie_model, gradient, step_number, setup_.options.optimizer);
    ties_.upload(progress.ties.value);
  }

  std::vector<double> sum_of_metrics() const {
    std::vector<double> all(metrics_.size()), sums(num_members() * num_metrics, 0.0);
    metrics_.download(all);
    stream_.wait();
    for (std::size_t i = 0; i < all.size(); ++i) sums[i % sums.size()] += all[i];
    return sums;
  }

  TrainingSetup setup_;
  int index_;
  device::Stream stream_;
  Context context_;
  MlpLossPlan plan_;
  DeviceDataset data_;
  DeviceMinibatches minibatches_;
  device::StreamArray<std::byte> workspace_;
  device::StreamArray<float> parameters_, gradient_, first_moment_, second_moment_;
  device::StreamArray<std::int64_t> step_;
  device::StreamArray<float> ties_, grad_ties_;
  device::StreamArray<double> metrics_;  ///< [num_batches, num_members, num_metrics]
  std::optional<DeviceLogits> logits_;
  std::array<device::Event, 2> events_;
  std::vector<std::unique_ptr<device::Graph>> graphs_;
  std::int64_t next_step_ = 1;
};

/// Which minibatches would fit, for a run that did not.
std::string what_would_fit(const TrainingSetup& setup) {
  std::size_t free = 0, total = 0;
  device::check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");  // the run's own memory is given back in the order of its stream
  device::check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  std::size_t beside_the_steps = 5 * sizeof(float) * setup.ensemble.file().parameters.size();
  const Features features = setup.data.features();
  for (const ConstTensorView& tensor : {features.first, features.second}) beside_the_steps += static_cast<std::size_t>(tensor.size() * size_of(tensor.dtype));
  for (std::int64_t pairs = setup.minibatches.batch_pairs() / 2; pairs > 0; pairs /= 2) {
    const MlpLossPlan plan(setup.ensemble.architecture(), setup.capacity_of(pairs), setup.context.num_threads(), setup.options.compute);
    if (plan.workspace_bytes() + beside_the_steps <= free) return fmt::format("batch_pairs = {} would fit", pairs);
  }
  return fmt::format("not even one pair fits beside the data set and the model, {} bytes", beside_the_steps);
}

}  // namespace

std::unique_ptr<EpochRunner> cuda_epoch_runner(const TrainingSetup& setup) {
  const device::CurrentDevice current(setup.options.device.index);
  try {
    return std::make_unique<CudaEpochRunner>(setup);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::out_of_memory) throw;
    throw Error(ErrorCode::out_of_memory, fmt::format("training with batch_pairs = {}: {}; {}", setup.minibatches.batch_pairs(), error.what(), what_would_fit(setup)));
  }
}

}  // namespace segpref
