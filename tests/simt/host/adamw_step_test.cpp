// The public adamw_step on tensors of a CUDA device: its results, and what the contract promises of streams, graphs, devices and errors.
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "segpref/adamw.hpp"
#include "segpref/context.hpp"
#include "segpref/error.hpp"
#include "segpref/segpref.h"
#include "tests/simt/cuda_runtime/failures.hpp"
#include "tests/simt/host/device_call.hpp"
#include "tests/support/expect_error.hpp"

namespace segpref::simt {
namespace {

/// Parameters, gradients and moments of one optimiser, on the CPU.
template <typename Real>
struct HostState {
  std::vector<Real> parameters, gradients, first, second;

  explicit HostState(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
      const Real x = static_cast<Real>(i);
      parameters.push_back(Real(1) - x / 8);
      gradients.push_back(x / 16 - Real(0.3));
      first.push_back(x / 1024);
      second.push_back(x / 4096);
    }
  }
  void step(std::int64_t number, const AdamWOptions& options) {
    adamw_step(Context(1), view(parameters), view(std::as_const(gradients)), view(first), view(second), number, options);
  }
  friend bool operator==(const HostState&, const HostState&) = default;
};

/// The same, where the number lies beside the parameters.
template <typename Real>
void counted_step(HostState<Real>& state, std::int64_t& number, const AdamWOptions& options) {
  adamw_step(Context(1), view(state.parameters), view(std::as_const(state.gradients)), view(state.first), view(state.second), view(&number, {1}), options);
}

/// The same on a device.
template <typename Real>
struct DeviceState {
  Buffer<Real> parameters, gradients, first, second;
  int device;

  explicit DeviceState(const HostState<Real>& host, int device = 0)
      : parameters(host.parameters), gradients(host.gradients), first(host.first), second(host.second), device(device) {}
  void step(const Context& context, std::int64_t number, const AdamWOptions& options = {}) const {
    adamw_step(context, on_device(parameters, device), on_device(gradients, device), on_device(first, device), on_device(second, device), number, options);
  }
  void counted_step(const Context& context, const Buffer<std::int64_t>& number, const AdamWOptions& options = {}) const {
    adamw_step(context, on_device(parameters, device), on_device(gradients, device), on_device(first, device), on_device(second, device), on_device(number, device), options);
  }
  HostState<Real> to_host() const {
    HostState<Real> host(0);
    host.parameters = parameters.to_host();
    host.gradients = gradients.to_host();
    host.first = first.to_host();
    host.second = second.to_host();
    return host;
  }
};

Context context_on(const Stream& stream) { return Context(1).on_stream(stream.get()); }

template <typename Real>
class AdamWStepOfType : public ::testing::Test {};
using Reals = ::testing::Types<float, double>;
TYPED_TEST_SUITE(AdamWStepOfType, Reals);

TYPED_TEST(AdamWStepOfType, GivesTheBitsOfTheCpu) {
  const Stream stream;
  for (const bool decoupled : {true, false})
    for (const std::size_t n : {0, 1, 3, 4, 5, 1023, 1024, 1025}) {
      AdamWOptions options;
      options.weight_decay = 0.01;
      options.decoupled = decoupled;
      HostState<TypeParam> host(n);
      const DeviceState<TypeParam> state(host);
      for (std::int64_t number = 1; number <= 2; ++number) {
        host.step(number, options);
        state.step(context_on(stream), number, options);
      }
      stream.wait();
      EXPECT_EQ(state.to_host(), host) << n << " parameters, decoupled " << decoupled;
    }
}

TEST(AdamWStep, RunsOnTheCallersStreamAndWaitsForNothing) {
  const Stream stream, other;
  HostState<float> host(70);
  const DeviceState<float> state(host);
  state.step(context_on(stream), 1);
  EXPECT_EQ(num_pending_operations(), 1u);
  EXPECT_FALSE(stream.is_idle());
  EXPECT_TRUE(other.is_idle());
  EXPECT_EQ(state.to_host(), host) << "nothing has run yet";
  stream.wait();
  host.step(1, {});
  EXPECT_EQ(state.to_host(), host);
}

TEST(AdamWStep, WithoutAStreamTheLegacyDefaultStreamIsMeant) {
  const DeviceState<float> state(HostState<float>(5));
  EXPECT_THROW(state.step(Context(1), 1), simt::Error);  // which the modelled device does not have, so that no test uses it unawares
}

TEST(AdamWStep, NoParametersEnqueueNothing) {
  const Stream stream;
  DeviceState<float>(HostState<float>(0)).step(context_on(stream), 1);
  EXPECT_EQ(num_pending_operations(), 0u);
}

TEST(AdamWStep, IsCapturedInAGraphAndReplayed) {
  const Stream stream;
  HostState<float> host(33);
  const DeviceState<float> state(host);
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  ASSERT_EQ(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeGlobal), cudaSuccess);
  state.step(context_on(stream), 3);
  ASSERT_EQ(cudaStreamEndCapture(stream.get(), &graph), cudaSuccess) << "something waited or allocated";
  EXPECT_EQ(num_pending_operations(), 0u);
  ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
  for (int replay = 0; replay < 2; ++replay) {
    ASSERT_EQ(cudaGraphLaunch(executable, stream.get()), cudaSuccess);
    host.step(3, {});
  }
  stream.wait();
  EXPECT_EQ(state.to_host(), host);
  cudaGraphExecDestroy(executable);
  cudaGraphDestroy(graph);
}

