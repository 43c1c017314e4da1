// One call of mlp_preference_loss or predict_rewards on random features and weights, with its tensors in host memory and on the modelled device.
#pragma once

#include <cmath>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "host/plan/owned_workspace.hpp"
#include "segpref/reward_mlp.hpp"
#include "tests/simt/host/device_call.hpp"

namespace segpref::simt {

inline constexpr Device cuda_0{Device::Kind::cuda, 0};

struct MlpShapes {
  std::vector<std::int64_t> hidden = {12, 9};
  std::int64_t num_members = 2, first_dim = 5, second_dim = 0;  ///< second_dim 0: one tensor
  std::vector<std::int64_t> lengths = {5, 3, 0, 7}, begins = {};  ///< begins: windows into num_steps
  std::int64_t num_steps = -1;                                    ///< -1: the sum of lengths
  std::vector<std::int32_t> pairs = {};                           ///< first and second; empty: (0, 1), (2, 3), ...
  std::vector<std::int32_t> order = {};                           ///< of every member, one after the other; empty: all pairs
  bool standardised = false;
  Activation activation = Activation::tanh;
  Compute compute = Compute::standard;
  double dropout = 0;
  std::int64_t max_segment_steps = 0;  ///< of the plan
  bool trains_alone = false;           ///< loss and gradients of parameters are asked for, nothing else
};

/// The tensors of one call, in host memory (Array is std::vector) or in a device's (Buffer).
template <template <typename...> class Array>
struct MlpTensors {
  Array<float> parameters, first, second, mean, std;
  Array<std::int64_t> offsets, begins, lengths;
  Array<std::int32_t> pairs, order;
  Array<float> labels;
  Array<float> loss, scores, step_rewards, grad_parameters, grad_first, grad_second;
};

template <typename T>
TensorView tensor(std::vector<T>& array, std::initializer_list<std::int64_t> shape) { return view(array.data(), shape); }
template <typename T>
TensorView tensor(const Buffer<T>& array, std::initializer_list<std::int64_t> shape) { return view(array.get(), shape, cuda_0); }

class MlpCall {
 public:
  explicit MlpCall(const MlpShapes& s) : shape(s), host(made()), device(copied()) {}

  RewardArchitecture architecture() const {
    RewardArchitecture a;
    a.feature_dim = shape.first_dim + shape.second_dim;
    a.hidden = shape.hidden;
    a.num_members = shape.num_members;
    a.activation = shape.activation;
    a.dropout = shape.dropout;
    return a;
  }
  std::int64_t num_steps() const { return shape.num_steps >= 0 ? shape.num_steps : std::accumulate(shape.lengths.begin(), shape.lengths.end(), std::int64_t{0}); }
  std::int64_t num_segments() const { return static_cast<std::int64_t>(shape.lengths.size()); }
  std::int64_t num_pairs() const { return shape.pairs.empty() ? num_segments() / 2 : static_cast<std::int64_t>(shape.pairs.size()) / 2; }
  std::int64_t num_batch_pairs() const { return shape.order.empty() ? num_pairs() : static_cast<std::int64_t>(shape.order.size()) / shape.num_members; }

  PreferenceCapacity capacity(Device on = cuda_0) const {
    PreferenceCapacity capacity{shape.num_members, num_steps(), num_segments(), num_pairs(), num_batch_pairs(), 0, DType::f32};
    capacity.max_segment_steps = shape.max_segment_steps;
    capacity.device = on;
    return capacity;
  }
  MlpLossPlan plan() const { return {architecture(), capacity(), 1, shape.compute}; }

  void run(const Context& context, const MlpLossPlan& plan, Workspace workspace) {
    with(device, [&](const ConstTensorView& parameters, auto&... arguments) { mlp_preference_loss(context, plan, parameters, arguments..., workspace); });
  }
  void run_without_plan(const Context& context) {
    with(device, [&](const ConstTensorView& parameters, auto&... arguments) { mlp_preference_loss(context, architecture(), parameters, arguments...); });
  }
  /// The same on the CPU, in f32.
  void run_on_the_cpu() {
    const MlpLossPlan plan(architecture(), capacity({}), 1);
    const OwnedWorkspace workspace(plan.workspace_bytes());
    with(host, [&](const ConstTensorView& parameters, auto&... arguments) { mlp_preference_loss(Context(1), plan, parameters, arguments..., workspace.get()); });
  }

  /// Calls use(features, batch, result) with what the device has of them.
  template <typename Use>
  void with_batch(Use use) {
    with(device, [&](const ConstTensorView&, const Features& features, const PreferenceBatch& batch, const PreferenceOptions&, const PreferenceResult& result, const auto&...) {
      use(features, batch, result);
    });
  }

  /// Calls predict(architecture, parameters, features).
  template <class TensorsOf, typename Predict>
  void with_model(TensorsOf& t, Predict predict) {
    const ConstTensorView parameters = tensor(t.parameters, {num_parameters(architecture())});
    predict(architecture(), parameters, features_of(t));
  }

