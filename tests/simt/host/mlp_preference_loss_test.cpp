// What the contract promises of mlp_preference_loss and predict_rewards on a device, beside the loss over every option in f32, which the conformance suite
// judges: cases by hand, bf16, streams, graphs, plans, refusals.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <regex>

#include "host/cuda_backend/with_cuda/mlp_network.hpp"
#include "segpref/error.hpp"
#include "segpref/query_scores.hpp"
#include "tests/accuracy/bounds.hpp"
#include "tests/simt/cuda_runtime/failures.hpp"
#include "tests/simt/host/mlp_call.hpp"
#include "tests/support/expect_error.hpp"

namespace segpref::simt {
namespace {

Context context_on(const Stream& stream) { return Context(1).on_stream(stream.get()); }

/// A workspace of exactly the plan's bytes, uninitialised: what lies behind it is guarded.
class PlannedWorkspace {
 public:
  explicit PlannedWorkspace(const MlpLossPlan& plan) : bytes_(plan.workspace_bytes()) {}
  Workspace get() const { return {bytes_.get(), bytes_.size()}; }

 private:
  Buffer<std::byte> bytes_;
};

/// |a - b| / |b|, as vectors.
double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
    size += static_cast<double>(b[i]) * b[i];
  }
  return size == 0 ? std::sqrt(difference) : std::sqrt(difference / size);
}

void expect_near(const char* what, const Buffer<float>& actual, const std::vector<float>& expected, double tolerance) {
  const std::vector<float> got = actual.to_host();
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) ASSERT_LE(std::fabs(got[i] - expected[i]), tolerance * (1 + std::fabs(expected[i]))) << what << " [" << i << "]: " << got[i] << " for " << expected[i];
}

/// Every result is the CPU's, in f32.
void expect_results_of_the_cpu(MlpCall& call) {
  call.run_on_the_cpu();
  const bool rounds = call.shape.compute != Compute::standard;
  const testing::MlpRoundedBounds& bounds = call.shape.compute == Compute::bf16 ? testing::mlp_bf16_bounds : testing::mlp_tf32_bounds;
  const bool is_kinked = call.shape.activation == Activation::leaky_relu;
  const double parameters = !rounds ? 1e-5 : is_kinked ? bounds.kinked_parameters : bounds.parameters, features = !rounds ? 1e-5 : is_kinked ? bounds.kinked_features : bounds.features;
  expect_near("loss", call.device.loss, call.host.loss, rounds ? bounds.losses : 1e-5);
  EXPECT_LE(distance(call.device.grad_parameters.to_host(), call.host.grad_parameters), parameters);
  if (call.shape.trains_alone) return;
  expect_near("score", call.device.scores, call.host.scores, rounds ? bounds.scores : 1e-5);
  expect_near("step reward", call.device.step_rewards, call.host.step_rewards, rounds ? bounds.scores : 1e-5);
  EXPECT_LE(distance(call.device.grad_first.to_host(), call.host.grad_first), features);
  EXPECT_LE(distance(call.device.grad_second.to_host(), call.host.grad_second), features);
}

void expect_the_cpus(const MlpShapes& shapes, const DropoutState& dropout = {}) {
  const Stream stream;
  MlpCall call(shapes);
  call.dropout = dropout;
  const MlpLossPlan plan = call.plan();
  const PlannedWorkspace workspace(plan);
  call.run(context_on(stream), plan, workspace.get());
  stream.wait();
  expect_results_of_the_cpu(call);
}

/// r = 2 relu(x / 2): rewards 1, 2 | 4, so that the logit is 1 and its gradient -sigmoid(-1).
struct HandMade {
  Buffer<float> parameters{std::vector<float>{0.5f, 0, 2, 0}}, features{std::vector<float>{1, 2, 4}}, labels{std::vector<float>{1}};
  Buffer<std::int32_t> offsets{std::vector<std::int32_t>{0, 2, 3}};
  Buffer<float> loss{1}, scores{2}, step_rewards{3}, grad_parameters{4}, grad_features{3};

