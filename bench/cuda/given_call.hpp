// preference_loss of a given workload on the GPU, with its data in as many places as keep the cache cold.
#pragma once

#include <algorithm>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "bench/common/given_workload.hpp"
#include "bench/cuda/device.hpp"
#include "segpref/preference_loss.hpp"

namespace segpref::bench {

/// Which pairs a call takes.
enum class PairOrder { in_order, shuffled };  ///< shuffled: pairs are named, and taken in random order

class GivenCall {
 public:
  GivenCall(GivenWorkload& workload, PairOrder order, int num_rotations)
      : workload_(workload), offsets_(workload.offsets), labels_(workload.labels), loss_(1), plan_(capacity(workload)), workspace_(plan_.workspace_bytes()) {
    for (int i = 0; i < num_rotations; ++i) {
      rewards_.emplace_back(workload.rewards);
      grads_.emplace_back(workload.grad.size());
    }
    batch_.offsets = offsets_.read({workload.num_segments() + 1});
    batch_.labels = labels_.read({workload.num_pairs});
    if (order == PairOrder::shuffled) name_pairs();
    result_.loss = loss_.write({1});
    device::check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
  }

  int num_rotations() const { return static_cast<int>(rewards_.size()); }
  /// The call with one of the rotated places of rewards and gradient.
  void enqueue(const Context& context, int rotation) const {
    const auto i = static_cast<std::size_t>(rotation % num_rotations());
    const std::int64_t num_steps = workload_.num_steps();
    preference_loss(context, plan_, rewards_[i].read({num_steps}), batch_, {}, result_, grads_[i].write({num_steps}), {workspace_.get(), workspace_.size()});
  }
  /// Copies the results of a place to the workload. The stream is done.
  void bring_home(int rotation) const {
    loss_.copy_to(workload_.loss);
    grads_[static_cast<std::size_t>(rotation)].copy_to(workload_.grad);
  }
  /// What is wrong with the results of every place; empty: nothing.
  std::string check(const Context& context, const Stream& stream) const {
    for (int rotation = 0; rotation < num_rotations(); ++rotation) {
      enqueue(context, rotation);
      stream.wait();
      bring_home(rotation);
      if (const std::string error = workload_.check(); !error.empty()) return error;
    }
    return {};
  }

 private:
  static PreferenceCapacity capacity(const GivenWorkload& workload) {
    PreferenceCapacity capacity{1, workload.num_steps(), workload.num_segments(), workload.num_pairs, workload.num_pairs, 0, DType::f32};
    for (std::size_t s = 0; s + 1 < workload.offsets.size(); ++s) capacity.max_segment_steps = std::max(capacity.max_segment_steps, workload.offsets[s + 1] - workload.offsets[s]);
    capacity.device = gpu;
    return capacity;
  }
  void name_pairs() {
    std::vector<std::int64_t> pairs(static_cast<std::size_t>(workload_.num_segments())), order(static_cast<std::size_t>(workload_.num_pairs));
    std::iota(pairs.begin(), pairs.end(), std::int64_t{0});
    std::iota(order.begin(), order.end(), std::int64_t{0});
    std::shuffle(order.begin(), order.end(), std::mt19937_64(1));
    pairs_.emplace(pairs);
    order_.emplace(order);
    batch_.pairs = pairs_->read({workload_.num_pairs, 2});
    batch_.pair_order = order_->read({workload_.num_pairs});
  }

  GivenWorkload& workload_;
  DeviceArray<std::int64_t> offsets_;
  DeviceArray<float> labels_, loss_;
  std::optional<DeviceArray<std::int64_t>> pairs_, order_;
  std::vector<DeviceArray<float>> rewards_, grads_;
  PreferenceBatch batch_;
  PreferenceResult result_;
  PreferenceLossPlan plan_;
  DeviceArray<std::byte> workspace_;
};

}  // namespace segpref::bench
