// Contexts, views, and the plans of given and linear rewards: each rule with its whole message.
#include <gtest/gtest.h>

#include <functional>
#include <utility>

#include "host/plan/owned_workspace.hpp"
#include "segpref/preference_loss.hpp"
#include "segpref/reward_linear.hpp"
#include "tests/support/expect_error.hpp"

namespace segpref {
namespace {

constexpr auto invalid = ErrorCode::invalid_argument;

TEST(ContextErrors, NumberOfThreadsIsLimited) {
  testing::expect_error(invalid, "num_threads = -1 is outside [0, 1024]", [] { Context(-1); });
  testing::expect_error(invalid, "num_threads = 1025 is outside [0, 1024]", [] { Context(1025); });
  EXPECT_EQ(Context(3).num_threads(), 3);
  EXPECT_GE(Context(0).num_threads(), 1);
}

TEST(ViewErrors, AShapeHasOneToFourAxes) {
  std::vector<float> values(1);
  testing::expect_error(invalid, "view: a shape has 1 to 4 axes", [&] { view(values.data(), {}); });
  testing::expect_error(invalid, "view: a shape has 1 to 4 axes", [&] { view(values.data(), {1, 1, 1, 1, 1}); });
}

PreferenceCapacity small_capacity() { return {1, 4, 2, 1, 0, 0, DType::f32}; }

template <typename MakePlan>
void every_plan_rule(MakePlan make_plan) {
  const auto refuse = [&](const std::string& message, const std::function<void(PreferenceCapacity&)>& change, ErrorCode code = invalid) {
    PreferenceCapacity capacity = small_capacity();
    change(capacity);
    testing::expect_error(code, message, [&] { make_plan(capacity); });
  };
  refuse("capacity.num_members = 0 is outside [1, 32]", [](PreferenceCapacity& c) { c.num_members = 0; });
  refuse("capacity.num_steps = -1 is outside [0, 281474976710656]", [](PreferenceCapacity& c) { c.num_steps = -1; });
  refuse("capacity.num_segments = 281474976710657 is outside [0, 281474976710656]", [](PreferenceCapacity& c) { c.num_segments = (std::int64_t{1} << 48) + 1; });
  refuse("capacity.num_pairs = -2 is outside [0, 281474976710656]", [](PreferenceCapacity& c) { c.num_pairs = -2; });
  refuse("capacity.num_batch_pairs = -3 is outside [0, 281474976710656]", [](PreferenceCapacity& c) { c.num_batch_pairs = -3; });
  refuse("capacity.dtype is an integer type; rewards and features are f32, f64, bf16 or f16", [](PreferenceCapacity& c) { c.dtype = DType::i64; },
         ErrorCode::invalid_type);
}

TEST(PlanErrors, EveryRuleOfACapacityIsNamed) {
  every_plan_rule([](const PreferenceCapacity& capacity) { PreferenceLossPlan{capacity}; });
  every_plan_rule([](const PreferenceCapacity& capacity) { LinearLossPlan(capacity, 3); });
  testing::expect_error(invalid, "feature_dim = 16385 is outside [1, 16384]", [] { LinearLossPlan(small_capacity(), 16385); });
  testing::expect_error(invalid, "feature_dim = 0 is outside [1, 16384]", [] { LinearLossPlan(small_capacity(), 0); });
}

TEST(PlanErrors, SizesBeyond2To63AreRefused) {
  PreferenceCapacity capacity = small_capacity();
  capacity.num_segments = std::int64_t{1} << 48;
  // 2^48 segments of 16384 features of 4 bytes are 2^64 bytes.
  testing::expect_error(invalid, "workspace: size 4611686018427387904 * 4 overflows 2^63", [&] { LinearLossPlan(capacity, 16384); });
}

TEST(PlanErrors, WorkspaceOfGivenRewardsMustBeThereLargeEnoughAndAligned) {
  const std::vector<float> rewards = {1, 2, 3, 4}, labels = {1};
  const std::vector<std::int64_t> offsets = {0, 2, 4};
  std::vector<float> loss = {7}, grad(4, 7);
  PreferenceBatch batch;
  batch.offsets = view(offsets);
  batch.labels = view(labels);
  PreferenceResult result;
  result.loss = view(loss);
  const PreferenceLossPlan plan(small_capacity());
  const OwnedWorkspace owned(plan.workspace_bytes() + 64);
  const std::string needed = std::to_string(plan.workspace_bytes());
  const auto refuse = [&](const std::string& message, Workspace workspace) {
    testing::expect_error(invalid, message, [&] { preference_loss(Context(1), plan, view(rewards), batch, {}, result, view(grad), workspace); });
    EXPECT_EQ(loss[0], 7.0f);
    EXPECT_EQ(grad, std::vector<float>(4, 7));
  };
  refuse("workspace has 0 bytes; the plan needs " + needed, {});
  refuse("workspace has " + std::to_string(plan.workspace_bytes() - 1) + " bytes; the plan needs " + needed, owned.get().first(plan.workspace_bytes() - 1));
  refuse("workspace must be aligned to 64 bytes", owned.get().subspan(4, plan.workspace_bytes()));
}

}  // namespace
}  // namespace segpref
