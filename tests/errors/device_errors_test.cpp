// Tensors on CUDA devices as validation sees them, on a machine without one: what is refused, what is checked, and that no value is ever read.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "host/device/device.hpp"
#include "host/plan/owned_workspace.hpp"
#include "host/validate/host_batch.hpp"
#include "host/validate/linear.hpp"
#include "host/validate/mlp.hpp"
#include "host/validate/ranking.hpp"
#include "host/validate/step_rewards.hpp"
#include "host/validate/values.hpp"
#include "segpref/segpref.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/untouchable_memory.hpp"

namespace segpref {
namespace {

constexpr auto invalid = ErrorCode::invalid_argument, wrong_type = ErrorCode::invalid_type, unsupported = ErrorCode::unsupported;
constexpr Device cuda_0{Device::Kind::cuda, 0}, cuda_1{Device::Kind::cuda, 1};

TEST(DeviceErrors, OperationsWithoutACudaPathSaySo) {
  std::vector<float> values(8, 1);
  testing::expect_error(unsupported, "logits lives on a CUDA device: token_logps does not support CUDA yet",
                        [&] { validation::device_of_call("token_logps", "logits", view(std::as_const(values), cuda_0)); });
  testing::expect_error(unsupported, "capacity.device is a CUDA device: token_logps does not support CUDA yet", [] { validation::device_of_plan("token_logps", cuda_1); });
}

TEST(DeviceErrors, OperationsWithACudaPathSayWhatIsMissingHere) {
  // No machine has so many devices; what is wrong depends on whether it has any.
  constexpr Device cuda_99{Device::Kind::cuda, 99};
  std::vector<float> values(8, 1);
  const ConstTensorView rewards = view(std::as_const(values), cuda_99), rows = view(std::as_const(values).data(), {4, 2}, cuda_99);
  PreferenceCapacity capacity;
  RankingCapacity ranking;
  capacity.device = ranking.device = cuda_99;
  RewardArchitecture architecture;
  architecture.feature_dim = 2;
  architecture.hidden = {8};
  const device::Driver& driver = device::driver();
  const auto expect = [&](const std::string& name, const std::function<void()>& call) {
    if (driver.num_devices > 0) {
      EXPECT_THROW(call(), Error);
      return;
    }
    testing::expect_error(unsupported, name + (driver.built_with_cuda ? " cuda:99: " : " a CUDA device: ") + driver.problem, call);
  };
  expect("step_rewards lives on", [&] { preference_loss(Context(1), rewards, {}, {}, {}); });
  expect("step_rewards lives on", [&] { ranking_loss(Context(1), rewards, {}, {}, {}); });
  expect("scores lives on", [&] { query_scores(Context(1), rows, {}, 1.0, {}); });
  expect("features lives on", [&] { linear_preference_loss(Context(1), {}, rows, {}, {}, {}); });
  expect("parameters lives on", [&] { mlp_preference_loss(Context(1), architecture, rewards, {}, {}, {}, {}); });
  expect("parameters lives on", [&] { predict_rewards(Context(1), architecture, rewards, {}, {}); });
  expect("capacity.device is", [&] { PreferenceLossPlan{capacity}; });
  expect("capacity.device is", [&] { LinearLossPlan(capacity, 2); });
  expect("capacity.device is", [&] { MlpLossPlan(architecture, capacity, 1); });
  expect("capacity.device is", [&] { RankingLossPlan{ranking}; });
}

/// A batch of two members, five steps, three segments and two pairs whose memory must not be touched.
struct DeviceBatch {
  testing::UntouchableMemory memory{4096};
  validation::CallDevice device{cuda_0, "step_rewards"};
  PreferenceBatch batch;
  PreferenceOptions options;
  PreferenceResult result;

