// Launches that are refused, devices that break, and several devices: what public calls say, and what they leave behind.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <regex>
#include <string>

#include "segpref/adamw.hpp"
#include "segpref/error.hpp"
#include "segpref/preference_loss.hpp"
#include "segpref/query_scores.hpp"
#include "tests/simt/cuda_runtime/failures.hpp"
#include "tests/simt/host/device_call.hpp"

namespace segpref::simt {
namespace {

Device cuda(int index) { return {Device::Kind::cuda, index}; }
Context context_on(const Stream& stream) { return Context(1).on_stream(stream.get()); }

/// Two pairs of three overlapping windows, discounted: the call with the most launches.
struct Call {
  int device;
  Buffer<float> rewards{std::vector<float>{0.5f, -1, 2, 0.25f, 1, -0.5f}}, labels{std::vector<float>{1, 0}}, loss{1}, grad{6};
  Buffer<std::int32_t> begins{std::vector<std::int32_t>{3, 0, 1}}, lengths{std::vector<std::int32_t>{3, 2, 4}}, pairs{std::vector<std::int32_t>{0, 1, 2, 0}};
  PreferenceLossPlan plan;
  Buffer<std::byte> memory;

  explicit Call(int device = 0) : device(device), plan(capacity_on(device)), memory(plan.workspace_bytes()) {}
  static PreferenceCapacity capacity_on(int device) {
    PreferenceCapacity capacity{1, 6, 3, 2, 0, 0, DType::f32};
    capacity.device = cuda(device);
    return capacity;
  }
  PreferenceBatch batch() const {
    PreferenceBatch batch;
    batch.begins = on_device(begins, device);
    batch.lengths = on_device(lengths, device);
    batch.pairs = view(static_cast<const std::int32_t*>(pairs.get()), {2, 2}, cuda(device));
    batch.labels = on_device(labels, device);
    return batch;
  }
  static PreferenceOptions options() {
    PreferenceOptions options;
    options.discount = 0.5;
    return options;
  }
  PreferenceResult result() const {
    PreferenceResult result;
    result.loss = on_device(loss, device);
    return result;
  }
  void run(const Context& context) const { run(context, plan); }
  void run(const Context& context, const PreferenceLossPlan& with) const {
    preference_loss(context, with, on_device(rewards, device), batch(), options(), result(), on_device(grad, device), {memory.get(), memory.size()});
  }
  void run_in_own_workspace(const Context& context) const { preference_loss(context, on_device(rewards, device), batch(), options(), result(), on_device(grad, device)); }