  void run(const Context& context, const PreferenceOptions& options = {}) {
    RewardArchitecture architecture;
    architecture.feature_dim = 1;
    architecture.hidden = {1};
    architecture.activation = Activation::relu;
    PreferenceBatch batch;
    batch.offsets = on_device(offsets);
    batch.labels = on_device(labels);
    PreferenceResult result;
    result.loss = on_device(loss);
    result.scores = tensor(scores, {1, 2});
    Features rows;
    rows.first = tensor(features, {3, 1});
    MlpGradients gradients;
    gradients.parameters = on_device(grad_parameters);
    gradients.features_first = tensor(grad_features, {3, 1});
    mlp_preference_loss(context, architecture, on_device(parameters), rows, batch, options, result, gradients, {}, tensor(step_rewards, {1, 3}));
  }
};

TEST(MlpPreferenceLossOnADevice, ByHand) {
  const Stream stream;
  HandMade call;
  call.run(context_on(stream));
  stream.wait();
  const float g = static_cast<float>(1 / (1 + std::exp(1.0)));  // d(loss)/d(first score); the second's is -g
  expect_near("loss", call.loss, {static_cast<float>(std::log1p(std::exp(-1.0)))}, 1e-6);
  expect_near("score", call.scores, {3, 4}, 1e-6);
  expect_near("step reward", call.step_rewards, {1, 2, 4}, 1e-6);
  expect_near("gradient", call.grad_parameters, {-2 * g, 2 * g, -0.5f * g, g}, 1e-6);  // w1: 2 x over steps, b1: 2, w2: x / 2, b2: 1
  expect_near("gradient of a feature", call.grad_features, {g, g, -g}, 1e-6);
}

TEST(MlpPreferenceLossOnADevice, TheLastStepAloneIsGraded) {
  const Stream stream;
  HandMade call;
  PreferenceOptions options;
  options.aggregation = Aggregation::last;
  call.run(context_on(stream), options);
  stream.wait();
  const float g = static_cast<float>(1 / (1 + std::exp(2.0)));  // the logit is 4 - 2
  expect_near("score", call.scores, {2, 4}, 1e-6);
  expect_near("gradient", call.grad_parameters, {-4 * g, 0, -g, 0}, 1e-6);
  expect_near("gradient of a feature", call.grad_features, {0, g, -g}, 1e-6);
}

const MlpShapes windows{.lengths = {5, 3, 0, 7, 5, 1}, .begins = {2, 4, 0, 11, 2, 17}, .num_steps = 30, .pairs = {3, 1, 0, 3, 4, 2, 5, 0}};
const MlpShapes own_order{.first_dim = 3, .second_dim = 2, .lengths = {5, 3, 0, 7}, .pairs = {3, 1, 0, 3, 1, 2}, .order = {0, 1, 2, 2}, .standardised = true};

TEST(MlpPreferenceLossOnADevice, WindowsIntoAStore) { expect_the_cpus(windows); }
TEST(MlpPreferenceLossOnADevice, EveryMemberItsOwnPairs) { expect_the_cpus(own_order); }
TEST(MlpPreferenceLossOnADevice, Dropout) {
  MlpShapes shapes = windows;
  shapes.dropout = 0.3;
  expect_the_cpus(shapes, {true, 7, 3});
  expect_the_cpus(shapes, {false, 7, 3});
}
TEST(MlpPreferenceLossOnADevice, WithoutPairsOrSteps) {
  expect_the_cpus({.lengths = {5}});
  expect_the_cpus({.lengths = {0, 0}});
  expect_the_cpus({.lengths = {}});
}
TEST(MlpPreferenceLossOnADevice, MorePartsOfTheWeightGradient) { expect_the_cpus({.hidden = {8}, .num_members = 1, .first_dim = 2, .lengths = {300, 301}}); }

