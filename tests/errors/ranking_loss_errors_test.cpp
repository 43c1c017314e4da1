// Every rule on the arguments of ranking_loss, one by one, with its message; nothing is written when a rule is broken.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "host/plan/owned_workspace.hpp"
#include "segpref/ranking_loss.hpp"

namespace segpref {
namespace {

/// A legal call: three segments, two rankings. Tests break one thing.
struct Call {
  std::vector<float> rewards = {1, 2, 3, 4, 5}, weights = {1, 1}, tie = {0.5f};
  std::vector<std::int64_t> offsets = {0, 2, 3, 5}, rankings = {2, 1, 0, 0, 1};
  std::vector<std::int32_t> ranking_offsets = {0, 3, 5}, begins = {0, 2, 3};
  std::vector<float> loss = {7}, grad = {7, 7, 7, 7, 7};
  std::vector<double> metrics = {7, 7, 7};
  ConstTensorView step_rewards;
  RankingBatch batch;
  PreferenceOptions options;
  RankingResult result;
  TensorView grad_step_rewards;

  Call() {
    step_rewards = view(rewards);
    batch.offsets = view(offsets);
    batch.rankings = view(rankings);
    batch.ranking_offsets = view(ranking_offsets);
    batch.weights = view(weights);
    result.loss = view(loss);
    result.metrics = view(metrics.data(), {1, num_ranking_metrics});
    grad_step_rewards = view(grad);
  }
  void run() { ranking_loss(Context(1), step_rewards, batch, options, result, grad_step_rewards); }
};

struct Case {
  const char* name;
  std::function<void(Call&)> spoil;
  ErrorCode code;
  const char* message;
};

const std::vector<Case>& cases() {
  const auto invalid = ErrorCode::invalid_argument, unsupported = ErrorCode::unsupported, type = ErrorCode::invalid_type;
  static const std::vector<Case> all = {
      {"RewardsMissing", [](Call& c) { c.step_rewards = {}; }, invalid, "step_rewards is missing"},
      {"RewardsOfIntegers", [](Call& c) { c.step_rewards = view(c.offsets); }, type, "step_rewards has dtype i64; it takes f32, f64, bf16, f16"},
      {"OffsetsMissing", [](Call& c) { c.batch.offsets = {}; }, invalid, "offsets is missing"},
      {"OffsetsAndWindows", [](Call& c) { c.batch.begins = view(c.begins); }, invalid, "give one of them"},
      {"RankingsMissing", [](Call& c) { c.batch.rankings = {}; }, invalid, "rankings is missing"},
      {"RankingsOfFloats", [](Call& c) { c.batch.rankings = view(c.rewards); }, type, "rankings has dtype f32; it takes i32, i64"},
      {"RankingsStrided", [](Call& c) { c.batch.rankings.strides[0] = 2; }, invalid, "rankings is strided [2]"},
      {"EntryOutOfRange", [](Call& c) { c.rankings[4] = 3; }, invalid, "rankings[4] = 3 is outside [0, 3) (num_segments)"},
      {"EntryNegative", [](Call& c) { c.rankings[0] = -1; }, invalid, "rankings[0] = -1 is outside [0, 3) (num_segments)"},
      {"RankingOffsetsMissing", [](Call& c) { c.batch.ranking_offsets = {}; }, invalid, "ranking_offsets is missing"},
      {"RankingOffsetsEmpty", [](Call& c) { c.ranking_offsets.clear(); c.batch.ranking_offsets = view(c.ranking_offsets); }, invalid, "ranking_offsets is empty"},
      {"RankingOffsetsDecreasing", [](Call& c) { c.ranking_offsets = {0, 5, 3}; }, invalid, "ranking_offsets[2] = 3 is less than ranking_offsets[1] = 5"},
      {"RankingOffsetsBeyondTheEntries", [](Call& c) { c.ranking_offsets[2] = 6; }, invalid, "ranking_offsets[2] = 6 is outside [0, 5] (num_entries)"},
      {"RankingOfOneEntry", [](Call& c) { c.ranking_offsets[1] = 4; }, invalid, "ranking_offsets[2] - ranking_offsets[1] = 1: a ranking has 2 to 64 entries"},
      {"RankingOf65Entries", [](Call& c) { c.rankings.assign(70, 0); c.ranking_offsets = {0, 65, 70}; c.batch.rankings = view(c.rankings); }, invalid, "ranking_offsets[1] - ranking_offsets[0] = 65: a ranking has 2 to 64 entries"},
      {"TopNegative", [](Call& c) { c.batch.ranking_top = -1; }, invalid, "ranking_top = -1 must be >= 0"},
      {"WeightNegative", [](Call& c) { c.weights[1] = -1; }, invalid, "weights[1] = -1 must be finite and >= 0"},
      {"WeightNan", [](Call& c) { c.weights[0] = NAN; }, invalid, "weights[0] = nan must be finite and >= 0"},
      {"WeightsTooShort", [](Call& c) { c.weights.pop_back(); c.batch.weights = view(c.weights); }, invalid, "weights has shape [1]; it must be [num_rankings] or [num_members, num_rankings]"},
      {"Temperature", [](Call& c) { c.options.temperature = 0; }, invalid, "temperature = 0 must be finite and > 0"},
      {"DiscountWithLast", [](Call& c) { c.options.discount = 0.5; c.options.aggregation = Aggregation::last; }, invalid, "discount = 0.5 must be 1 with aggregation last"},
      {"Normalizer", [](Call& c) { c.options.normalizer = 0; }, invalid, "normalizer = 0 must be finite and > 0"},
      {"Clip", [](Call& c) { c.options.clip = 1; }, unsupported, "clip is an option of pairs"},
      {"Smoothing", [](Call& c) { c.options.smoothing = 0.1; }, unsupported, "smoothing is an option of pairs"},
      {"Lapse", [](Call& c) { c.options.lapse = 0.1; }, unsupported, "lapse is an option of pairs"},
      {"Centering", [](Call& c) { c.options.centering = 0.1; }, unsupported, "centering is an option of pairs"},
      {"TieModel", [](Call& c) { c.options.tie_model = TieModel::davidson; c.options.tie_parameter = view(c.tie); }, unsupported, "tie_model is an option of pairs"},
      {"TieParameter", [](Call& c) { c.options.tie_parameter = view(c.tie); }, invalid, "tie_parameter was given without a tie_model"},
      {"LossWithoutReduction", [](Call& c) { c.options.reduction = Reduction::none; }, invalid, "take loss_per_ranking"},
      {"LossOfWrongShape", [](Call& c) { c.result.loss.shape[0] = 3; }, invalid, "loss has shape [3]; it must be [num_members] = [1]"},
      {"MetricsOfWrongType", [](Call& c) { c.result.metrics.dtype = DType::f32; }, type, "metrics has dtype f32; it takes f64"},
      {"GradientOfWrongType", [](Call& c) { c.grad_step_rewards.dtype = DType::bf16; }, type, "grad_step_rewards has dtype bf16; it takes f32"},
  };
  return all;
}

class RankingLossErrors : public ::testing::TestWithParam<std::size_t> {};

TEST_P(RankingLossErrors, NamesArgumentAndRuleAndWritesNothing) {
  Call call;
  const Case& test_case = cases()[GetParam()];
  test_case.spoil(call);
  try {
    call.run();
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), test_case.code) << error.what();
    EXPECT_NE(std::string(error.what()).find(test_case.message), std::string::npos) << error.what();
  }
  EXPECT_EQ(call.loss, std::vector<float>{7});
  EXPECT_EQ(call.grad, (std::vector<float>{7, 7, 7, 7, 7}));
  EXPECT_EQ(call.metrics, (std::vector<double>{7, 7, 7}));
}