  /// After the stream was waited for: the scores are 0.625, 0 and 0.1875.
  void expect_loss() const {
    const double first = std::log1p(std::exp(0.625)), second = std::log1p(std::exp(0.625 - 0.1875));
    EXPECT_NEAR(static_cast<double>(loss.to_host()[0]), (first + second) / 2, 1e-6);
  }
};

struct Failure {
  ErrorCode code = ErrorCode::internal;
  std::string message;  ///< empty: nothing was thrown
};
Failure failure_of(const std::function<void()>& call) {
  try {
    call();
    return {};
  } catch (const segpref::Error& error) {
    return {error.code(), error.what()};
  }
}

int current_device() {
  int device = -1;
  EXPECT_EQ(cudaGetDevice(&device), cudaSuccess);
  return device;
}

/// Whatever a test broke is mended.
struct LaunchErrors : testing::Test {
  ~LaunchErrors() override { mend_devices(); }
};

TEST_F(LaunchErrors, EveryLaunchThatFailsNamesItselfAndItsLineAndEndsTheCall) {
  const Stream stream;
  const Call call;
  const std::regex pattern("host/cuda_backend/with_cuda/([a-z_]+)\\.[ch]pp:[1-9][0-9]*: ([a-z_]+) failed: cudaErrorInvalidConfiguration \\(cudaErrorInvalidConfiguration\\)");
  std::vector<std::string> launches;
  for (std::size_t num_good = 0; num_good < 100; ++num_good) {
    fail_launch_after(static_cast<int>(num_good), cudaErrorInvalidConfiguration);
    const Failure failure = failure_of([&] { call.run(context_on(stream)); });
    if (failure.message.empty()) break;
    EXPECT_EQ(failure.code, ErrorCode::device_failed);
    std::smatch parts;
    ASSERT_TRUE(std::regex_match(failure.message, parts, pattern)) << failure.message;
    launches.push_back(parts[2]);
    EXPECT_EQ(num_pending_operations(), num_good) << "nothing was enqueued after " << launches.back();
    EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess) << "left behind by " << launches.back();
    stream.wait();
  }
  fail_next_launch(cudaSuccess);
  EXPECT_EQ(launches, (std::vector<std::string>{"launch_discount_powers", "launch_segment_scores", "launch_pair_loss", "launch_pair_sums", "launch_segment_keys", "sort_by_key",
                                                "launch_first_entries", "launch_gather_gradients", "launch_window_keys", "sort_by_key", "launch_window_ends", "running_maximum",
                                                "launch_expand_windows"}));
  stream.wait();
  call.expect_loss();
}

TEST_F(LaunchErrors, ABrokenDeviceIsReportedByEveryNextCall) {
  const Stream stream;
  const Context context = context_on(stream);
  const Call call;
  const Buffer<float> p(4, 1.0f), g(4, 1.0f), m(4, 0.0f), v(4, 0.0f), scores(std::vector<float>{1, 2}), mean(1);
  const Buffer<std::int32_t> pair(std::vector<std::int32_t>{0, 1});
  const std::pair<const char*, std::function<void()>> calls[] = {
      {"host/cuda_backend/with_cuda/segment_work.hpp:", [&] { call.run(context); }},
      {"host/device/with_cuda/stream_memory.cpp:", [&] { call.run_in_own_workspace(context); }},
      {"host/cuda_backend/with_cuda/adamw.cpp:", [&] { adamw_step(context, on_device(p), on_device(g), on_device(m), on_device(v), 1, {}); }},
      {"host/cuda_backend/with_cuda/query_scores.cpp:", [&] {
         query_scores(context, view(static_cast<const float*>(scores.get()), {1, 2}, cuda(0)), view(static_cast<const std::int32_t*>(pair.get()), {1, 2}, cuda(0)), 1.0, {on_device(mean), {}, {}, {}});
       }}};
  call.run(context);
  stream.wait();
  break_device(0, cudaErrorIllegalAddress);
  for (int attempt = 0; attempt < 2; ++attempt)  // asking does not mend it
    for (const auto& [place, run] : calls) {
      const Failure failure = failure_of(run);
      EXPECT_EQ(failure.code, ErrorCode::device_failed);
      EXPECT_EQ(failure.message.substr(0, std::string_view(place).size()), place);
      EXPECT_NE(failure.message.find(" failed: cudaErrorIllegalAddress (cudaErrorIllegalAddress); the device needs a new process"), std::string::npos) << failure.message;
      EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
      EXPECT_EQ(num_pending_operations(), 0u);
    }
}

TEST_F(LaunchErrors, AnotherDeviceGoesOn) {
  const Stream on_0, on_1(1);
  const Call call_0(0), call_1(1);
  break_device(1, cudaErrorIllegalAddress);
  EXPECT_NE(failure_of([&] { call_1.run(context_on(on_1)); }).message.find("the device needs a new process"), std::string::npos);
  EXPECT_EQ(current_device(), 0);
  call_0.run(context_on(on_0));
  on_0.wait();
  call_0.expect_loss();
}

TEST_F(LaunchErrors, AWorkspaceThatCannotBeHadIsOutOfMemory) {
  const Stream stream;
  const Call call;
  break_device(0, cudaErrorMemoryAllocation);
  const Failure failure = failure_of([&] { call.run_in_own_workspace(context_on(stream)); });
  EXPECT_EQ(failure.code, ErrorCode::out_of_memory);
  EXPECT_NE(failure.message.find("cudaMallocAsync failed: cudaErrorMemoryAllocation (cudaErrorMemoryAllocation)"), std::string::npos) << failure.message;
  EXPECT_EQ(failure.message.find("new process"), std::string::npos);
}

TEST_F(LaunchErrors, ARunWhoseOwnWorkspaceIsThereReleasesItWhenALaunchFails) {
  const Stream stream;
  const Call call;
  fail_launch_after(2, cudaErrorInvalidConfiguration);
  EXPECT_NE(failure_of([&] { call.run_in_own_workspace(context_on(stream)); }).message.find("launch_pair_loss failed"), std::string::npos);
  EXPECT_EQ(num_pending_operations(), 4u) << "allocation, two launches, release";
  stream.wait();
}

TEST(SeveralDevices, APlanOfAnotherDeviceIsRefusedBeforeAnythingIsEnqueued) {
  const Stream on_0, on_1(1);
  const Call call_0(0), call_1(1);
  const Failure to_1 = failure_of([&] { call_1.run(context_on(on_1), call_0.plan); }), to_0 = failure_of([&] { call_0.run(context_on(on_0), call_1.plan); });
  EXPECT_EQ(to_1.code, ErrorCode::invalid_argument);
  EXPECT_EQ(to_1.message, "step_rewards lives on cuda:1; the plan was made for cuda:0");
  EXPECT_EQ(to_0.message, "step_rewards lives on cuda:0; the plan was made for cuda:1");
  EXPECT_EQ(num_pending_operations(), 0u);
}

TEST(SeveralDevices, ACallRunsWhereItsTensorsLieAndTheCurrentDeviceStays) {
  const Stream on_1(1);
  const Call call(1);
  for (const int current : {0, 1}) {
    ASSERT_EQ(cudaSetDevice(current), cudaSuccess);
    call.run(context_on(on_1));
    call.run_in_own_workspace(context_on(on_1));
    EXPECT_EQ(current_device(), current);
    on_1.wait();
    call.expect_loss();
    fail_launch_after(3, cudaErrorInvalidConfiguration);
    EXPECT_NE(failure_of([&] { call.run(context_on(on_1)); }).message, "");
    EXPECT_EQ(current_device(), current) << "after an error too";
    on_1.wait();
  }
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
}

TEST(SeveralDevices, AStreamOfAnotherDeviceIsAnErrorOfTheFirstLaunch) {
  const Stream on_1(1);
  const Call call(0);
  const Failure failure = failure_of([&] { call.run(context_on(on_1)); });
  EXPECT_EQ(failure.code, ErrorCode::device_failed);
  EXPECT_NE(failure.message.find("launch_discount_powers failed: cudaErrorInvalidResourceHandle"), std::string::npos) << failure.message;
  EXPECT_EQ(num_pending_operations(), 0u);
}

TEST(SeveralDevices, StreamsOfTwoDevicesAdvanceOnTheirOwn) {
  const Stream on_0, on_1(1);
  const Call call_0(0), call_1(1);
  call_0.run(context_on(on_0));
  call_1.run(context_on(on_1));
  EXPECT_FALSE(on_0.is_idle());
  EXPECT_FALSE(on_1.is_idle());
  on_1.wait();
  call_1.expect_loss();
  on_0.wait();
  call_0.expect_loss();
}

}  // namespace
}  // namespace segpref::simt