TYPED_TEST(AdamWStepOfType, CountedOnTheDeviceGivesTheBitsOfTheCpu) {
  const Stream stream;
  for (const bool decoupled : {true, false})
    for (const std::size_t n : {0, 5, 1025}) {
      AdamWOptions options;
      options.weight_decay = 0.01;
      options.decoupled = decoupled;
      HostState<TypeParam> host(n);
      const DeviceState<TypeParam> state(host);
      std::int64_t number = 998;
      const Buffer<std::int64_t> on_device(std::vector<std::int64_t>{number});
      for (int call = 0; call < 3; ++call) {
        counted_step(host, number, options);
        state.counted_step(context_on(stream), on_device, options);
      }
      stream.wait();
      EXPECT_EQ(state.to_host(), host) << n << " parameters, decoupled " << decoupled;
      EXPECT_EQ(number, 1001);
      EXPECT_EQ(on_device.to_host()[0], 1001);
    }
}

TEST(AdamWStep, CountedInAGraphTakesTheNextStepAtEveryReplay) {
  const Stream stream;
  HostState<float> host(33);
  const DeviceState<float> state(host);
  const Buffer<std::int64_t> number(std::vector<std::int64_t>{1});
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  ASSERT_EQ(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeGlobal), cudaSuccess);
  state.counted_step(context_on(stream), number);
  ASSERT_EQ(cudaStreamEndCapture(stream.get(), &graph), cudaSuccess) << "something waited or allocated";
  ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
  for (std::int64_t replay = 1; replay <= 3; ++replay) {
    ASSERT_EQ(cudaGraphLaunch(executable, stream.get()), cudaSuccess);
    host.step(replay, {});
  }
  stream.wait();
  EXPECT_EQ(state.to_host(), host);
  EXPECT_EQ(number.to_host()[0], 4);
  cudaGraphExecDestroy(executable);
  cudaGraphDestroy(graph);
}

/// The error of a step that fails.
template <typename Step>
void expect_failure(ErrorCode code, const std::string& begin, const std::string& end, Step step) {
  try {
    step();
    ADD_FAILURE() << "accepted; expected: " << begin;
  } catch (const segpref::Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << message;
    EXPECT_EQ(message.substr(0, begin.size()), begin);
    EXPECT_GE(message.size(), end.size());
    EXPECT_EQ(message.substr(message.size() - std::min(message.size(), end.size())), end);
  }
  EXPECT_EQ(num_pending_operations(), 0u);
}