TEST(MlpPreferenceLossOnADevice, OperandsOfFewBits) {
  for (const Activation activation : {Activation::tanh, Activation::leaky_relu})
    for (MlpShapes shapes : {windows, own_order}) {
      shapes.hidden = {64, 64};
      shapes.activation = activation;
      for (const Compute compute : {Compute::bf16, Compute::tf32, Compute::f16}) {
        shapes.compute = compute;
        expect_the_cpus(shapes);
      }
    }
}

/// A feature that f16 cannot hold shows, though tanh would make 1 of it and of an infinity alike; bf16 and tf32 have the range of f32.
TEST(MlpPreferenceLossOnADevice, F16NeverOverflowsSilently) {
  for (const Compute compute : {Compute::f16, Compute::bf16, Compute::tf32}) {
    MlpCall call({.num_members = 1, .compute = compute});
    call.host.first[0] = 65520;
    EXPECT_EQ(cudaMemcpy(call.device.first.get(), call.host.first.data(), call.host.first.size() * sizeof(float), cudaMemcpyHostToDevice), cudaSuccess);
    const Stream stream;
    const MlpLossPlan plan = call.plan();
    const PlannedWorkspace workspace(plan);
    call.run(context_on(stream), plan, workspace.get());
    stream.wait();
    EXPECT_EQ(std::isnan(call.device.step_rewards.to_host()[0]), compute == Compute::f16);
    EXPECT_EQ(std::isnan(call.device.loss.to_host()[0]), compute == Compute::f16);
  }
}

/// The same calls, of a plan that knows the longest segment, by one kernel and the sums of its blocks.
TEST(MlpPreferenceLossOnADevice, TheResidentPath) {
  MlpShapes dropout = windows;
  dropout.dropout = 0.3;
  const MlpShapes empty{.lengths = {0, 0}}, no_pairs{.lengths = {5}};
  for (MlpShapes shapes : {windows, own_order, dropout, empty, no_pairs})
    for (const Compute compute : {Compute::standard, Compute::bf16}) {
      shapes.compute = compute;
      shapes.max_segment_steps = 7;
      shapes.trains_alone = true;
      const Stream stream;
      MlpCall call(shapes);
      call.dropout = {true, 7, 3};
      const MlpLossPlan plan = call.plan();
      EXPECT_NE(plan.describe().find("resident path"), std::string::npos) << plan.describe();
      const PlannedWorkspace workspace(plan);
      call.run(context_on(stream), plan, workspace.get());
      EXPECT_EQ(num_pending_operations(), 3u);
      stream.wait();
      expect_results_of_the_cpu(call);
    }
}

/// What a block cannot know goes the general way, of the same plan.
TEST(MlpPreferenceLossOnADevice, APlanOfTheResidentPathGivesScoresToo) {
  MlpShapes shapes = own_order;
  shapes.max_segment_steps = 7;
  expect_the_cpus(shapes);
}

/// As a device of compute capability 8.6 or 8.9 has it: 99 KiB.
TEST(MlpPreferenceLossOnADevice, ADeviceWithoutRoomForATileIsRefused) {
  device::Description small;
  small.name = "small";
  small.shared_memory_per_block = 99 * 1024;
  RewardArchitecture architecture;
  architecture.feature_dim = 30;
  architecture.hidden = {128, 128};
  for (const Compute compute : {Compute::standard, Compute::bf16, Compute::tf32, Compute::f16})
    EXPECT_NO_THROW(cuda_backend::check_shared_memory(cuda_backend::mlp_network(architecture, DType::f32, compute, 0), small, 1));
  architecture.hidden = {64, 256};
  testing::expect_error(ErrorCode::unsupported,
                        "an MLP with layers of 256 units and products of bf16 operands takes " + std::to_string(cuda::mlp_shared_bytes(cuda::MlpPrecision::bf16, cuda::mlp_shape(architecture))) +
                            " bytes of shared memory per block; cuda:1 (small) has 101376: narrower layers or smaller operands take less",
                        [&] { cuda_backend::check_shared_memory(cuda_backend::mlp_network(architecture, DType::f32, Compute::bf16, 0), small, 1); });
}

