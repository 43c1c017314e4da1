#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "segpref/reward_linear.hpp"

namespace segpref {
namespace {

struct Call {
  std::vector<float> x = std::vector<float>(12, 1), w = std::vector<float>(3, 1), b = {0}, labels = {1}, grad = {7, 7, 7}, grad_b = {7};
  std::vector<float> grad_x = std::vector<float>(12, 7), rewards = std::vector<float>(4, 7);
  std::vector<std::int64_t> offsets = {0, 2, 4};
  LinearHead head{view(std::as_const(w).data(), {1, 3}), view(std::as_const(b))};
  ConstTensorView features = view(std::as_const(x).data(), {4, 3});
  LinearGradients gradients{view(grad.data(), {1, 3}), view(grad_b), view(grad_x.data(), {4, 3})};
  TensorView step_rewards = view(rewards.data(), {1, 4});
  PreferenceBatch batch;
  Call() {
    batch.offsets = view(std::as_const(offsets));
    batch.labels = view(std::as_const(labels));
  }
  void run() { linear_preference_loss(Context(1), head, features, batch, {}, {}, gradients, step_rewards); }
};

void expect_refused(const std::function<void(Call&)>& spoil, ErrorCode code, const std::string& message) {
  Call call;
  spoil(call);
  try {
    call.run();
    ADD_FAILURE() << "accepted; expected: " << message;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
  }
  EXPECT_EQ(call.grad, std::vector<float>(3, 7));
  EXPECT_EQ(call.rewards, std::vector<float>(4, 7));
}

PreferenceCapacity capacity_of_call() {
  PreferenceCapacity capacity;
  capacity.num_steps = 4;
  capacity.num_segments = 2;
  capacity.num_pairs = 1;
  return capacity;
}

TEST(LinearLossErrors, EveryRuleIsNamed) {
  const auto argument = ErrorCode::invalid_argument, type = ErrorCode::invalid_type;
  EXPECT_NO_THROW(Call().run());
  expect_refused([](Call& c) { c.features = {}; }, argument, "features is missing");
  expect_refused([](Call& c) { c.features.shape[1] = 0; }, argument, "feature_dim = 0 is outside [1, 16384]");
  expect_refused([](Call& c) { c.features.strides[0] = 2; }, argument, "features has row stride 2");
  expect_refused([](Call& c) { c.features.strides[1] = 2; }, argument, "features has stride 2 inside a row");
  expect_refused([](Call& c) { c.features.dtype = DType::i32; }, type, "features has dtype i32");
  expect_refused([](Call& c) { c.head.weight = {}; }, argument, "weight is missing");
  expect_refused([](Call& c) { c.head.weight.shape[1] = 2; }, argument, "weight has shape [1, 2]");
  expect_refused([](Call& c) { c.head.weight.dtype = DType::bf16; }, type, "weight has dtype bf16; it takes f32");
  expect_refused([](Call& c) { c.head.weight.shape[0] = 33; }, argument, "weight has 33 members; 1 to 32 are supported");
  expect_refused([](Call& c) { c.head.bias.shape[0] = 2; }, argument, "bias has shape [2]");
  expect_refused([](Call& c) { c.head.bias = {}; }, argument, "grad bias was asked for without a bias");
  expect_refused([](Call& c) { c.gradients.weight.shape[1] = 2; }, argument, "grad weight has shape [1, 2]");
  expect_refused([](Call& c) { c.gradients.features.dtype = DType::bf16; }, type, "grad features has dtype bf16; it takes f32");
  expect_refused([](Call& c) { c.gradients.features.shape[0] = 3; }, argument, "grad features has shape [3, 3]");
  expect_refused([](Call& c) { c.step_rewards.shape[1] = 3; }, argument, "step_rewards has shape [1, 3]");
  expect_refused([](Call& c) { c.offsets[2] = 5; }, argument, "offsets");
}

TEST(LinearLossErrors, AWiderCallThanThePlanIsRefused) {
  Call call;
  const LinearLossPlan plan(capacity_of_call(), 2);
  try {
    linear_preference_loss(Context(1), plan, call.head, call.features, call.batch, {}, {}, call.gradients, call.step_rewards, {});
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "feature_dim = 3 is more than the plan's capacity 2");
  }
}

// Found by the fuzzer: without segments the scratch of the gradients is empty, which must not read as "no gradient was asked for".
TEST(LinearLossErrors, GradientsOfNoSegmentsAreZero) {
  Call call;
  call.offsets = {0};
  call.labels.clear();
  call.batch.offsets = view(std::as_const(call.offsets));
  call.batch.labels = view(std::as_const(call.labels));
  call.run();
  EXPECT_EQ(call.grad, std::vector<float>(3, 0));
  EXPECT_EQ(call.grad_b, std::vector<float>(1, 0));
  EXPECT_EQ(call.grad_x, std::vector<float>(12, 0));
}

TEST(LinearLossErrors, APlanNamesAWidthOverTheLimit) {
  EXPECT_THROW(LinearLossPlan(capacity_of_call(), 16385), Error);
}

}  // namespace
}  // namespace segpref
