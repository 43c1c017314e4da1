// linear-wide: loss and gradient of a linear head on wide features, with and without the gradient of the features.
// Floor: the features read once, and their gradient written once.
#include <benchmark/benchmark.h>

#include <cmath>
#include <random>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "bench/common/timing.hpp"
#include "host/plan/owned_workspace.hpp"
#include "kernels/math/half.hpp"
#include "kernels/reference/preference_loss.hpp"
#include "segpref/reward_linear.hpp"

namespace segpref::bench {
namespace {

constexpr std::int64_t feature_dim = 4096, num_pairs = 64, mean_length = 512;

/// What a row of the bench asks for beside loss and gradient of w.
struct Wanted {
  std::int64_t num_members = 1;
  bool grad_features = false, step_rewards = false;
};

/// Elements are f32 or bf16; everything else is f32.
template <typename Element>
struct Workload {
  Wanted wanted;
  std::vector<std::int64_t> offsets = {0};
  std::vector<Element> features, grad_features;
  std::vector<float> weight, bias, labels, loss, step_rewards, grad_weight;

  explicit Workload(const Wanted& what) : wanted(what) {
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

  void run(const Context& context, const LinearLossPlan& plan, Workspace workspace) {
    PreferenceBatch batch;
    batch.offsets = view(offsets);
    batch.labels = view(labels);
    PreferenceResult result;
    result.loss = view(loss);
    const LinearHead head{view(std::as_const(weight).data(), {wanted.num_members, feature_dim}), view(std::as_const(bias))};
    LinearGradients gradients;
    gradients.weight = view(grad_weight.data(), {wanted.num_members, feature_dim});
    if (wanted.grad_features) gradients.features = view(grad_features.data(), {num_steps(), feature_dim});
    const TensorView rewards = wanted.step_rewards ? view(step_rewards.data(), {wanted.num_members, num_steps()}) : TensorView();
    linear_preference_loss(context, plan, head, view(std::as_const(features).data(), {num_steps(), feature_dim}), batch, {}, result, gradients, rewards, workspace);
  }

  /// The oracle's problem: float64 rewards of every step go through kernels/reference.
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

template <typename Element>
void linear_wide(benchmark::State& state, Wanted wanted) {
  Workload<Element> workload(wanted);
  const Context context;
  PreferenceCapacity capacity;
  capacity.num_members = wanted.num_members;
  capacity.num_steps = workload.num_steps();
  capacity.num_segments = 2 * num_pairs;
  capacity.num_pairs = num_pairs;
  capacity.dtype = std::is_same_v<Element, bf16> ? DType::bf16 : DType::f32;
  const LinearLossPlan plan(capacity, feature_dim);
  const OwnedWorkspace workspace(plan.workspace_bytes());
  workload.run(context, plan, workspace.get());
  if (const std::string error = workload.check(); !error.empty()) return state.SkipWithError(error.c_str());
  time_against_bandwidth(state, context.pool(), {std::as_bytes(std::span(workload.features)), std::as_writable_bytes(std::span(workload.grad_features))}, [&] { workload.run(context, plan, workspace.get()); });
}

void linear_wide_f32(benchmark::State& state, Wanted wanted) { linear_wide<float>(state, wanted); }
void linear_wide_bf16(benchmark::State& state, Wanted wanted) { linear_wide<bf16>(state, wanted); }

// So many iterations, because to make and check the workload takes far longer than to run it.
#define SEGPREF_ROW(name, row, ...) BENCHMARK_CAPTURE(name, row, Wanted{__VA_ARGS__})->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(15)
#define SEGPREF_ROWS(name)                              \
  SEGPREF_ROW(name, grad_w, 1, false, false);           \
  SEGPREF_ROW(name, grad_features, 1, true, false);     \
  SEGPREF_ROW(name, step_rewards, 1, false, true);      \
  SEGPREF_ROW(name, members_3, 3, false, false);        \
  SEGPREF_ROW(name, members_3_grad_features, 3, true, false)
SEGPREF_ROWS(linear_wide_f32);
SEGPREF_ROWS(linear_wide_bf16);
#undef SEGPREF_ROWS
#undef SEGPREF_ROW

}  // namespace
}  // namespace segpref::bench

BENCHMARK_MAIN();