TEST(QueryScoresOnADevice, StraightFromAForwardOverCandidatePairs) {
  const Stream stream;
  MlpCall call(windows);
  const MlpLossPlan plan = call.plan();
  const PlannedWorkspace workspace(plan);
  const std::int64_t num_pairs = call.num_pairs();
  const Buffer<float> disagreement(static_cast<std::size_t>(num_pairs));
  call.run(context_on(stream), plan, workspace.get());
  QueryScores wanted;
  wanted.disagreement = on_device(disagreement);
  query_scores(context_on(stream), tensor(call.device.scores, {call.shape.num_members, call.num_segments()}), tensor(call.device.pairs, {num_pairs, 2}), 1.0, wanted);
  stream.wait();
  call.run_on_the_cpu();
  std::vector<float> expected(static_cast<std::size_t>(num_pairs));
  QueryScores on_host;
  on_host.disagreement = view(expected);
  query_scores(Context(1), tensor(call.host.scores, {call.shape.num_members, call.num_segments()}), tensor(call.host.pairs, {num_pairs, 2}), 1.0, on_host);
  expect_near("disagreement", disagreement, expected, 1e-5);
}

TEST(MlpPreferenceLossOnADevice, LayersOf1024Units) { expect_the_cpus({.hidden = {1024}, .num_members = 1, .first_dim = 3, .lengths = {2, 3}}); }

TEST(MlpPreferenceLossOnADevice, RunsOnTheCallersStreamAndWaitsForNothing) {
  const Stream stream, other;
  MlpCall call(windows);
  const MlpLossPlan plan = call.plan();
  const PlannedWorkspace workspace(plan);
  call.run(context_on(stream), plan, workspace.get());
  EXPECT_FALSE(stream.is_idle());
  EXPECT_TRUE(other.is_idle());
  stream.wait();
  EXPECT_EQ(num_pending_operations(), 0u);
  expect_results_of_the_cpu(call);
}

/// The rows of every replay are other ones, and other in number.
TEST(MlpPreferenceLossOnADevice, IsCapturedInAGraphAndReplayedWithNewDataAndOtherPairs) {
  const Stream stream;
  MlpCall call(own_order);
  const MlpLossPlan plan = call.plan();
  const PlannedWorkspace workspace(plan);
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  ASSERT_EQ(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeGlobal), cudaSuccess);
  call.run(context_on(stream), plan, workspace.get());
  ASSERT_EQ(cudaStreamEndCapture(stream.get(), &graph), cudaSuccess);
  ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
  for (const unsigned seed : {1u, 2u, 3u}) {
    call.redraw(seed, stream.get());
    ASSERT_EQ(cudaGraphLaunch(executable, stream.get()), cudaSuccess);
    stream.wait();
    expect_results_of_the_cpu(call);
  }
  cudaGraphExecDestroy(executable);
  cudaGraphDestroy(graph);
}

TEST(MlpPreferenceLossOnADevice, AWorkspaceOfItsOwnNeedsNoWaiting) {
  const Stream stream;
  MlpCall call(windows);
  call.run_without_plan(context_on(stream));
  EXPECT_FALSE(stream.is_idle());
  stream.wait();
  expect_results_of_the_cpu(call);
}

TEST(MlpPreferenceLossOnADevice, AFullerPlanChangesNoBitAndARerunNone) {
  const Stream stream;
  MlpCall call(windows);
  PreferenceCapacity roomy = call.capacity();
  roomy.num_segments += 100, roomy.num_pairs += 9;
  roomy.num_batch_pairs = 0;
  std::vector<float> gradients;
  for (const MlpLossPlan& plan : {call.plan(), call.plan(), MlpLossPlan(call.architecture(), roomy, 1)}) {
    const PlannedWorkspace workspace(plan);
    call.run(context_on(stream), plan, workspace.get());
    stream.wait();
    const std::vector<float> again = call.device.grad_parameters.to_host();
    if (!gradients.empty()) {
      EXPECT_EQ(again, gradients);
    }
    gradients = again;
  }
}

