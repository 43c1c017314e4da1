// A training step of an ensemble on the GPU: loss and gradients, then AdamW on parameters that stay there.
#pragma once

#include <string>

#include "bench/common/mlp_workload.hpp"
#include "bench/cuda/device.hpp"
namespace segpref::bench {

class TrainingCall {
 public:
  TrainingCall(TrainingWorkload& workload, Compute compute)
      : workload_(workload), plan_(workload.architecture, workload.capacity(gpu), 1, compute), rows_(workload.rows), labels_(workload.labels), offsets_(workload.offsets),
        order_(workload.order), step_(std::vector<std::int64_t>{1}), parameters_(workload.parameters), gradient_(workload.parameters.size()), first_(std::vector<float>(workload.parameters.size())),
        second_(std::vector<float>(workload.parameters.size())), loss_(3), workspace_(plan_.workspace_bytes()) {
    device::check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
  }
  void enqueue(const Context& context) const {
    const std::int64_t size = num_parameters();
    const MlpOptimizer optimizer{first_.write({size}), second_.write({size}), step_.write({1}), {}};
    mlp_training_step(context, plan_, parameters_.write({size}), features(), batch(), {}, result(), gradient_.write({size}), {}, optimizer, workspace());
  }
  /// What is wrong with the gradients of the first step; empty: nothing.
  std::string check(const Context& context, const Stream& stream) const {
    MlpGradients gradients;
    gradients.parameters = gradient_.write({num_parameters()});
    mlp_preference_loss(context, plan_, parameters_.read({num_parameters()}), features(), batch(), {}, result(), gradients, {}, {}, workspace());
    stream.wait();
    loss_.copy_to(workload_.loss);
    gradient_.copy_to(workload_.gradient);
    return workload_.check(plan_.compute());
  }

  // The stream is done.
  std::int64_t steps_done() const {
    std::vector<std::int64_t> next(1);
    step_.copy_to(next);
    return next[0] - 1;
  }
  std::vector<float> parameters() const {
    std::vector<float> values(parameters_.size());
    parameters_.copy_to(values);
    return values;
  }

 private:
  std::int64_t num_parameters() const { return static_cast<std::int64_t>(parameters_.size()); }
  Features features() const {
    Features features;
    features.first = rows_.read({workload_.num_steps(), workload_.sizes.feature_dim});
    return features;
  }
  PreferenceBatch batch() const { return workload_.batch(offsets_.get(), order_.get(), labels_.get(), gpu); }
  PreferenceResult result() const {
    PreferenceResult result;
    result.loss = loss_.write({3});
    return result;
  }
  Workspace workspace() const { return {workspace_.get(), workspace_.size()}; }

  TrainingWorkload& workload_;
  MlpLossPlan plan_;
  DeviceArray<float> rows_, labels_;
  DeviceArray<std::int64_t> offsets_, order_, step_;
  DeviceArray<float> parameters_, gradient_, first_, second_, loss_;
  DeviceArray<std::byte> workspace_;
};

}  // namespace segpref::bench
