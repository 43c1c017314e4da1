// Every rule on the arguments of mlp_preference_loss, its plan and predict_rewards, with its whole message; nothing is written when one is broken.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <utility>

#include "host/plan/owned_workspace.hpp"
#include "kernels/cpu/isa.hpp"
#include "segpref/reward_mlp.hpp"
#include "tests/support/expect_error.hpp"

namespace segpref {
namespace {

constexpr auto invalid = ErrorCode::invalid_argument, wrong_type = ErrorCode::invalid_type, unsupported = ErrorCode::unsupported;

std::string no_bf16() {
  return std::string("compute bf16 needs a processor with AVX512-BF16; this process runs on ") + cpu::instruction_set() + ": use standard";
}

/// A legal call of both operations: two members, five steps of 2 + 1 features, three segments, two pairs. Tests break one thing.
struct Call {
  RewardArchitecture architecture;
  std::vector<float> parameters, observations = std::vector<float>(10, 0.5f), actions = std::vector<float>(5, 0.25f), mean = {0, 0, 0}, std = {1, 1, 1};
  std::vector<float> labels = {0, 1}, weights = {1, 1}, margins = {0, 0}, tie = {0.5f, 0.5f};
  std::vector<std::int64_t> offsets = {0, 2, 3, 5}, pairs = {0, 1, 1, 2}, order = {0, 1};
  std::vector<float> loss = {7, 7}, grad, grad_observations = std::vector<float>(10, 7), grad_actions = std::vector<float>(5, 7), rewards = std::vector<float>(10, 7);
  std::vector<float> predicted = std::vector<float>(10, 7), predicted_mean = std::vector<float>(5, 7), predicted_std = predicted_mean, shift = {0, 0}, scale = {1, 1};
  ConstTensorView parameters_view;
  Features features;
  PreferenceBatch batch;
  PreferenceOptions options;
  PreferenceResult result;
  MlpGradients gradients;
  TensorView step_rewards;
  Prediction prediction;
  RewardNormalization normalization;
  Compute compute = Compute::standard;