/// Nothing is read but the steps of pairs; here the others' features were never written.
TEST(MlpPreferenceLossOnADevice, StepsInNoPairAreNotRead) {
  const Stream stream;
  HandMade call;
  const Buffer<float> rows(7);
  const std::vector<float> used = {1, 2, 4};
  ASSERT_EQ(cudaMemcpyAsync(rows.get() + 4, used.data(), 3 * sizeof(float), cudaMemcpyHostToDevice, stream.get()), cudaSuccess);
  const Buffer<std::int32_t> offsets(std::vector<std::int32_t>{4, 6, 7});
  const Buffer<float> grad_features(7), step_rewards(7);
  RewardArchitecture architecture;
  architecture.feature_dim = 1;
  architecture.hidden = {1};
  architecture.activation = Activation::relu;
  PreferenceBatch batch;
  batch.offsets = on_device(offsets);
  batch.labels = on_device(call.labels);
  PreferenceResult result;
  result.loss = on_device(call.loss);
  Features features;
  features.first = tensor(rows, {7, 1});
  MlpGradients gradients;
  gradients.features_first = tensor(grad_features, {7, 1});
  mlp_preference_loss(context_on(stream), architecture, on_device(call.parameters), features, batch, {}, result, gradients, {}, tensor(step_rewards, {1, 7}));
  stream.wait();
  const float g = static_cast<float>(1 / (1 + std::exp(1.0)));
  expect_near("step reward", step_rewards, {0, 0, 0, 0, 1, 2, 4}, 1e-6);
  expect_near("gradient of a feature", grad_features, {0, 0, 0, 0, g, g, -g}, 1e-6);
}

/// One member's pairs cover more steps than the plan was promised, the other's do not.
TEST(MlpPreferenceLossOnADevice, ABatchOfMoreStepsThanPromisedHasALossThatIsNotANumber) {
  const Stream stream;
  MlpCall call({.lengths = {2, 2, 4, 4}, .order = {1, 0}});
  PreferenceCapacity capacity = call.capacity();
  capacity.num_batch_steps = 4;
  const MlpLossPlan plan(call.architecture(), capacity, 1);
  const PlannedWorkspace workspace(plan);
  call.run(context_on(stream), plan, workspace.get());
  stream.wait();
  call.run_on_the_cpu();
  EXPECT_TRUE(std::isnan(call.device.loss.to_host()[0]));
  EXPECT_NEAR(call.device.loss.to_host()[1], call.host.loss[1], 1e-5);
  const std::vector<float> gradients = call.device.grad_parameters.to_host();
  EXPECT_EQ(gradients[0], 0) << "of member 0";

  testing::expect_error(ErrorCode::invalid_argument, "the pairs of this call cover more than 4 steps (num_batch_steps of the plan)",
                        [&] { call.run(context_on(stream).checking_values(), plan, workspace.get()); });
  stream.wait();
  capacity.num_batch_steps = 8;
  const MlpLossPlan enough(call.architecture(), capacity, 1);
  const PlannedWorkspace room(enough);
  call.run(context_on(stream).checking_values(), enough, room.get());
  stream.wait();
  expect_results_of_the_cpu(call);
}