  DeviceBatch() {
    batch.offsets = tensor<std::int64_t>({4});
    batch.pairs = tensor<std::int32_t>({2, 2});
    batch.pair_order = tensor<std::int64_t>({2});
    batch.labels = tensor<float>({2});
    batch.weights = tensor<float>({2, 2});
    batch.margins = tensor<float>({2});
    options.tie_model = TieModel::rao_kupper;
    options.tie_parameter = tensor<float>({2});
    result.loss = tensor<float>({2});
    result.metrics = tensor<double>({2, num_metrics});
  }
  template <typename T>
  TensorView tensor(std::initializer_list<std::int64_t> shape) const { return view(memory.as<T>(), shape, cuda_0); }
  validation::BatchShape check() const {
    const validation::BatchShape shape = validation::preference_shape(batch, device, 2, 5, false);
    validation::preference_options(options, device, 2, false);
    validation::preference_result(result, options, shape, device, false);
    return shape;
  }
};

TEST(DeviceErrors, ShapesInDeviceMemoryAreCheckedAndValuesAreNot) {
  const validation::BatchShape shape = DeviceBatch().check();
  EXPECT_EQ(shape.num_segments, 3);
  EXPECT_EQ(shape.num_pairs, 2);
  EXPECT_EQ(shape.num_batch_pairs, 2);
}

TEST(DeviceErrors, ShapesInDeviceMemoryHaveTheRulesOfHostMemory) {
  const auto refuse = [](ErrorCode code, const char* message, const std::function<void(DeviceBatch&)>& spoil) {
    DeviceBatch call;
    spoil(call);
    testing::expect_error(code, message, [&] { call.check(); });
  };
  refuse(invalid, "labels is missing", [](DeviceBatch& c) { c.batch.labels = {}; });
  refuse(invalid, "labels is null with shape [2]", [](DeviceBatch& c) { c.batch.labels.data = nullptr; });
  refuse(invalid, "pairs has shape [2, 3]; it must be [num_pairs, 2] = [2, 2]", [](DeviceBatch& c) { c.batch.pairs = c.tensor<std::int32_t>({2, 3}); });
  refuse(invalid, "weights is strided [1, 1]; it must be contiguous in row-major order", [](DeviceBatch& c) { c.batch.weights.strides[0] = 1; });
  refuse(invalid, "offsets is not aligned to its elements of 8 bytes", [](DeviceBatch& c) { c.batch.offsets.data = c.memory.as<char>() + 4; });
  refuse(invalid, "labels: size 4 * 4611686018427387904 overflows 2^63", [](DeviceBatch& c) { c.batch.labels.shape[0] = std::int64_t{1} << 62; });
  refuse(wrong_type, "pair_order has dtype f32; it takes i32, i64", [](DeviceBatch& c) { c.batch.pair_order = c.tensor<float>({2}); });
  refuse(wrong_type, "metrics has dtype f32; it takes f64", [](DeviceBatch& c) { c.result.metrics = c.tensor<float>({2, num_metrics}); });
  refuse(invalid, "smoothing = 0.1 must be 0 with a tie model", [](DeviceBatch& c) { c.options.smoothing = 0.1; });
}

TEST(DeviceErrors, EveryTensorLivesWhereTheFirstOneDoes) {
  for (ConstTensorView PreferenceBatch::* member : {&PreferenceBatch::offsets, &PreferenceBatch::pairs, &PreferenceBatch::pair_order, &PreferenceBatch::labels,
                                                    &PreferenceBatch::weights, &PreferenceBatch::margins}) {
    DeviceBatch call;
    (call.batch.*member).device = Device{};
    EXPECT_THROW(call.check(), Error);
    (call.batch.*member).device = cuda_1;
    EXPECT_THROW(call.check(), Error);
  }
  DeviceBatch call;
  call.batch.pairs.device = Device{};
  testing::expect_error(wrong_type, "pairs lives on the CPU and step_rewards on cuda:0: all tensors of a call live on one device", [&] { call.check(); });
  call.batch.pairs.device = cuda_1;
  testing::expect_error(wrong_type, "pairs lives on cuda:1 and step_rewards on cuda:0: all tensors of a call live on one device", [&] { call.check(); });
  call.batch.pairs.device = cuda_0;
  call.options.tie_parameter.device = Device{};
  testing::expect_error(wrong_type, "tie_parameter lives on the CPU and step_rewards on cuda:0: all tensors of a call live on one device", [&] { call.check(); });
}

TEST(DeviceErrors, HostMemoryHasNoIndex) {
  EXPECT_NO_THROW(validation::on_device_of_call("pairs", Device{Device::Kind::cpu, 3}, {Device{}, "step_rewards"}));
}

TEST(DeviceErrors, ChecksOfValuesRefuseDeviceMemory) {
  const DeviceBatch call;
  const auto defect = "a check of values on the host met device memory";
  testing::expect_error(ErrorCode::internal, defect, [&] { validation::preference_batch(call.batch, call.options, call.check()); });
  testing::expect_error(ErrorCode::internal, defect, [&] { validation::host_values<float>(call.batch.labels); });
  testing::expect_error(ErrorCode::internal, defect, [&] { validation::reals(call.batch.labels, 0, 0.0); });
  testing::expect_error(ErrorCode::internal, defect, [&] { validation::indices(call.batch.offsets); });
}

TEST(DeviceErrors, OtherInputsInDeviceMemoryAreCheckedWithoutTheirValues) {
  const testing::UntouchableMemory memory(4096);
  const auto on_device = [&](std::initializer_list<std::int64_t> shape) { return view(memory.as<float>(), shape, cuda_0); };
  const validation::CallDevice by_features{cuda_0, "features"};
  Features features{on_device({5, 3}), {}, on_device({3}), on_device({3})};
  EXPECT_EQ(validation::features(features, 3, by_features), 5);
  features.std = on_device({2});
  testing::expect_error(invalid, "features.std has shape [2]; it must be [feature_dim] = [3]", [&] { validation::features(features, 3, by_features); });

  const LinearHead head{on_device({2, 3}), on_device({2})};
  EXPECT_EQ(validation::linear_inputs(head, features.first, by_features).num_members, 2);

  RankingBatch rankings;
  rankings.offsets = view(memory.as<std::int32_t>(), {4}, cuda_0);
  rankings.rankings = view(memory.as<std::int64_t>(), {7}, cuda_0);
  rankings.ranking_offsets = view(memory.as<std::int64_t>(), {3}, cuda_0);
  rankings.weights = on_device({2});
  const validation::RankingShape shape = validation::ranking_shape(rankings, {cuda_0, "step_rewards"}, 1, 5, false);
  EXPECT_EQ(shape.num_segments, 3);
  EXPECT_EQ(shape.num_rankings, 2);
  EXPECT_EQ(shape.num_entries, 7);
  testing::expect_error(ErrorCode::internal, "a check of values on the host met device memory", [&] { validation::ranking_batch(rankings, shape); });
}

TEST(DeviceErrors, APlanRunsWhereItWasMadeFor) {
  PreferenceCapacity capacity;
  capacity.device = cuda_1;
  const auto run_on = [&](Device device) { return [&capacity, device] { validation::within_capacity(capacity, {}, DType::f32, {device, "step_rewards"}); }; };
  testing::expect_error(invalid, "step_rewards lives on cuda:0; the plan was made for cuda:1", run_on(cuda_0));
  testing::expect_error(invalid, "step_rewards lives on the CPU; the plan was made for cuda:1", run_on(Device{}));
  EXPECT_NO_THROW(run_on(cuda_1)());
  capacity.device = Device{};
  testing::expect_error(invalid, "step_rewards lives on cuda:1; the plan was made for the CPU", run_on(cuda_1));
}

/// Steps of segments [0, 2), [2, 6), [6, 7): the second one is longer than the 3 steps that plans promise.
struct LongSegment {
  std::vector<float> values = std::vector<float>(14, 1), labels = {1}, head = {1, 1};
  std::vector<std::int64_t> offsets = {0, 2, 6, 7}, begins = {0, 2, 6}, lengths = {2, 4, 1}, rankings = {0, 1}, ranking_offsets = {0, 2};
  PreferenceBatch batch;
  PreferenceCapacity capacity;