  Call() {
    architecture.feature_dim = 3;
    architecture.hidden = {4};
    architecture.num_members = 2;
    initialize_parameters(architecture, 1, parameters);
    grad.assign(parameters.size(), 7);
    parameters_view = view(std::as_const(parameters));
    features.first = view(std::as_const(observations).data(), {5, 2});
    features.second = view(std::as_const(actions).data(), {5, 1});
    features.mean = view(std::as_const(mean));
    features.std = view(std::as_const(std));
    batch.offsets = view(std::as_const(offsets));
    batch.pairs = view(std::as_const(pairs).data(), {2, 2});
    batch.pair_order = view(std::as_const(order));
    batch.labels = view(std::as_const(labels));
    batch.weights = view(std::as_const(weights));
    batch.margins = view(std::as_const(margins));
    result.loss = view(loss);
    gradients.parameters = view(grad);
    gradients.features_first = view(grad_observations.data(), {5, 2});
    gradients.features_second = view(grad_actions.data(), {5, 1});
    step_rewards = view(rewards.data(), {2, 5});
    prediction = {view(predicted.data(), {2, 5}), view(predicted_mean), view(predicted_std)};
    normalization = {view(std::as_const(shift)), view(std::as_const(scale))};
  }
  void train() { mlp_preference_loss(Context(1), architecture, parameters_view, features, batch, options, result, gradients, {}, step_rewards); }
  void train(const MlpLossPlan& plan, Workspace workspace, int num_threads = 1) {
    mlp_preference_loss(Context(num_threads), plan, parameters_view, features, batch, options, result, gradients, {}, step_rewards, workspace);
  }
  void predict() { predict_rewards(Context(1), architecture, parameters_view, features, prediction, normalization, compute); }
  void expect_untouched() const {
    const auto untouched = [](const std::vector<float>& values) { return values == std::vector<float>(values.size(), 7); };
    EXPECT_TRUE(untouched(loss) && untouched(grad) && untouched(grad_observations) && untouched(grad_actions) && untouched(rewards));
    EXPECT_TRUE(untouched(predicted) && untouched(predicted_mean) && untouched(predicted_std));
  }
};

void refused(void (Call::*run)(), ErrorCode code, const std::string& message, const std::function<void(Call&)>& spoil) {
  Call call;
  spoil(call);
  testing::expect_error(code, message, [&] { (call.*run)(); });
  call.expect_untouched();
}
void train_refused(ErrorCode code, const std::string& message, const std::function<void(Call&)>& spoil) { refused(&Call::train, code, message, spoil); }
void predict_refused(ErrorCode code, const std::string& message, const std::function<void(Call&)>& spoil) { refused(&Call::predict, code, message, spoil); }
void both_refused(ErrorCode code, const std::string& message, const std::function<void(Call&)>& spoil) {
  train_refused(code, message, spoil);
  predict_refused(code, message, spoil);
}

TEST(MlpErrors, LegalCallsPass) {
  Call call;
  EXPECT_NO_THROW(call.train());
  EXPECT_NO_THROW(call.predict());
  EXPECT_NE(call.loss[0], 7.0f);
  EXPECT_NE(call.predicted[0], 7.0f);
}

TEST(MlpErrors, Architecture) {
  both_refused(invalid, "feature_dim = 16385 is outside [1, 16384]", [](Call& c) { c.architecture.feature_dim = 16385; });
  both_refused(invalid, "hidden[0] = 1025 is outside [1, 1024]", [](Call& c) { c.architecture.hidden[0] = 1025; });
  both_refused(invalid, "hidden has 5 layers; 0 to 4 are supported", [](Call& c) { c.architecture.hidden = {1, 1, 1, 1, 1}; });
  both_refused(invalid, "num_members = 33 is outside [1, 32]", [](Call& c) { c.architecture.num_members = 33; });
}

TEST(MlpErrors, Parameters) {
  both_refused(invalid, "parameters is missing", [](Call& c) { c.parameters_view = {}; });
  both_refused(invalid, "parameters is null with shape [42]", [](Call& c) { c.parameters_view.data = nullptr; });
  both_refused(invalid, "parameters has shape [41]; it must be [num_parameters] = [42]", [](Call& c) { c.parameters_view.shape[0] = 41; });
  both_refused(invalid, "parameters is strided [2]; it must be contiguous in row-major order", [](Call& c) { c.parameters_view.strides[0] = 2; });
  both_refused(invalid, "parameters has a negative extent: shape [-1]", [](Call& c) { c.parameters_view.shape[0] = -1; });
  both_refused(invalid, "parameters is not aligned to its elements of 4 bytes",
               [](Call& c) { c.parameters_view.data = reinterpret_cast<const char*>(c.parameters.data()) + 1; });
  both_refused(wrong_type, "parameters has dtype bf16; it takes f32, f64", [](Call& c) { c.parameters_view.dtype = DType::bf16; });
}

TEST(MlpErrors, Features) {
  both_refused(invalid, "features is missing", [](Call& c) { c.features.first = {}; });
  both_refused(invalid, "features is null with shape [5, 2]", [](Call& c) { c.features.first.data = nullptr; });
  both_refused(invalid, "features has shape [10]; it must be [num_steps, feature_dim] = [any, any]", [](Call& c) { c.features.first = view(std::as_const(c.observations)); });
  both_refused(invalid, "features has stride 2 inside a row; elements of a row must be adjacent", [](Call& c) { c.features.first.strides[1] = 2; });
  both_refused(invalid, "features has row stride 1; rows of 2 elements would overlap", [](Call& c) { c.features.first.strides[0] = 1; });
  both_refused(invalid, "features: size 4611686018427387904 * 20 overflows 2^63", [](Call& c) { c.features.first.strides[0] = std::int64_t{1} << 62; });
  both_refused(invalid, "features: size 36028797018963968 * 256 overflows 2^63",
               [](Call& c) { c.features.first.shape = {std::int64_t{1} << 53, 256}; });
  both_refused(wrong_type, "features has dtype i64; it takes f32, f64, bf16, f16", [](Call& c) { c.features.first.dtype = DType::i64; });
  both_refused(wrong_type, "features lives on cuda:0 and parameters on the CPU: all tensors of a call live on one device",
               [](Call& c) { c.features.first.device.kind = Device::Kind::cuda; });
  both_refused(invalid, "features has shape [5, 2]; it must be [num_steps, feature_dim] = [any, 3]",
               [](Call& c) { c.features.second = {}, c.gradients.features_second = {}; });
  both_refused(invalid, "features have 2 + 0 columns; the model's feature_dim is 3", [](Call& c) { c.features.second.shape[1] = 0; });
  both_refused(invalid, "features.second has shape [4, 1]; it must be [num_steps, feature_dim - first] = [5, any]", [](Call& c) { c.features.second.shape[0] = 4; });
  both_refused(wrong_type, "features.second has dtype f16; it takes f32", [](Call& c) { c.features.second.dtype = DType::f16; });
}

TEST(MlpErrors, Standardisation) {
  both_refused(invalid, "features.mean and features.std come together", [](Call& c) { c.features.std = {}; });
  both_refused(invalid, "features.mean and features.std come together", [](Call& c) { c.features.mean = {}; });
  both_refused(invalid, "features.mean has shape [2]; it must be [feature_dim] = [3]", [](Call& c) { c.features.mean.shape[0] = 2; });
  both_refused(invalid, "features.mean[1] = inf must be finite", [](Call& c) { c.mean[1] = INFINITY; });
  both_refused(invalid, "features.std[2] = 0 must be finite and > 0", [](Call& c) { c.std[2] = 0; });
  both_refused(invalid, "features.std[0] = nan must be finite and > 0", [](Call& c) { c.std[0] = std::nanf(""); });
  both_refused(wrong_type, "features.std has dtype f64; it takes f32", [](Call& c) { c.features.std.dtype = DType::f64; });
}

TEST(MlpErrors, Batch) {
  train_refused(invalid, "offsets is missing (or begins and lengths)", [](Call& c) { c.batch.offsets = {}; });
  train_refused(invalid, "offsets[3] = 6 is outside [0, 5] (num_steps)", [](Call& c) { c.offsets[3] = 6; });
  train_refused(invalid, "pairs[1, second] = 3 is outside [0, 3) (num_segments)", [](Call& c) { c.pairs[3] = 3; });
  train_refused(invalid, "pair_order[0] = -1 is outside [0, 2) (num_pairs)", [](Call& c) { c.order[0] = -1; });
  train_refused(invalid, "pair_order has shape [1, 2]; it must be [num_batch_pairs] or [num_members, num_batch_pairs] = [2, any]",
                [](Call& c) { c.batch.pair_order = view(std::as_const(c.order).data(), {1, 2}); });
  train_refused(invalid, "labels is missing", [](Call& c) { c.batch.labels = {}; });
  train_refused(invalid, "labels[1] = nan is outside [0, 1]", [](Call& c) { c.labels[1] = std::nanf(""); });
  train_refused(invalid, "weights[0] = nan must be finite and >= 0", [](Call& c) { c.weights[0] = std::nanf(""); });
  train_refused(invalid, "weights has shape [3, 2]; it must be [num_pairs] or [num_members, num_pairs] = [2, 2]",
                [](Call& c) { c.batch.weights = view(std::as_const(c.weights).data(), {3, 2}); });
  train_refused(invalid, "margins[1] = -1 must be finite and >= 0", [](Call& c) { c.margins[1] = -1; });
  train_refused(wrong_type, "labels has dtype f64; it takes f32", [](Call& c) { c.batch.labels.dtype = DType::f64; });
  train_refused(wrong_type, "labels lives on cuda:0 and parameters on the CPU: all tensors of a call live on one device", [](Call& c) { c.batch.labels.device.kind = Device::Kind::cuda; });
}

TEST(MlpErrors, Options) {
  train_refused(invalid, "temperature = 0 must be finite and > 0", [](Call& c) { c.options.temperature = 0; });
  train_refused(invalid, "lapse = nan must be in [0, 1)", [](Call& c) { c.options.lapse = std::nan(""); });
  const auto with_ties = [](Call& c) {
    c.options.tie_model = TieModel::rao_kupper;
    c.options.tie_parameter = view(std::as_const(c.tie));
  };
  train_refused(invalid, "smoothing = 0.25 must be 0 with a tie model", [&](Call& c) { with_ties(c), c.options.smoothing = 0.25; });
  train_refused(invalid, "margins[1] = 0.5 must be 0 with a tie model", [&](Call& c) { with_ties(c), c.margins[1] = 0.5f; });
  train_refused(invalid, "tie_parameter[1] = -1 must be finite and > 0 (rao_kupper)", [&](Call& c) { with_ties(c), c.tie[1] = -1; });
  train_refused(invalid, "tie_parameter has shape [3]; it must be [1] or [num_members] = [2]", [&](Call& c) { with_ties(c), c.options.tie_parameter.shape[0] = 3; });
}

TEST(MlpErrors, Outputs) {
  train_refused(invalid, "loss has shape [1]; it must be [num_members] = [2]", [](Call& c) { c.result.loss.shape[0] = 1; });
  train_refused(invalid, "loss is the reduced loss, and reduction none has none: take loss_per_pair", [](Call& c) { c.options.reduction = Reduction::none; });
  train_refused(invalid, "grad_tie_parameter was asked for without a tie_model", [](Call& c) { c.result.grad_tie_parameter = view(c.loss); });
  train_refused(invalid, "gradients.parameters has shape [41]; it must be [num_parameters] = [42]", [](Call& c) { c.gradients.parameters.shape[0] = 41; });
  train_refused(wrong_type, "gradients.parameters has dtype f64; it takes f32", [](Call& c) { c.gradients.parameters.dtype = DType::f64; });
  train_refused(invalid, "gradients.features_first has shape [2, 5]; it must be the shape of features.first = [5, 2]",
                [](Call& c) { c.gradients.features_first = view(c.grad_observations.data(), {2, 5}); });
  train_refused(invalid, "gradients.features_first is strided [4, 1]; it must be contiguous in row-major order", [](Call& c) { c.gradients.features_first.strides[0] = 4; });
  train_refused(invalid, "gradients.features_second was asked for without features.second", [](Call& c) {
    c.features.second = {};
    c.features.first = view(std::as_const(c.observations).data(), {3, 3});
    c.offsets = {0, 1, 2, 3};
    c.gradients.features_first = {}, c.step_rewards = {};
  });
  train_refused(invalid, "step_rewards has shape [5, 2]; it must be [num_members, num_steps] = [2, 5]", [](Call& c) { c.step_rewards = view(c.rewards.data(), {5, 2}); });
}

TEST(PredictRewardsErrors, OutputsAndNormalization) {
  predict_refused(invalid, "members has shape [1, 5]; it must be [num_members, num_steps] = [2, 5]", [](Call& c) { c.prediction.members.shape[0] = 1; });
  predict_refused(invalid, "mean has shape [4]; it must be [num_steps] = [5]", [](Call& c) { c.prediction.mean.shape[0] = 4; });
  predict_refused(invalid, "std is null with shape [5]", [](Call& c) { c.prediction.std.data = nullptr; });
  predict_refused(wrong_type, "mean has dtype f64; it takes f32", [](Call& c) { c.prediction.mean.dtype = DType::f64; });
  predict_refused(invalid, "normalization.shift and normalization.scale come together", [](Call& c) { c.normalization.scale = {}; });
  predict_refused(invalid, "normalization.shift has shape [1]; it must be [num_members] = [2]", [](Call& c) { c.normalization.shift.shape[0] = 1; });
  predict_refused(wrong_type, "normalization.scale has dtype f64; it takes f32", [](Call& c) { c.normalization.scale.dtype = DType::f64; });
  if (!cpu::has_bf16_dot_product()) predict_refused(unsupported, no_bf16(), [](Call& c) { c.compute = Compute::bf16; });
}

// Plans

PreferenceCapacity capacity_of_call() { return {2, 5, 3, 2, 2, 0, DType::f32}; }

void plan_refused(const std::string& message, const std::function<void(PreferenceCapacity&)>& change) {
  PreferenceCapacity capacity = capacity_of_call();
  change(capacity);
  Call call;
  const MlpLossPlan plan(call.architecture, capacity, 1);
  const OwnedWorkspace workspace(plan.workspace_bytes());
  testing::expect_error(invalid, message, [&] { call.train(plan, workspace.get()); });
  call.expect_untouched();
}

TEST(MlpPlanErrors, ABatchBeyondTheCapacityIsRefused) {
  plan_refused("num_steps = 5 is more than the plan's capacity 4", [](PreferenceCapacity& c) { c.num_steps = 4; });
  plan_refused("num_segments = 3 is more than the plan's capacity 2", [](PreferenceCapacity& c) { c.num_segments = 2; });
  plan_refused("num_pairs = 2 is more than the plan's capacity 1", [](PreferenceCapacity& c) { c.num_pairs = 1; });
  plan_refused("num_batch_pairs = 2 is more than the plan's capacity 1", [](PreferenceCapacity& c) { c.num_batch_pairs = 1; });
  plan_refused("the pairs of this call cover more than 4 steps (num_batch_steps of the plan)", [](PreferenceCapacity& c) { c.num_batch_steps = 4; });
}

TEST(MlpPlanErrors, AWiderCallThanThePlanIsRefused) {
  Call call;
  const MlpLossPlan plan(call.architecture, capacity_of_call(), 1);
  const OwnedWorkspace workspace(plan.workspace_bytes());
  const std::vector<double> parameters(call.parameters.begin(), call.parameters.end());
  call.parameters_view = view(parameters);
  call.result = {}, call.gradients = {}, call.step_rewards = {};
  testing::expect_error(wrong_type, "the plan was made for f32; this call has f64", [&] { call.train(plan, workspace.get()); });
}

TEST(MlpPlanErrors, WorkspaceMustBeThereLargeEnoughAndAligned) {
  Call call;
  const MlpLossPlan plan(call.architecture, capacity_of_call(), 2);
  const OwnedWorkspace owned(plan.workspace_bytes() + 64);
  const std::size_t needed = plan.workspace_bytes();
  const auto refuse = [&](const std::string& message, Workspace workspace, int num_threads = 1) {
    testing::expect_error(invalid, message, [&] { call.train(plan, workspace, num_threads); });
    call.expect_untouched();
  };
  refuse("workspace has " + std::to_string(needed - 1) + " bytes; the plan needs " + std::to_string(needed), owned.get().first(needed - 1));
  refuse("workspace has 0 bytes; the plan needs " + std::to_string(needed), {});
  refuse("workspace must be aligned to 64 bytes", owned.get().subspan(32, needed));
  refuse("the context has 3 threads; the plan was made for 2", owned.get(), 3);
  call.train(plan, owned.get(), 2);
  EXPECT_NE(call.loss[0], 7.0f);
}

TEST(MlpPlanErrors, APlanIsCheckedWhenItIsMade) {
  const RewardArchitecture architecture = Call().architecture;
  const auto refuse = [&](const std::string& message, const std::function<void(PreferenceCapacity&)>& change, ErrorCode code = invalid) {
    PreferenceCapacity capacity = capacity_of_call();
    change(capacity);
    testing::expect_error(code, message, [&] { MlpLossPlan(architecture, capacity, 1); });
  };
  refuse("capacity.num_steps = -1 is outside [0, 281474976710656]", [](PreferenceCapacity& c) { c.num_steps = -1; });
  refuse("capacity.num_members = 33 is outside [1, 32]", [](PreferenceCapacity& c) { c.num_members = 33; });
  refuse("capacity.num_batch_steps = -1 is outside [0, 281474976710656]", [](PreferenceCapacity& c) { c.num_batch_steps = -1; });
  refuse("capacity.dtype is an integer type; rewards and features are f32, f64, bf16 or f16", [](PreferenceCapacity& c) { c.dtype = DType::i32; }, wrong_type);
  testing::expect_error(invalid, "num_threads = 0 is outside [1, 1024]", [&] { MlpLossPlan(architecture, capacity_of_call(), 0); });
  const auto plan_bf16 = [&] { MlpLossPlan(architecture, capacity_of_call(), 1, Compute::bf16); };
  if (cpu::has_bf16_dot_product()) EXPECT_NO_THROW(plan_bf16());
  else testing::expect_error(unsupported, no_bf16(), plan_bf16);
  testing::expect_error(unsupported, "compute tf32 runs on CUDA devices only: use standard", [&] { MlpLossPlan(architecture, capacity_of_call(), 1, Compute::tf32); });
  testing::expect_error(unsupported, "compute f16 runs on CUDA devices only: use standard", [&] { MlpLossPlan(architecture, capacity_of_call(), 1, Compute::f16); });
}

}  // namespace
}  // namespace segpref
