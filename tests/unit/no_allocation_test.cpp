// A run with a plan allocates nothing: the operator new of this program counts.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <utility>
#include <vector>

#include "host/plan/owned_workspace.hpp"
#include "kernels/cpu/isa.hpp"
#include "segpref/segpref.hpp"

namespace {
std::atomic<long> num_allocations{0};
}

// Not inlined: a compiler that sees malloc here and delete there believes in a mismatch.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  ++num_allocations;
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace segpref {
namespace {

/// Allocations of the second run: the first may read the environment.
template <typename Run>
long allocations_of(Run run) {
  run();
  const long before = num_allocations;
  run();
  return num_allocations - before;
}

/// Two members, 40 steps of three features, eight segments, four pairs.
struct Calls {
  static constexpr std::int64_t num_members = 2, num_steps = 40, feature_dim = 3, num_segments = 8, num_pairs = 4;
  std::vector<float> rewards = std::vector<float>(num_members * num_steps, 0.25f), features = std::vector<float>(num_steps * feature_dim, 0.5f);
  std::vector<float> weights = std::vector<float>(num_members * num_pairs, 0.5f), margins = std::vector<float>(num_pairs, 0.0f);
  std::vector<float> labels = {0, 1, 0.5f, 1}, tie = {0.5f}, loss = std::vector<float>(num_members), per_pair = std::vector<float>(num_members * num_pairs);
  std::vector<float> grad_rewards = rewards, grad_features = features;
  std::vector<double> metrics = std::vector<double>(num_members * num_metrics);
  std::vector<std::int32_t> offsets = {0, 5, 10, 15, 20, 25, 30, 35, 40}, begins = {0, 4, 8, 12, 16, 20, 24, 28}, lengths = std::vector<std::int32_t>(8, 9);
  std::vector<std::int32_t> pairs = {0, 1, 1, 2, 3, 4, 7, 0}, order = {0, 1, 2, 3, 3, 2, 1, 0};
  Context context{3};
  PreferenceBatch plain, shared;
  PreferenceOptions options;
  PreferenceResult result;
  PreferenceCapacity capacity{num_members, num_steps, num_segments, num_pairs, 0, 0, DType::f32};

  Calls() {
    plain.offsets = view(std::as_const(offsets));
    plain.labels = shared.labels = view(std::as_const(labels));
    shared.begins = view(std::as_const(begins));
    shared.lengths = view(std::as_const(lengths));
    shared.pairs = view(std::as_const(pairs).data(), {num_pairs, 2});
    shared.pair_order = view(std::as_const(order).data(), {num_members, num_pairs});
    shared.weights = view(std::as_const(weights).data(), {num_members, num_pairs});
    shared.margins = view(std::as_const(margins));
    options.discount = 0.9;
    options.lapse = 0.1;
    options.tie_model = TieModel::davidson;
    options.tie_parameter = view(std::as_const(tie));
    result.loss = view(loss);
    result.loss_per_pair = view(per_pair.data(), {num_members, num_pairs});
    result.metrics = view(metrics.data(), {num_members, num_metrics});
  }
};

TEST(PlannedRun, OfGivenRewardsAllocatesNothing) {
  Calls c;
  const PreferenceLossPlan plan(c.capacity);
  const OwnedWorkspace workspace(plan.workspace_bytes());
  const auto rewards = view(std::as_const(c.rewards).data(), {c.num_members, c.num_steps});
  const auto run = [&](const PreferenceBatch& batch, const PreferenceOptions& options) {
    return allocations_of([&] { preference_loss(c.context, plan, rewards, batch, options, c.result, view(c.grad_rewards.data(), {c.num_members, c.num_steps}), workspace.get()); });
  };
  EXPECT_EQ(run(c.plain, {}), 0);
  EXPECT_EQ(run(c.shared, c.options), 0);
}

TEST(PlannedRun, OfALinearHeadAllocatesNothing) {
  Calls c;
  const LinearLossPlan plan(c.capacity, c.feature_dim);
  const OwnedWorkspace workspace(plan.workspace_bytes());
  std::vector<float> weight(c.num_members * c.feature_dim, 0.5f), grad_weight = weight;
  LinearGradients gradients;
  gradients.weight = view(grad_weight.data(), {c.num_members, c.feature_dim});
  gradients.features = view(c.grad_features.data(), {c.num_steps, c.feature_dim});
  const auto run = [&](const PreferenceBatch& batch) {
    return allocations_of([&] {
      linear_preference_loss(c.context, plan, {view(weight.data(), {c.num_members, c.feature_dim}), {}}, view(c.features.data(), {c.num_steps, c.feature_dim}), batch, c.options, c.result,
                             gradients, view(c.rewards.data(), {c.num_members, c.num_steps}), workspace.get());
    });
  };
  EXPECT_EQ(run(c.plain), 0);
  EXPECT_EQ(run(c.shared), 0);
}

TEST(PlannedRun, OfAnMlpAllocatesNothingOnEitherPath) {
  Calls c;
  RewardArchitecture architecture;
  architecture.feature_dim = c.feature_dim;
  architecture.hidden = {16, 8};
  architecture.num_members = c.num_members;
  architecture.dropout = 0.25;
  std::vector<float> parameters;
  initialize_parameters(architecture, 0, parameters);
  std::vector<float> grad(parameters.size()), mean(3, 0.1f), std(3, 2.0f);
  for (Compute compute : {Compute::standard, Compute::bf16}) {
    if (compute == Compute::bf16 && !cpu::has_bf16_dot_product()) continue;
    const MlpLossPlan plan(architecture, c.capacity, 3, compute);
    const OwnedWorkspace workspace(plan.workspace_bytes());
    const Features features{view(std::as_const(c.features).data(), {c.num_steps, c.feature_dim}), {}, view(std::as_const(mean)), view(std::as_const(std))};
    MlpGradients pairs_path{view(grad), {}, {}}, steps_path = pairs_path;
    steps_path.features_first = view(c.grad_features.data(), {c.num_steps, c.feature_dim});
    const auto run = [&](const PreferenceBatch& batch, const MlpGradients& gradients) {
      return allocations_of([&] { mlp_preference_loss(c.context, plan, view(parameters), features, batch, c.options, c.result, gradients, {true, 1, 2}, {}, workspace.get()); });
    };
    EXPECT_EQ(run(c.plain, pairs_path), 0);
    EXPECT_EQ(run(c.plain, steps_path), 0);
    EXPECT_EQ(run(c.shared, steps_path), 0);
  }
}

TEST(PlannedRun, OfRankingsAllocatesNothing) {
  Calls c;
  RankingCapacity capacity;
  capacity.num_members = c.num_members, capacity.num_steps = c.num_steps, capacity.num_segments = c.num_segments, capacity.num_rankings = 2, capacity.num_entries = 8;
  const RankingLossPlan plan(capacity);
  const OwnedWorkspace workspace(plan.workspace_bytes());
  const std::vector<std::int32_t> ranking_offsets = {0, 5, 8};
  RankingBatch batch;
  batch.offsets = c.plain.offsets;
  batch.rankings = view(std::as_const(c.pairs));
  batch.ranking_offsets = view(ranking_offsets);
  RankingResult result;
  result.loss = view(c.loss);
  EXPECT_EQ(allocations_of([&] {
              ranking_loss(c.context, plan, view(std::as_const(c.rewards).data(), {c.num_members, c.num_steps}), batch, {}, result,
                           view(c.grad_rewards.data(), {c.num_members, c.num_steps}), workspace.get());
            }),
            0);
}

TEST(PlannedRun, NeitherDoOptimiserAndQueries) {
  Calls c;
  std::vector<float> first(c.rewards.size()), second = first, disagreement(c.num_pairs);
  QueryScores scores;
  scores.disagreement = view(disagreement);
  EXPECT_EQ(allocations_of([&] { adamw_step(c.context, view(c.rewards), view(std::as_const(c.grad_rewards)), view(first), view(second), 1, {}); }), 0);
  std::int64_t step = 1;
  EXPECT_EQ(allocations_of([&] { adamw_step(c.context, view(c.rewards), view(std::as_const(c.grad_rewards)), view(first), view(second), view(&step, {1}), {}); }), 0);
  EXPECT_EQ(allocations_of([&] { query_scores(c.context, view(c.rewards.data(), {c.num_members, c.num_steps}), c.shared.pairs, 1.0, scores); }), 0);
}

}  // namespace
}  // namespace segpref
