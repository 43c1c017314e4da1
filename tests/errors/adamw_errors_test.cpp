#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "host/device/device.hpp"
#include "segpref/adamw.hpp"

namespace segpref {
namespace {

struct Call {
  std::vector<float> p = std::vector<float>(4, 1), m = p, v = p;
  std::vector<float> g = p;
  TensorView parameters = view(p), first = view(m), second = view(v);
  ConstTensorView gradients = view(g);
  std::int64_t step = 1;
  std::int64_t number = 3;               ///< of a counted call
  TensorView counter = view(&number, {1});
  AdamWOptions options;
};

void run_numbered(Call& c) { adamw_step(Context(1), c.parameters, c.gradients, c.first, c.second, c.step, c.options); }
void run_counted(Call& c) { adamw_step(Context(1), c.parameters, c.gradients, c.first, c.second, c.counter, c.options); }

void expect_refused_by(void (*run)(Call&), const std::function<void(Call&)>& spoil, ErrorCode code, const std::string& message) {
  Call call;
  spoil(call);
  const std::int64_t number = call.number;
  try {
    run(call);
    ADD_FAILURE() << "accepted; expected: " << message;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
  }
  EXPECT_EQ(call.p, std::vector<float>(4, 1));
  EXPECT_EQ(call.m, std::vector<float>(4, 1));
  EXPECT_EQ(call.number, number);
}

void expect_refused(const std::function<void(Call&)>& spoil, ErrorCode code, const std::string& message) { expect_refused_by(run_numbered, spoil, code, message); }

TEST(AdamWErrors, EveryRuleIsNamed) {
  const auto argument = ErrorCode::invalid_argument;
  expect_refused([](Call& c) { c.step = 0; }, argument, "step = 0 must be >= 1");
  expect_refused([](Call& c) { c.options.beta1 = 1; }, argument, "beta1 = 1 must be in [0, 1)");
  expect_refused([](Call& c) { c.options.beta2 = -0.1; }, argument, "beta2 = -0.1 must be in [0, 1)");
  expect_refused([](Call& c) { c.options.epsilon = 0; }, argument, "epsilon = 0 must be finite and > 0");
  expect_refused([](Call& c) { c.options.learning_rate = std::nan(""); }, argument, "learning_rate = nan must be finite and >= 0");
  expect_refused([](Call& c) { c.options.weight_decay = -1; }, argument, "weight_decay = -1 must be finite and >= 0");
  expect_refused([](Call& c) { c.parameters = {}; }, argument, "parameters is missing");
  expect_refused([](Call& c) { c.first.shape[0] = 3; }, argument, "first_moment has shape [3]");
  expect_refused([](Call& c) { c.gradients.data = nullptr; }, argument, "gradients is null");
  expect_refused([](Call& c) { c.second.strides[0] = 2; }, argument, "second_moment is strided");
  expect_refused([](Call& c) { c.gradients.dtype = DType::f16; }, ErrorCode::invalid_type, "gradients has dtype f16; it takes f32");
  expect_refused([](Call& c) { c.parameters.dtype = DType::bf16; }, ErrorCode::invalid_type, "parameters has dtype bf16; it takes f32, f64");
}

TEST(AdamWErrors, EveryRuleOfACountedStepIsNamed) {
  const auto refused = [](const std::function<void(Call&)>& spoil, ErrorCode code, const std::string& message) { expect_refused_by(run_counted, spoil, code, message); };
  const auto argument = ErrorCode::invalid_argument;
  refused([](Call& c) { c.number = 0; }, argument, "step[0] = 0 must be >= 1 and <= 9223372036854775806 (the first step is 1)");
  refused([](Call& c) { c.number = std::numeric_limits<std::int64_t>::max(); }, argument, "step[0] = 9223372036854775807 must be >= 1 and <= 9223372036854775806");
  refused([](Call& c) { c.counter = {}; }, argument, "step is missing");
  refused([](Call& c) { c.counter.shape[0] = 2; }, argument, "step has shape [2]; it must be [1]");
  refused([](Call& c) { c.counter.dtype = DType::i32; }, ErrorCode::invalid_type, "step has dtype i32; it takes i64");
  refused([](Call& c) { c.counter.data = nullptr; }, argument, "step is null");
  refused([](Call& c) { c.counter.device.kind = Device::Kind::cuda; }, ErrorCode::invalid_type, "step lives on cuda:0 and parameters on the CPU");
  refused([](Call& c) { c.options.beta1 = 1; }, argument, "beta1 = 1 must be in [0, 1)");
  refused([](Call& c) { c.gradients.dtype = DType::f16; }, ErrorCode::invalid_type, "gradients has dtype f16; it takes f32");
}

TEST(AdamWErrors, TensorsLiveOnOneDevice) {
  expect_refused([](Call& c) { c.gradients.device.kind = Device::Kind::cuda; }, ErrorCode::invalid_type,
                 "gradients lives on cuda:0 and parameters on the CPU: all tensors of a call live on one device");
  expect_refused([](Call& c) { c.second.device = {Device::Kind::cuda, 1}; }, ErrorCode::invalid_type, "second_moment lives on cuda:1 and parameters on the CPU");
}

TEST(AdamWErrors, ADeviceThatIsNotThereIsNamed) {
  const auto on_device_4096 = [](Call& c) { c.parameters.device = {Device::Kind::cuda, 4096}; };
  const device::Driver& driver = device::driver();
  if (!driver.built_with_cuda)
    expect_refused(on_device_4096, ErrorCode::unsupported, "parameters lives on a CUDA device: this segpref was built without CUDA");
  else if (driver.num_devices == 0)
    expect_refused(on_device_4096, ErrorCode::unsupported, "parameters lives on cuda:4096: " + driver.problem);
  else
    expect_refused(on_device_4096, ErrorCode::invalid_argument, "parameters lives on cuda:4096, which does not exist");
}

}  // namespace
}  // namespace segpref