  explicit LongSegment(bool windows) {
    if (windows) batch.begins = view(begins), batch.lengths = view(lengths);
    else batch.offsets = view(offsets);
    batch.labels = view(labels);
    capacity.num_steps = 7;
    capacity.num_segments = 3;
    capacity.num_pairs = 1;
    capacity.max_segment_steps = 3;
  }
};

TEST(PlanErrors, ASegmentLongerThanThePlanWasPromisedIsNamed) {
  for (const bool windows : {false, true}) {
    LongSegment call(windows);
    const std::string message = windows ? "segment 1: lengths[1] = 4 is more than the plan's capacity 3 (max_segment_steps)"
                                        : "segment 1: offsets[2] - offsets[1] = 4 is more than the plan's capacity 3 (max_segment_steps)";
    const ConstTensorView rewards = view(std::as_const(call.values).data(), {7}), rows = view(std::as_const(call.values).data(), {7, 2});
    RewardArchitecture architecture;
    architecture.feature_dim = 2;
    architecture.bias = false;
    RankingBatch ranking;
    ranking.offsets = call.batch.offsets, ranking.begins = call.batch.begins, ranking.lengths = call.batch.lengths;
    ranking.rankings = view(call.rankings), ranking.ranking_offsets = view(call.ranking_offsets);
    for (const std::int64_t promised : {3, 4, 0}) {
      call.capacity.max_segment_steps = promised;
      RankingCapacity ranking_capacity{1, 7, 3, 1, 2, DType::f32, promised, {}};
      const auto expect = [&](const std::function<void()>& run) {
        if (promised == 3) testing::expect_error(invalid, message, run);
        else EXPECT_NO_THROW(run());
      };
      const PreferenceLossPlan given(call.capacity);
      const LinearLossPlan linear(call.capacity, 2);
      const MlpLossPlan mlp(architecture, call.capacity, 1);
      const RankingLossPlan ranked(ranking_capacity);
      const OwnedWorkspace workspace(std::max({given.workspace_bytes(), linear.workspace_bytes(), mlp.workspace_bytes(), ranked.workspace_bytes()}));
      expect([&] { preference_loss(Context(1), given, rewards, call.batch, {}, {}, {}, workspace.get()); });
      expect([&] { linear_preference_loss(Context(1), linear, {view(std::as_const(call.head)), {}}, rows, call.batch, {}, {}, {}, {}, workspace.get()); });
      expect([&] { mlp_preference_loss(Context(1), mlp, view(std::as_const(call.head)), {rows, {}, {}, {}}, call.batch, {}, {}, {}, {}, {}, workspace.get()); });
      expect([&] { ranking_loss(Context(1), ranked, rewards, ranking, {}, {}, {}, workspace.get()); });
    }
  }
}

}  // namespace
}  // namespace segpref