TEST(AdamWStep, AFailedLaunchNamesItsPlaceAndLeavesNoErrorBehind) {
  const Stream stream;
  HostState<float> host(9);
  const DeviceState<float> state(host);
  const auto fails_with = [&](cudaError_t code, ErrorCode expected, const std::string& end) {
    fail_next_launch(code);
    expect_failure(expected, "host/cuda_backend/with_cuda/adamw.cpp:", end, [&] { state.step(context_on(stream), 1); });
    EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
  };
  fails_with(cudaErrorInvalidConfiguration, ErrorCode::device_failed,
             "launch_adamw failed: cudaErrorInvalidConfiguration (cudaErrorInvalidConfiguration)");
  fails_with(cudaErrorIllegalAddress, ErrorCode::device_failed,
             "launch_adamw failed: cudaErrorIllegalAddress (cudaErrorIllegalAddress); the device needs a new process");
  fails_with(cudaErrorMemoryAllocation, ErrorCode::out_of_memory, "launch_adamw failed: cudaErrorMemoryAllocation (cudaErrorMemoryAllocation)");
  state.step(context_on(stream), 1);
  stream.wait();
  host.step(1, {});
  EXPECT_EQ(state.to_host(), host);
}

TEST(AdamWStep, RunsOnTheDeviceOfItsTensorsAndRestoresTheCurrentOne) {
  const Stream on_1(1);
  HostState<float> host(12);
  const DeviceState<float> state(host, 1);
  state.step(context_on(on_1), 1);
  int current = -1;
  EXPECT_EQ(cudaGetDevice(&current), cudaSuccess);
  EXPECT_EQ(current, 0);
  on_1.wait();
  host.step(1, {});
  EXPECT_EQ(state.to_host(), host);

  fail_next_launch(cudaErrorInvalidConfiguration);
  EXPECT_THROW(state.step(context_on(on_1), 2), segpref::Error);
  EXPECT_EQ(cudaGetDevice(&current), cudaSuccess);
  EXPECT_EQ(current, 0);
}

TEST(AdamWStep, AStreamOfAnotherDeviceIsAnError) {
  const Stream on_1(1);
  const DeviceState<float> state(HostState<float>(4), 0);
  expect_failure(ErrorCode::device_failed, "host/cuda_backend/with_cuda/adamw.cpp:", "(cudaErrorInvalidResourceHandle)", [&] { state.step(context_on(on_1), 1); });
}

TEST(AdamWStep, RefusesTensorsOfSeveralDevicesAndDevicesThatDoNotExist) {
  const Stream stream;
  const Buffer<float> p(4, 1.0f), g(4, 1.0f), m(4, 0.0f), v(4, 0.0f);
  const auto step = [&](int parameters, int gradients) {
    return [&, parameters, gradients] { adamw_step(context_on(stream), on_device(p, parameters), on_device(g, gradients), on_device(m), on_device(v), 1, {}); };
  };
  expect_failure(ErrorCode::invalid_type, "gradients lives on cuda:1 and parameters on cuda:0: all tensors of a call live on one device", "", step(0, 1));
  expect_failure(ErrorCode::invalid_argument, "parameters lives on cuda:2, which does not exist: this process has 2 CUDA devices", "", step(2, 2));
  expect_failure(ErrorCode::invalid_argument, "parameters lives on cuda:-1, which does not exist: this process has 2 CUDA devices", "", step(-1, -1));
  expect_failure(ErrorCode::invalid_argument, "beta1 = 1 must be in [0, 1)", "", [&] {
    AdamWOptions options;
    options.beta1 = 1;
    DeviceState<float>(HostState<float>(4)).step(context_on(stream), 1, options);
  });
}

TEST(AdamWStep, ACountedStepEndsWithTheLaunchThatFails) {
  const Stream stream;
  const DeviceState<float> state(HostState<float>(9));
  const Buffer<std::int64_t> number(1, 1);
  for (int num_good = 0; num_good < 2; ++num_good) {
    fail_launch_after(num_good, cudaErrorInvalidConfiguration);
    try {
      state.counted_step(context_on(stream), number);
      ADD_FAILURE() << "accepted";
    } catch (const segpref::Error& error) {
      EXPECT_NE(std::string(error.what()).find("launch_counted_adamw failed: cudaErrorInvalidConfiguration"), std::string::npos) << error.what();
    }
    EXPECT_EQ(num_pending_operations(), static_cast<std::size_t>(num_good));
    stream.wait();
    EXPECT_EQ(number.to_host()[0], 1) << "the step is not counted";
  }
}