  /// Other features and, where there is one, another order of the same shape, in both memories.
  void redraw(unsigned seed, cudaStream_t stream) {
    std::mt19937 random(seed);
    for (float& x : host.first) x = std::uniform_real_distribution<float>(-1, 1)(random);
    for (std::int32_t& pair : host.order) pair = static_cast<std::int32_t>(random() % static_cast<unsigned>(num_pairs()));
    EXPECT_EQ(cudaMemcpyAsync(device.first.get(), host.first.data(), host.first.size() * sizeof(float), cudaMemcpyHostToDevice, stream), cudaSuccess);
    if (host.order.empty()) return;
    EXPECT_EQ(cudaMemcpyAsync(device.order.get(), host.order.data(), host.order.size() * sizeof(std::int32_t), cudaMemcpyHostToDevice, stream), cudaSuccess);
  }

  MlpShapes shape;
  DropoutState dropout;
  MlpTensors<std::vector> host;
  MlpTensors<Buffer> device;

 private:
  MlpTensors<std::vector> made() {
    MlpTensors<std::vector> t;
    std::mt19937 random(11);
    const auto reals = [&](std::int64_t size, float least, float most) {
      std::vector<float> values(static_cast<std::size_t>(size));
      for (float& x : values) x = std::uniform_real_distribution<float>(least, most)(random);
      return values;
    };
    initialize_parameters(architecture(), 3, t.parameters);
    for (float& x : t.parameters) x *= 2;  // activations bend
    t.first = reals(num_steps() * shape.first_dim, -1, 1);
    t.second = reals(num_steps() * shape.second_dim, -1, 1);
    if (shape.standardised) t.mean = reals(architecture().feature_dim, -0.5f, 0.5f), t.std = reals(architecture().feature_dim, 0.5f, 2);
    t.offsets = {0};
    for (std::int64_t length : shape.lengths) t.offsets.push_back(t.offsets.back() + length);
    t.begins = shape.begins;
    t.lengths = shape.lengths;
    t.pairs = shape.pairs;
    t.order = shape.order;
    for (std::int64_t p = 0; p < num_pairs(); ++p) t.labels.push_back(static_cast<float>(p % 3) / 2);
    const std::size_t members = static_cast<std::size_t>(shape.num_members);
    t.loss.resize(members);
    t.scores.resize(members * t.lengths.size());
    t.step_rewards.resize(members * static_cast<std::size_t>(num_steps()));
    t.grad_parameters.resize(t.parameters.size());
    t.grad_first.resize(t.first.size());
    t.grad_second.resize(t.second.size());
    return t;
  }
  MlpTensors<Buffer> copied() const {
    const auto& h = host;
    return {Buffer(h.parameters), Buffer(h.first), Buffer(h.second), Buffer(h.mean), Buffer(h.std), Buffer(h.offsets), Buffer(h.begins), Buffer(h.lengths), Buffer(h.pairs), Buffer(h.order), Buffer(h.labels),
            // Uninitialised: everything wanted is written
            Buffer<float>(h.loss.size()), Buffer<float>(h.scores.size()), Buffer<float>(h.step_rewards.size()), Buffer<float>(h.grad_parameters.size()), Buffer<float>(h.grad_first.size()),
            Buffer<float>(h.grad_second.size())};
  }

  template <class TensorsOf>
  Features features_of(TensorsOf& t) {
    const std::int64_t dim = architecture().feature_dim;
    Features features;
    features.first = tensor(t.first, {num_steps(), shape.first_dim});
    if (shape.second_dim > 0) features.second = tensor(t.second, {num_steps(), shape.second_dim});
    if (shape.standardised) features.mean = tensor(t.mean, {dim}), features.std = tensor(t.std, {dim});
    return features;
  }

  /// Calls use(parameters, features, batch, options, result, gradients, dropout, step_rewards).
  template <class TensorsOf, typename Use>
  void with(TensorsOf& t, Use use) {
    const std::int64_t members = shape.num_members, size = num_parameters(architecture());
    const ConstTensorView parameters = tensor(t.parameters, {size});
    const Features features = features_of(t);
    PreferenceBatch batch;
    if (shape.begins.empty()) batch.offsets = tensor(t.offsets, {num_segments() + 1});
    else batch.begins = tensor(t.begins, {num_segments()}), batch.lengths = tensor(t.lengths, {num_segments()});
    if (!shape.pairs.empty()) batch.pairs = tensor(t.pairs, {num_pairs(), 2});
    if (!shape.order.empty()) batch.pair_order = tensor(t.order, {members, num_batch_pairs()});
    batch.labels = tensor(t.labels, {num_pairs()});
    const PreferenceOptions options;
    const TensorView nothing;
    PreferenceResult result;
    result.loss = tensor(t.loss, {members});
    MlpGradients gradients;
    gradients.parameters = tensor(t.grad_parameters, {size});
    if (shape.trains_alone) return use(parameters, features, batch, options, result, gradients, dropout, nothing);
    result.scores = tensor(t.scores, {members, num_segments()});
    gradients.features_first = tensor(t.grad_first, {num_steps(), shape.first_dim});
    if (shape.second_dim > 0) gradients.features_second = tensor(t.grad_second, {num_steps(), shape.second_dim});
    const TensorView step_rewards = tensor(t.step_rewards, {members, num_steps()});
    use(parameters, features, batch, options, result, gradients, dropout, step_rewards);
  }
};

}  // namespace segpref::simt