TEST(MlpPreferenceLossOnADevice, APlanSaysWhatItWillDo) {
  MlpCall call({.hidden = {256, 256, 256}, .num_members = 3, .first_dim = 30});
  PreferenceCapacity capacity = call.capacity();
  capacity.num_steps = 1000000;
  capacity.num_segments = 20000;
  capacity.num_pairs = 10000;
  capacity.num_batch_pairs = 128;
  capacity.max_segment_steps = 50;
  const auto says = [&](const MlpLossPlan& plan, const std::string& words) { EXPECT_NE(plan.describe().find(words), std::string::npos) << plan.describe(); };
  const MlpLossPlan f32(call.architecture(), capacity, 1), bf16(call.architecture(), capacity, 1, Compute::bf16);
  says(f32, "mlp_preference_loss on cuda:0: 3 members, 3 hidden layers, up to 12800 distinct steps per member and 128 pairs; general path (not the resident one: hidden[0] = 256 is more than 64): forward");
  says(f32, "in tiles of 64 rows through all layers");
  says(f32, "products of f32 (split into two tf32 each) operands");
  says(bf16, "in tiles of 128 rows through all layers");
  says(bf16, "products of bf16 operands");
  says(bf16, "workspace " + std::to_string(bf16.workspace_bytes()) + " bytes");
  EXPECT_LT(bf16.workspace_bytes(), f32.workspace_bytes());
  capacity.num_batch_steps = 6400;
  says(MlpLossPlan(call.architecture(), capacity, 1), "up to 6400 distinct steps");
  const MlpCall narrow({.hidden = {64, 64}, .num_members = 3, .first_dim = 24});
  capacity.max_segment_steps = 30;
  says(MlpLossPlan(narrow.architecture(), capacity, 1), "resident path, a kernel that keeps weights and a pair on the chip in");
  capacity.max_segment_steps = 0;
  says(MlpLossPlan(narrow.architecture(), capacity, 1), "general path (not the resident one: max_segment_steps is not known)");
}

/// Every code is returned before anything is enqueued.
void expect_refusal(ErrorCode code, const std::string& sentence, const std::function<void()>& refused) {
  testing::expect_error(code, sentence, refused);
  EXPECT_EQ(num_pending_operations(), 0u);
}

TEST(MlpPreferenceLossOnADevice, PlansRefuseWhatHasNoKernel) {
  MlpCall call(MlpShapes{});
  RewardArchitecture architecture = call.architecture();
  const auto plan = [&](const PreferenceCapacity& capacity) { return [&architecture, capacity] { MlpLossPlan(architecture, capacity, 1); }; };
  architecture.hidden = {};
  expect_refusal(ErrorCode::unsupported, "an MLP on a CUDA device has 1 to 4 hidden layers: without any it is a linear model, which linear_preference_loss takes", plan(call.capacity()));
  architecture.hidden = {64};
  PreferenceCapacity capacity = call.capacity();
  capacity.dtype = DType::f64;
  expect_refusal(ErrorCode::unsupported, "an MLP on a CUDA device takes parameters of f32: f64, for gradient checks, is computed on the CPU", plan(capacity));
  capacity = call.capacity();
  capacity.num_steps = std::int64_t{1} << 31;
  expect_refusal(ErrorCode::unsupported, "a plan for CUDA takes batches of up to 1073741824 distinct steps: this one has 2147483648 (num_batch_steps, or num_steps)", plan(capacity));
  capacity = call.capacity();
  capacity.num_batch_pairs = std::int64_t{1} << 30;
  expect_refusal(ErrorCode::unsupported, "a plan for CUDA takes up to 1073741824 sides of pairs over all members: this one has 4294967296", plan(capacity));
}

TEST(MlpPreferenceLossOnADevice, RunsRefuseBeforeAnythingIsEnqueued) {
  const Stream stream;
  MlpCall call(MlpShapes{});
  const MlpLossPlan plan = call.plan();
  const PlannedWorkspace workspace(plan);
  const Workspace bytes = workspace.get();
  const auto too_small = "workspace has " + std::to_string(bytes.size() - 1) + " bytes; the plan needs " + std::to_string(bytes.size());
  expect_refusal(ErrorCode::invalid_argument, too_small, [&] { call.run(context_on(stream), plan, bytes.first(bytes.size() - 1)); });
  const MlpLossPlan on_the_cpu(call.architecture(), call.capacity({}), 1);
  expect_refusal(ErrorCode::invalid_argument, "parameters lives on cuda:0; the plan was made for the CPU", [&] { call.run(context_on(stream), on_the_cpu, bytes); });
  PreferenceCapacity small = call.capacity();
  small.num_pairs = small.num_batch_pairs = 1;
  const MlpLossPlan of_one_pair(call.architecture(), small, 1);
  expect_refusal(ErrorCode::invalid_argument, "num_pairs = 2 is more than the plan's capacity 1", [&] { call.run(context_on(stream), of_one_pair, bytes); });
}