INSTANTIATE_TEST_SUITE_P(Rules, RankingLossErrors, ::testing::Range(std::size_t{0}, cases().size()), [](const auto& info) { return cases()[info.param].name; });

TEST(RankingLossErrorsOfPlans, CapacityWorkspaceAndDtypeAreChecked) {
  Call call;
  RankingCapacity capacity{1, 5, 3, 2, 5, DType::f32};
  const auto message_of = [&](const RankingLossPlan& plan, Workspace workspace) -> std::string {
    try {
      ranking_loss(Context(1), plan, call.step_rewards, call.batch, call.options, call.result, call.grad_step_rewards, workspace);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  const RankingLossPlan plan(capacity);
  const OwnedWorkspace workspace(plan.workspace_bytes());
  EXPECT_EQ(message_of(plan, workspace.get()), "no error");
  EXPECT_NE(call.loss[0], 7.0f);
  EXPECT_NE(message_of(plan, workspace.get().first(plan.workspace_bytes() - 1)).find("the plan needs"), std::string::npos);
  capacity.num_rankings = 1;
  EXPECT_EQ(message_of(RankingLossPlan(capacity), workspace.get()), "num_rankings = 2 is more than the plan's capacity 1");
  capacity.num_rankings = 2, capacity.num_entries = 4;
  EXPECT_EQ(message_of(RankingLossPlan(capacity), workspace.get()), "num_entries = 5 is more than the plan's capacity 4");
  capacity.num_entries = 5, capacity.dtype = DType::f64;
  EXPECT_EQ(message_of(RankingLossPlan(capacity), workspace.get()), "the plan was made for f64; this call has f32");
  capacity.num_entries = -1;
  EXPECT_THROW(RankingLossPlan{capacity}, Error);
}

}  // namespace
}  // namespace segpref
