// Every rule on the arguments of preference_loss, one by one, with its message; nothing is written when a rule is broken.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "host/plan/owned_workspace.hpp"
#include "segpref/preference_loss.hpp"

namespace segpref {
namespace {

/// A legal call: three segments, two pairs. Tests break one thing.
struct Call {
  std::vector<float> rewards = {1, 2, 3, 4, 5}, labels = {0, 1}, weights = {1, 1}, margins = {0, 0}, tie = {0.5f};
  std::vector<std::int64_t> offsets = {0, 2, 3, 5}, pairs = {0, 1, 1, 2}, order = {0, 1};
  std::vector<std::int32_t> begins = {0, 2, 3}, lengths = {2, 1, 2};
  std::vector<float> loss = {7}, grad = {7, 7, 7, 7, 7};
  std::vector<double> metrics = std::vector<double>(num_metrics, 7);
  ConstTensorView step_rewards;
  PreferenceBatch batch;
  PreferenceOptions options;
  PreferenceResult result;
  TensorView grad_step_rewards;

  Call() {
    step_rewards = view(rewards);
    batch.offsets = view(offsets);
    batch.pairs = view(pairs.data(), {2, 2});
    batch.labels = view(labels);
    batch.weights = view(weights);
    batch.margins = view(margins);
    batch.pair_order = view(order);
    result.loss = view(loss);
    result.metrics = view(metrics.data(), {1, num_metrics});
    grad_step_rewards = view(grad);
  }
  void run() { preference_loss(Context(1), step_rewards, batch, options, result, grad_step_rewards); }
};

struct Case {
  const char* name;
  std::function<void(Call&)> spoil;
  ErrorCode code;
  const char* message;
};

const std::vector<Case>& cases() {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  const auto invalid = ErrorCode::invalid_argument;
  static const std::vector<Case> all = {
      {"RewardsMissing", [](Call& c) { c.step_rewards = {}; }, invalid, "step_rewards is missing"},
      {"RewardsNull", [](Call& c) { c.step_rewards.data = nullptr; }, invalid, "step_rewards is null with shape [5]"},
      {"RewardsOfIntegers", [](Call& c) { c.step_rewards = view(c.offsets); }, ErrorCode::invalid_type, "step_rewards has dtype i64; it takes f32, f64, bf16, f16"},
      {"RewardsStrided", [](Call& c) { c.step_rewards.strides[0] = 2; }, invalid, "step_rewards is strided [2]; it must be contiguous"},
      {"WeightsOnCuda", [](Call& c) { c.batch.weights.device = {Device::Kind::cuda, 1}; }, ErrorCode::invalid_type, "weights lives on cuda:1 and step_rewards on the CPU: all tensors of a call live on one device"},
      {"MetricsOnCuda", [](Call& c) { c.result.metrics.device.kind = Device::Kind::cuda; }, ErrorCode::invalid_type, "metrics lives on cuda:0 and step_rewards on the CPU"},
      {"GradientOnCuda", [](Call& c) { c.grad_step_rewards.device.kind = Device::Kind::cuda; }, ErrorCode::invalid_type, "grad_step_rewards lives on cuda:0 and step_rewards on the CPU"},
      {"RewardsMisaligned", [](Call& c) { c.step_rewards.data = reinterpret_cast<const char*>(c.rewards.data()) + 1; }, invalid, "step_rewards is not aligned"},
      {"NegativeExtent", [](Call& c) { c.step_rewards.shape[0] = -5; }, invalid, "negative extent"},
      {"SizeOverflow", [](Call& c) { c.step_rewards.shape[0] = std::int64_t{1} << 62; }, invalid, "overflows 2^63"},
      {"TooManyMembers", [](Call& c) { c.step_rewards = view(c.rewards.data(), {33, 0}); c.step_rewards.shape[1] = 0; }, invalid, "1 to 32 are supported"},
      {"OffsetsMissing", [](Call& c) { c.batch.offsets = {}; }, invalid, "offsets is missing"},
      {"OffsetsEmpty", [](Call& c) { c.offsets.clear(); c.batch.offsets = view(c.offsets); }, invalid, "offsets is empty"},
      {"OffsetsOfFloats", [](Call& c) { c.batch.offsets = view(c.rewards); }, ErrorCode::invalid_type, "offsets has dtype f32; it takes i32, i64"},
      {"OffsetsDecreasing", [](Call& c) { c.offsets[2] = 1; }, invalid, "offsets[2] = 1 is less than offsets[1] = 2: offsets must not decrease"},
      {"OffsetsNegative", [](Call& c) { c.offsets[0] = -1; }, invalid, "offsets[0] = -1 is outside [0, 5] (num_steps)"},
      {"OffsetsBeyondTheRows", [](Call& c) { c.offsets[3] = 6; }, invalid, "offsets[3] = 6 is outside [0, 5] (num_steps)"},
      {"OffsetsAndWindows", [](Call& c) { c.batch.begins = view(c.begins); }, invalid, "give one of them"},
      {"LengthsMissing", [](Call& c) { c.batch.offsets = {}; c.batch.begins = view(c.begins); }, invalid, "lengths is missing"},
      {"WindowBeyondTheRows", [](Call& c) { c.batch.offsets = {}; c.lengths[2] = 3; c.batch.begins = view(c.begins); c.batch.lengths = view(c.lengths); }, invalid, "begins[2] + lengths[2] = 3 + 3 is beyond num_steps = 5"},
      {"WindowNegative", [](Call& c) { c.batch.offsets = {}; c.lengths[1] = -1; c.batch.begins = view(c.begins); c.batch.lengths = view(c.lengths); }, invalid, "lengths[1] = -1 must be >= 0"},
      {"WindowBeginsBelowZero", [](Call& c) { c.batch.offsets = {}; c.begins[1] = -2; c.batch.begins = view(c.begins); c.batch.lengths = view(c.lengths); }, invalid, "begins[1] = -2 is outside [0, 5] (num_steps)"},
      {"PairOutOfRange", [](Call& c) { c.pairs[3] = 240; }, invalid, "pairs[1, second] = 240 is outside [0, 3) (num_segments)"},
      {"PairNegative", [](Call& c) { c.pairs[0] = -1; }, invalid, "pairs[0, first] = -1 is outside [0, 3) (num_segments)"},
      {"PairsOfWrongShape", [](Call& c) { c.batch.pairs = view(c.pairs.data(), {4}); }, invalid, "pairs has shape [4]; it must be [num_pairs, 2]"},
      {"TooFewSegmentsWithoutPairs", [](Call& c) { c.batch.pairs = {}; }, invalid, "need 4 segments when pairs is omitted; there are 3"},
      {"OrderOutOfRange", [](Call& c) { c.order[1] = 2; }, invalid, "pair_order[1] = 2 is outside [0, 2) (num_pairs)"},
      {"OrderOfWrongMembers", [](Call& c) { c.batch.pair_order = view(c.order.data(), {2, 1}); }, invalid, "pair_order has shape [2, 1]; it must be [num_batch_pairs] or [num_members, num_batch_pairs] = [1, any]"},
      {"LabelsMissing", [](Call& c) { c.batch.labels = {}; }, invalid, "labels is missing"},
      {"LabelAboveOne", [](Call& c) { c.labels[1] = 1.5f; }, invalid, "labels[1] = 1.5 is outside [0, 1]"},
      {"LabelNan", [](Call& c) { c.labels[0] = nan; }, invalid, "labels[0] = nan is outside [0, 1]"},
      {"LabelsWiderThanTheRewards", [](Call& c) { c.batch.labels.dtype = DType::f64; }, ErrorCode::invalid_type, "labels has dtype f64; it takes f32"},
      {"WeightNegative", [](Call& c) { c.weights[1] = -1; }, invalid, "weights[1] = -1 must be finite and >= 0"},
      {"WeightInfinite", [](Call& c) { c.weights[0] = INFINITY; }, invalid, "weights[0] = inf must be finite and >= 0"},
      {"WeightsTooShort", [](Call& c) { c.weights.pop_back(); c.batch.weights = view(c.weights); }, invalid, "weights has shape [1]; it must be [num_pairs] or [num_members, num_pairs]"},
      {"MarginNan", [](Call& c) { c.margins[0] = nan; }, invalid, "margins[0] = nan must be finite and >= 0"},
      {"MarginNegative", [](Call& c) { c.margins[1] = -1; }, invalid, "margins[1] = -1 must be finite and >= 0"},
      {"Temperature", [](Call& c) { c.options.temperature = 0; }, invalid, "temperature = 0 must be finite and > 0"},
      {"Discount", [](Call& c) { c.options.discount = 1.5; }, invalid, "discount = 1.5 must be in (0, 1]"},
      {"DiscountZero", [](Call& c) { c.options.discount = 0; }, invalid, "discount = 0 must be in (0, 1]"},
      {"DiscountWithLast", [](Call& c) { c.options.discount = 0.5; c.options.aggregation = Aggregation::last; }, invalid, "discount = 0.5 must be 1 with aggregation last"},
      {"Clip", [](Call& c) { c.options.clip = 0; }, invalid, "clip = 0 must be > 0"},
      {"Smoothing", [](Call& c) { c.options.smoothing = -0.1; }, invalid, "smoothing = -0.1 must be in [0, 1]"},
      {"Lapse", [](Call& c) { c.options.lapse = 1; }, invalid, "lapse = 1 must be in [0, 1)"},
      {"Centering", [](Call& c) { c.options.centering = -1; }, invalid, "centering = -1 must be finite and >= 0"},
      {"Normalizer", [](Call& c) { c.options.normalizer = 0; }, invalid, "normalizer = 0 must be finite and > 0"},
      {"NormalizerOfASum", [](Call& c) { c.options.normalizer = 1; c.options.reduction = Reduction::sum; }, invalid, "normalizer is the divisor of reduction mean"},
      {"LossWithoutReduction", [](Call& c) { c.options.reduction = Reduction::none; }, invalid, "take loss_per_pair"},
      {"TieParameterMissing", [](Call& c) { c.options.tie_model = TieModel::davidson; }, invalid, "tie_parameter is missing"},
      {"TieParameterWithoutModel", [](Call& c) { c.options.tie_parameter = view(c.tie); }, invalid, "tie_parameter was given without a tie_model"},
      {"TieParameterNotPositive", [](Call& c) { c.tie[0] = 0; c.options.tie_model = TieModel::rao_kupper; c.options.tie_parameter = view(c.tie); }, invalid, "tie_parameter[0] = 0 must be finite and > 0"},
      {"TieParameterInfinite", [](Call& c) { c.tie[0] = INFINITY; c.options.tie_model = TieModel::davidson; c.options.tie_parameter = view(c.tie); }, invalid, "tie_parameter[0] = inf must be finite"},
      {"TieParameterOfWrongShape", [](Call& c) { c.tie = {1, 1}; c.options.tie_model = TieModel::davidson; c.options.tie_parameter = view(c.tie); }, invalid, "tie_parameter has shape [2]; it must be [1] or [num_members] = [1]"},
      {"TieParameterWiderThanTheRewards", [](Call& c) { c.options.tie_model = TieModel::davidson; c.options.tie_parameter = view(c.tie); c.options.tie_parameter.dtype = DType::f64; }, ErrorCode::invalid_type, "tie_parameter has dtype f64; it takes f32"},
      {"TieGradientWithoutModel", [](Call& c) { c.result.grad_tie_parameter = view(c.loss); }, invalid, "grad_tie_parameter was asked for without a tie_model"},
      {"SmoothingWithATieModel", [](Call& c) { c.options.smoothing = 0.1; c.options.tie_model = TieModel::davidson; c.options.tie_parameter = view(c.tie); }, invalid, "smoothing = 0.1 must be 0 with a tie model"},
      {"MarginWithATieModel", [](Call& c) { c.margins[1] = 1; c.options.tie_model = TieModel::davidson; c.options.tie_parameter = view(c.tie); }, invalid, "margins[1] = 1 must be 0 with a tie model"},
      {"LossOfWrongShape", [](Call& c) { c.result.loss.shape[0] = 3; }, invalid, "loss has shape [3]; it must be [num_members] = [1]"},
      {"LossOfWrongType", [](Call& c) { c.result.loss.dtype = DType::f64; }, ErrorCode::invalid_type, "loss has dtype f64; it takes f32"},
      {"LossPerPairOfWrongShape", [](Call& c) { c.result.loss_per_pair = view(c.loss.data(), {1, 1}); }, invalid, "loss_per_pair has shape [1, 1]; it must be [num_members, num_batch_pairs] = [1, 2]"},
      {"ScoresOfWrongShape", [](Call& c) { c.result.scores = view(c.loss.data(), {1, 1}); }, invalid, "scores has shape [1, 1]; it must be [num_members, num_segments] = [1, 3]"},
      {"LogitsOfWrongShape", [](Call& c) { c.result.logits = view(c.loss.data(), {1}); }, invalid, "logits has shape [1]; it must be [num_members, num_batch_pairs] = [1, 2]"},
      {"MetricsOfWrongShape", [](Call& c) { c.result.metrics.shape[1] = 6; }, invalid, "metrics has shape [1, 6]; it must be [num_members, num_metrics] = [1, 7]"},
      {"MetricsOfWrongType", [](Call& c) { c.result.metrics.dtype = DType::f32; }, ErrorCode::invalid_type, "metrics has dtype f32; it takes f64"},
      {"GradientOfWrongShape", [](Call& c) { c.grad_step_rewards = view(c.grad.data(), {4}); }, invalid, "grad_step_rewards has shape [4]; it must be [num_steps] = [5]"},
      {"GradientOfWrongType", [](Call& c) { c.grad_step_rewards.dtype = DType::bf16; }, ErrorCode::invalid_type, "grad_step_rewards has dtype bf16; it takes f32"},
  };
  return all;
}

class PreferenceLossErrors : public ::testing::TestWithParam<std::size_t> {};

TEST_P(PreferenceLossErrors, NamesArgumentAndRuleAndWritesNothing) {
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
  EXPECT_EQ(call.metrics, std::vector<double>(num_metrics, 7));
}

INSTANTIATE_TEST_SUITE_P(Rules, PreferenceLossErrors, ::testing::Range(std::size_t{0}, cases().size()), [](const auto& info) { return cases()[info.param].name; });

TEST(PreferenceLossErrorsOfPlans, LegalCallPasses) {
  Call call;
  EXPECT_NO_THROW(call.run());
  EXPECT_NE(call.loss[0], 7.0f);
}

// A workspace is made from shapes: those of tensors that are not there must not get as far.
TEST(PreferenceLossErrorsOfPlans, NothingIsAllocatedForATensorThatIsNotThere) {
  constexpr std::int64_t huge = std::int64_t{1} << 44;
  const auto refused = [&](const std::function<void(Call&)>& spoil, const std::string& message) {
    Call call;
    spoil(call);
    try {
      call.run();
      ADD_FAILURE() << "accepted; expected: " << message;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument) << error.what();
      EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
    }
  };
  const auto absent = [](ConstTensorView& tensor) { tensor.data = nullptr, tensor.shape[0] = huge; };
  refused([&](Call& c) { absent(c.batch.offsets); }, "offsets is null with shape [17592186044416]");
  refused([&](Call& c) { absent(c.batch.labels); }, "labels is null");
  refused([&](Call& c) { absent(c.batch.pair_order); }, "pair_order is null");
  refused([&](Call& c) { c.batch.pair_order = view(static_cast<const std::int32_t*>(nullptr), {0, huge}); }, "pair_order has shape [0, 17592186044416]");
  refused([&](Call& c) { c.batch.offsets = {}; c.batch.begins = view(static_cast<const std::int32_t*>(nullptr), {huge}); }, "begins is null");
}

TEST(PreferenceLossErrorsOfPlans, CapacityWorkspaceAndDtypeAreChecked) {
  Call call;
  PreferenceCapacity capacity{1, 5, 3, 2, 2, 0, DType::f32};
  const auto run = [&](const PreferenceLossPlan& plan, Workspace workspace) {
    preference_loss(Context(1), plan, call.step_rewards, call.batch, call.options, call.result, call.grad_step_rewards, workspace);
  };
  const auto message_of = [&](const PreferenceLossPlan& plan, Workspace workspace) -> std::string {
    try {
      run(plan, workspace);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  const PreferenceLossPlan plan(capacity);
  const OwnedWorkspace workspace(plan.workspace_bytes());
  EXPECT_NO_THROW(run(plan, workspace.get()));
  EXPECT_NE(message_of(plan, workspace.get().first(plan.workspace_bytes() - 1)).find("the plan needs"), std::string::npos);
  capacity.num_steps = 4;
  EXPECT_EQ(message_of(PreferenceLossPlan(capacity), workspace.get()), "num_steps = 5 is more than the plan's capacity 4");
  capacity.num_steps = 5;
  capacity.dtype = DType::f64;
  EXPECT_EQ(message_of(PreferenceLossPlan(capacity), workspace.get()), "the plan was made for f64; this call has f32");
  capacity.num_pairs = -1;
  EXPECT_THROW(PreferenceLossPlan{capacity}, Error);
}

}  // namespace
}  // namespace segpref
