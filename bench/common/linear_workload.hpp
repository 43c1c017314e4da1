// linear-wide in host memory: what its benches read, and the check of what they wrote.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "kernels/math/half.hpp"
#include "kernels/reference/preference_loss.hpp"
#include "segpref/reward_linear.hpp"

namespace segpref::bench {

/// What a row of the bench asks for beside loss and gradient of w.
struct LinearWanted {
  std::int64_t num_members = 1;
  bool grad_features = false, step_rewards = false;
};

/// Where the arrays of a call lie: in the workload, or in copies of them on a device. Null: not wanted.
template <typename Element>
struct LinearArrays {
  const std::int64_t* offsets;
  const Element* features;
  const float *weight, *bias, *labels;
  float *loss, *grad_weight, *step_rewards;
  Element* grad_features;
  Device device{};
};

/// Elements are f32 or bf16; everything else is f32.
template <typename Element>
struct LinearWorkload {
  static constexpr std::int64_t feature_dim = 4096, num_pairs = 64, mean_length = 512;

  LinearWanted wanted;
  std::vector<std::int64_t> offsets = {0};
  std::vector<Element> features, grad_features;
  std::vector<float> weight, bias, labels, loss, step_rewards, grad_weight;

  explicit LinearWorkload(const LinearWanted& what) : wanted(what) {
    std::mt19937_64 random(1);
    for (std::int64_t s = 0; s < 2 * num_pairs; ++s) offsets.push_back(offsets.back() + std::uniform_int_distribution<std::int64_t>(1, 2 * mean_length - 1)(random));
    features.resize(static_cast<std::size_t>(num_steps() * feature_dim));
    std::uint32_t state = 1;  // a generator that does not take longer than the bench
    for (Element& x : features) x = math::from_real<Element>(static_cast<float>((state = state * 1664525u + 1013904223u) >> 8) * 0x1p-23f - 1.0f);
    const auto members = static_cast<std::size_t>(wanted.num_members);
    for (std::size_t i = 0; i < members * feature_dim; ++i) weight.push_back(std::normal_distribution<float>(0, 1e-3f)(random));
    for (std::size_t i = 0; i < members; ++i) bias.push_back(std::normal_distribution<float>(0, 1e-3f)(random));
    for (std::int64_t p = 0; p < num_pairs; ++p) labels.push_back(static_cast<float>(random() % 2));
    loss.resize(members);
    grad_weight.resize(weight.size());
    if (wanted.grad_features) grad_features.resize(features.size());
    if (wanted.step_rewards) step_rewards.resize(members * static_cast<std::size_t>(num_steps()));
  }
  std::int64_t num_steps() const { return offsets.back(); }
  double x(std::int64_t step, std::int64_t column) const { return static_cast<double>(math::to_f32(features[static_cast<std::size_t>(step * feature_dim + column)])); }

  LinearLossPlan plan(const Device& device) const {
    PreferenceCapacity capacity;
    capacity.num_members = wanted.num_members;
    capacity.num_steps = num_steps();
    capacity.num_segments = 2 * num_pairs;
    capacity.num_pairs = num_pairs;
    capacity.dtype = dtype_of<Element>::value;
    capacity.device = device;
    return LinearLossPlan(capacity, feature_dim);
  }
  void run(const Context& context, const LinearLossPlan& plan, const LinearArrays<Element>& at, Workspace workspace) const {
    const std::int64_t members = wanted.num_members;
    PreferenceBatch batch;
    batch.offsets = view(at.offsets, {2 * num_pairs + 1}, at.device);
    batch.labels = view(at.labels, {num_pairs}, at.device);
    PreferenceResult result;
    result.loss = view(at.loss, {members}, at.device);
    const LinearHead head{view(at.weight, {members, feature_dim}, at.device), view(at.bias, {members}, at.device)};
    LinearGradients gradients;
    gradients.weight = view(at.grad_weight, {members, feature_dim}, at.device);
    if (wanted.grad_features) gradients.features = view(at.grad_features, {num_steps(), feature_dim}, at.device);
    const TensorView rewards = wanted.step_rewards ? view(at.step_rewards, {members, num_steps()}, at.device) : TensorView();
    linear_preference_loss(context, plan, head, view(at.features, {num_steps(), feature_dim}, at.device), batch, {}, result, gradients, rewards, workspace);
  }