TEST(MlpPreferenceLossOnADevice, ChecksValuesWhereTheContextAsksForIt) {
  const Stream stream;
  MlpCall call(own_order);
  const MlpLossPlan plan = call.plan();
  const PlannedWorkspace workspace(plan);
  const Context checking = context_on(stream).checking_values();
  call.run(checking, plan, workspace.get());
  stream.wait();
  expect_results_of_the_cpu(call);
  const auto spoil = [&](const Buffer<float>& array, std::size_t i, float value) { ASSERT_EQ(cudaMemcpy(array.get() + i, &value, sizeof value, cudaMemcpyHostToDevice), cudaSuccess); };
  spoil(call.device.std, 2, -1);
  testing::expect_error(ErrorCode::invalid_argument, "features.std[2] = -1 must be finite and > 0", [&] { call.run(checking, plan, workspace.get()); });
  spoil(call.device.mean, 1, INFINITY);
  testing::expect_error(ErrorCode::invalid_argument, "features.mean[1] = inf must be finite", [&] { call.run(checking, plan, workspace.get()); });
  spoil(call.device.labels, 1, 2);
  testing::expect_error(ErrorCode::invalid_argument, "labels[1] = 2 is outside [0, 1]", [&] { call.run(checking, plan, workspace.get()); });
  stream.wait();
}

TEST(MlpPreferenceLossOnADevice, EveryLaunchThatFailsNamesItselfAndEndsTheCall) {
  const Stream stream;
  MlpCall call(own_order);
  const MlpLossPlan plan = call.plan();
  const PlannedWorkspace workspace(plan);
  const std::regex pattern("host/cuda_backend/with_cuda/[a-z_]+\\.[ch]pp:[1-9][0-9]*: ([a-z_]+) failed: .*");
  std::vector<std::string> launches;
  for (int num_good = 0; num_good < 100; ++num_good) {
    fail_launch_after(num_good, cudaErrorInvalidConfiguration);
    std::string message;
    try {
      call.run(context_on(stream), plan, workspace.get());
    } catch (const segpref::Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::device_failed);
      message = error.what();
    }
    if (message.empty()) break;
    std::smatch parts;
    ASSERT_TRUE(std::regex_match(message, parts, pattern)) << message;
    launches.push_back(parts[1]);
    EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess) << "left behind by " << launches.back();
    stream.wait();
  }
  fail_launch_after(0, cudaSuccess);
  fail_next_launch(cudaSuccess);
  stream.wait();
  const std::vector<std::string> expected = {"launch_side_keys", "sort_by_key", "launch_side_ends", "running_maximum", "launch_fresh_steps", "running_sum", "launch_batch_rows", "launch_batch_rows",
                                             "launch_pack_weights", "launch_mlp_forward", "launch_segment_scores", "launch_pair_loss", "launch_pair_sums", "launch_store_side_scores",
                                             "launch_store_row_rewards", "launch_expand_windows", "launch_mlp_backward", "launch_mlp_weight_grad", "launch_mlp_weight_grad",
                                             "launch_mlp_grad_features", "launch_mlp_grad_features"};
  EXPECT_EQ(launches, expected);
  expect_results_of_the_cpu(call);
}

/// A prediction, or null where it is not wanted.
struct Predicted {
  std::vector<float> members, mean, std;
};

Predicted predict_on_the_cpu(MlpCall& call, const RewardNormalization& normalization = {}) {
  const std::int64_t members = call.shape.num_members, steps = call.num_steps();
  Predicted p{std::vector<float>(static_cast<std::size_t>(members * steps)), std::vector<float>(static_cast<std::size_t>(steps)), std::vector<float>(static_cast<std::size_t>(steps))};
  call.with_model(call.host, [&](const RewardArchitecture& architecture, const ConstTensorView& parameters, const Features& features) {
    predict_rewards(Context(1), architecture, parameters, features, {tensor(p.members, {members, steps}), tensor(p.mean, {steps}), tensor(p.std, {steps})}, normalization);
  });
  return p;
}