TEST(AdamWStep, ACountedStepRefusesNumbersOfOtherDevicesTypesAndShapes) {
  const Stream stream;
  const DeviceState<float> state(HostState<float>(4));
  const Buffer<std::int64_t> number(std::vector<std::int64_t>{1, 1});
  const Buffer<std::int32_t> narrow(std::vector<std::int32_t>{1});
  const auto step = [&](const TensorView& of) {
    return [&state, &stream, of] { adamw_step(context_on(stream), on_device(state.parameters), on_device(state.gradients), on_device(state.first), on_device(state.second), of, {}); };
  };
  std::int64_t on_host = 1;
  expect_failure(ErrorCode::invalid_type, "step lives on the CPU and parameters on cuda:0", "", step(view(&on_host, {1})));
  expect_failure(ErrorCode::invalid_type, "step has dtype i32; it takes i64", "", step(on_device(narrow)));
  expect_failure(ErrorCode::invalid_argument, "step has shape [2]; it must be [1]", "", step(on_device(number)));
  expect_failure(ErrorCode::invalid_argument, "step is missing", "", step({}));
}

TEST(AdamWStep, ACountedStepChecksItsNumberWhereTheContextAsksForIt) {
  const Stream stream;
  HostState<float> host(4);
  const DeviceState<float> state(host);
  const Context context = context_on(stream).checking_values();
  const auto refused = [&](std::int64_t value) {
    const Buffer<std::int64_t> number(std::vector<std::int64_t>{value});
    testing::expect_error(ErrorCode::invalid_argument, "step[0] = " + std::to_string(value) + " must be >= 1 and <= 9223372036854775806 (the first step is 1)",
                          [&] { state.counted_step(context, number); });
    stream.wait();
    EXPECT_EQ(number.to_host()[0], value);
  };
  refused(0);
  refused(-3);
  refused(std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(state.to_host(), host);
  const Buffer<std::int64_t> number(std::vector<std::int64_t>{1});
  state.counted_step(context, number);
  stream.wait();
  host.step(1, {});
  EXPECT_EQ(state.to_host(), host);
}

TEST(AdamWStep, ReachesTheDeviceThroughTheCAbi) {
  const Stream stream;
  HostState<float> host(6);
  const DeviceState<float> state(host);
  std::int64_t shape[1] = {6};
  const auto tensor = [&](const Buffer<float>& buffer) { return DLTensor{buffer.get(), {kDLCUDA, 0}, 1, {kDLFloat, 32, 1}, shape, nullptr, 0}; };
  const DLTensor p = tensor(state.parameters), g = tensor(state.gradients), m = tensor(state.first), v = tensor(state.second);
  segpref_context* context = nullptr;
  ASSERT_EQ(segpref_context_create(1, &context), SEGPREF_OK);
  ASSERT_EQ(segpref_context_set_stream(context, stream.get()), SEGPREF_OK);
  EXPECT_EQ(segpref_adamw_step(context, &p, &g, &m, &v, 1, nullptr), SEGPREF_OK) << segpref_last_error();
  EXPECT_EQ(num_pending_operations(), 1u);
  stream.wait();
  host.step(1, {});
  EXPECT_EQ(state.to_host(), host);

  const Buffer<std::int64_t> number(std::vector<std::int64_t>{2});
  std::int64_t one[1] = {1};
  const DLTensor n{number.get(), {kDLCUDA, 0}, 1, {kDLInt, 64, 1}, one, nullptr, 0};
  EXPECT_EQ(segpref_adamw_counted_step(context, &p, &g, &m, &v, &n, nullptr), SEGPREF_OK) << segpref_last_error();
  EXPECT_EQ(num_pending_operations(), 2u) << "the step, and the number that is advanced";
  stream.wait();
  host.step(2, {});
  EXPECT_EQ(state.to_host(), host);
  EXPECT_EQ(number.to_host()[0], 3);

  fail_next_launch(cudaErrorIllegalAddress);
  EXPECT_EQ(segpref_adamw_step(context, &p, &g, &m, &v, 2, nullptr), SEGPREF_DEVICE_FAILED);
  EXPECT_NE(std::string(segpref_last_error()).find("the device needs a new process"), std::string::npos) << segpref_last_error();
  segpref_context_destroy(context);
}

}  // namespace
}  // namespace segpref::simt