  /// What is wrong with the results; empty: nothing. The oracle's problem: float64 rewards of every step go through kernels/reference.
  std::string check() const {
    reference::PreferenceProblem problem;
    problem.num_members = wanted.num_members;
    problem.num_steps = num_steps();
    for (std::int64_t s = 0; s < 2 * num_pairs; ++s) problem.segments.push_back({offsets[static_cast<std::size_t>(s)], offsets[static_cast<std::size_t>(s + 1)]});
    std::vector<std::int64_t> order;
    for (std::int64_t p = 0; p < num_pairs; ++p) {
      problem.pairs.push_back({2 * p, 2 * p + 1});
      problem.labels.push_back(static_cast<double>(labels[static_cast<std::size_t>(p)]));
      order.push_back(p);
    }
    const auto members = static_cast<std::size_t>(wanted.num_members);
    problem.pair_order.assign(members, order);
    problem.weights.assign(members, std::vector<double>(static_cast<std::size_t>(num_pairs), 1.0));
    problem.margins.assign(members, std::vector<double>(static_cast<std::size_t>(num_pairs), 0.0));
    std::vector<std::vector<double>> rewards(members, std::vector<double>(static_cast<std::size_t>(num_steps())));
    for (std::size_t e = 0; e < members; ++e)
      for (std::int64_t t = 0; t < num_steps(); ++t) {
        double reward = static_cast<double>(bias[e]);
        for (std::int64_t c = 0; c < feature_dim; ++c) reward += static_cast<double>(weight[e * feature_dim + static_cast<std::size_t>(c)]) * x(t, c);
        rewards[e][static_cast<std::size_t>(t)] = reward;
      }
    const auto expected = reference::preference_loss(problem, rewards);
    for (std::size_t e = 0; e < members; ++e) {
      if (!(std::fabs(static_cast<double>(loss[e]) - expected.loss[e]) < 1e-5 * expected.loss[e])) return "the loss is wrong";
      for (std::size_t i = 0; wanted.step_rewards && i < rewards[e].size(); ++i)
        if (!(std::fabs(static_cast<double>(step_rewards[e * rewards[e].size() + i]) - rewards[e][i]) < 1e-6)) return "a step reward is wrong";
    }
    // Gradients: some columns of w, some rows of the features.
    for (std::size_t e = 0; e < members; ++e)
      for (std::int64_t c = 0; c < feature_dim; c += 97) {
        double grad = 0, size = 0;
        for (std::int64_t t = 0; t < num_steps(); ++t) {
          const double part = expected.grad_step_rewards[e][static_cast<std::size_t>(t)] * x(t, c);
          grad += part, size += std::fabs(part);
        }
        if (!(std::fabs(static_cast<double>(grad_weight[e * feature_dim + static_cast<std::size_t>(c)]) - grad) < 1e-5 * size)) return "a gradient of w is wrong";
      }
    for (std::int64_t t = 0; wanted.grad_features && t < num_steps(); t += 17)
      for (std::int64_t c = 0; c < feature_dim; ++c) {
        double grad = 0, size = 0;
        for (std::size_t e = 0; e < members; ++e) {
          const double part = expected.grad_step_rewards[e][static_cast<std::size_t>(t)] * static_cast<double>(weight[e * feature_dim + static_cast<std::size_t>(c)]);
          grad += part, size += std::fabs(part);
        }
        const double actual = static_cast<double>(math::to_f32(grad_features[static_cast<std::size_t>(t * feature_dim + c)]));
        if (!(std::fabs(actual - grad) <= (sizeof(Element) == 2 ? 0x1p-8 : 1e-5) * size)) return "a gradient of the features is wrong";
      }
    return {};
  }
};

}  // namespace segpref::bench