TEST(PredictRewardsOnADevice, AreTheCpus) {
  const Stream stream;
  for (const Compute compute : {Compute::standard, Compute::bf16}) {
    MlpCall call(own_order);
    const std::int64_t members = call.shape.num_members, steps = call.num_steps();
    std::vector<float> shift = {0.5f, -1}, scale = {2, 0.25f};
    const Buffer<float> d_shift(shift), d_scale(scale);
    for (const bool normalised : {false, true}) {
      const Buffer<float> all(static_cast<std::size_t>(members * steps)), mean(static_cast<std::size_t>(steps)), deviation(static_cast<std::size_t>(steps));
      RewardNormalization on_host, on_the_device;
      if (normalised) on_host = {view(shift), view(scale)}, on_the_device = {on_device(d_shift), on_device(d_scale)};
      call.with_model(call.device, [&](const RewardArchitecture& architecture, const ConstTensorView& parameters, const Features& features) {
        predict_rewards(context_on(stream), architecture, parameters, features, {tensor(all, {members, steps}), on_device(mean), on_device(deviation)}, on_the_device, compute);
      });
      EXPECT_FALSE(stream.is_idle());
      stream.wait();
      const Predicted expected = predict_on_the_cpu(call, on_host);
      const double tolerance = compute == Compute::bf16 ? testing::mlp_bf16_bounds.scores : 1e-5;
      expect_near("reward", all, expected.members, tolerance);
      expect_near("mean", mean, expected.mean, tolerance);
      expect_near("standard deviation", deviation, expected.std, tolerance);
    }
  }
}

/// More steps than are computed at a time: those around the border have the bits that they have in a call of their own.
TEST(PredictRewardsOnADevice, ManySteps) {
  constexpr std::int64_t at_once = 65536, before = 100, behind = 70;
  const Stream stream;
  MlpCall call({.hidden = {4}, .num_members = 1, .first_dim = 1, .second_dim = 1, .num_steps = at_once + behind});
  const Buffer<float> mean(static_cast<std::size_t>(call.num_steps())), of_their_own(before + behind);
  call.with_model(call.device, [&](const RewardArchitecture& architecture, const ConstTensorView& parameters, Features features) {
    predict_rewards(context_on(stream), architecture, parameters, features, {{}, on_device(mean), {}}, {}, Compute::bf16);
    for (ConstTensorView* part : {&features.first, &features.second}) {
      part->data = static_cast<const float*>(part->data) + at_once - before;
      part->shape[0] = before + behind;
    }
    predict_rewards(context_on(stream), architecture, parameters, features, {{}, on_device(of_their_own), {}}, {}, Compute::bf16);
  });
  stream.wait();
  const std::vector<float> all = mean.to_host();
  EXPECT_EQ(std::vector<float>(all.end() - before - behind, all.end()), of_their_own.to_host());
}

TEST(PredictRewardsOnADevice, RefusesBeforeAnythingIsEnqueued) {
  const Stream stream;
  const auto predict = [&](const MlpShapes& shapes) {
    return [&stream, shapes] {
      MlpCall call(shapes);
      call.with_model(call.device, [&](const RewardArchitecture& architecture, const ConstTensorView& parameters, const Features& features) {
        predict_rewards(context_on(stream), architecture, parameters, features, {});
      });
    };
  };
  expect_refusal(ErrorCode::unsupported, "an MLP on a CUDA device has 1 to 4 hidden layers: without any it is a linear model, which linear_preference_loss takes", predict({.hidden = {}}));
  RewardArchitecture architecture;
  architecture.feature_dim = 1;
  architecture.hidden = {1};
  const Buffer<double> parameters(4, 1.0);
  const Buffer<float> rows(2, 1.0f);
  Features features;
  features.first = tensor(rows, {2, 1});
  expect_refusal(ErrorCode::unsupported, "an MLP on a CUDA device takes parameters of f32: f64, for gradient checks, is computed on the CPU",
                 [&] { predict_rewards(context_on(stream), architecture, on_device(parameters), features, {}); });
}

}  // namespace
}  // namespace segpref::simt
