// Host code of the kernels: every launcher enqueues what its kernel needs, on the caller's stream, and can be captured.
#include <gtest/gtest.h>

#include "kernels/cuda/adamw/launch.hpp"
#include "kernels/cuda/reward_linear/launch.hpp"
#include "kernels/cuda/segment_reduce/launch.hpp"
#include "tests/simt/cuda_runtime/cuda_runtime.hpp"
#include "tests/simt/support/kernel_test.hpp"

namespace segpref::simt {
namespace {

struct Launchers : testing::Test {
  cudaStream_t stream = nullptr;

  void SetUp() override { ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess); }
  void TearDown() override { ASSERT_EQ(cudaStreamDestroy(stream), cudaSuccess); }
};

TEST_F(Launchers, SegmentScoresOfEveryRegime) {
  const Buffer<float> rewards(std::vector<float>{1, 2, 3, 4, 5, 6}), scores(4);
  const Buffer<std::int32_t> offsets(std::vector<std::int32_t>{0, 2, 3});
  cuda::SegmentScoresParams<float, float> params{};
  params.step_rewards = rewards.get();
  params.offsets = {offsets.get(), false};
  params.scores = scores.get();
  params.num_steps = 3;
  params.num_segments = params.num_members = 2;
  for (const auto regime : {cuda::SegmentRegime::short_segments, cuda::SegmentRegime::long_segments}) {
    EXPECT_EQ(cuda::launch_segment_scores(params, regime, stream), cudaSuccess);
    EXPECT_EQ(num_pending_operations(), 1u) << "a launcher waits for nothing";
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    EXPECT_EQ(scores.to_host(), (std::vector<float>{3, 3, 9, 6}));
  }
}

TEST_F(Launchers, NothingToDoEnqueuesNothing) {
  EXPECT_EQ(cuda::launch_segment_scores(cuda::SegmentScoresParams<float, float>{}, cuda::SegmentRegime::short_segments, stream), cudaSuccess);
  EXPECT_EQ(cuda::launch_adamw(cuda::AdamWParams<float>{}, stream), cudaSuccess);
  EXPECT_EQ(cuda::launch_mark_used_segments({}, stream), cudaSuccess);
  EXPECT_EQ(cuda::launch_feature_sums(cuda::FeatureSumsParams<bf16, float>{}, stream), cudaSuccess);
  EXPECT_EQ(cuda::launch_linear_scores(cuda::LinearScoresParams<float>{}, stream), cudaSuccess);
  EXPECT_EQ(cuda::launch_step_rewards(cuda::StepRewardsParams<float>{}, stream), cudaSuccess);
  EXPECT_EQ(cuda::launch_grad_features(cuda::GradFeaturesParams<bf16, float>{}, stream), cudaSuccess);
  EXPECT_EQ(num_pending_operations(), 0u);
}

/// Three rows of ones, all in one segment, through every launcher of the linear head.
TEST_F(Launchers, LinearHeadWithAndWithoutAlignment) {
  for (const std::size_t shift : {0, 1}) {
    const Buffer<float> features(12 + shift, 1.0f), weight(std::vector<float>{1, 2, 3, 4}), bias(1, 1.0f), sums(8), score_parts(1), scores(1), rewards(3), slices(5);
    const Buffer<float> reward_parts(static_cast<std::size_t>(3 * cuda::most_reward_parts<float>(4)));
    const Buffer<float> grad_scores(1, 2.0f), grad_rewards(3, 0.5f), grad_weight(4), grad_bias(1), grad_features(12 + shift, 0.0f);
    const Buffer<std::int32_t> offsets(std::vector<std::int32_t>{0, 3});
    cuda::FeatureSumsParams<float, float> reading;
    reading.segments.num_steps = 3;
    reading.segments.num_segments = 1;
    reading.segments.offsets = {offsets.get(), false};
    reading.weights = {1, 4, weight.get(), bias.get(), 0};
    reading.features = features.get() + shift;
    reading.row_stride = 4;
    reading.sums = sums.get();
    reading.reward_parts = reward_parts.get();
    EXPECT_LE(cuda::num_reward_parts(reading), cuda::most_reward_parts<float>(4));
    EXPECT_EQ(cuda::launch_feature_sums(reading, stream), cudaSuccess);
    EXPECT_EQ(num_pending_operations(), 1u) << "one reading gives sums and rewards";
    EXPECT_EQ(cuda::launch_linear_scores<float>({reading.segments, reading.weights, nullptr, sums.get(), score_parts.get(), scores.get()}, stream), cudaSuccess);
    EXPECT_EQ(cuda::launch_step_rewards<float>({3, cuda::num_reward_parts(reading), reading.weights, reward_parts.get(), rewards.get()}, stream), cudaSuccess);
    EXPECT_EQ(cuda::launch_grad_head<float>({reading.segments, 1, 4, sums.get(), grad_scores.get(), 1, nullptr, slices.get(), grad_weight.get(), grad_bias.get(), 0}, stream), cudaSuccess);
    EXPECT_EQ((cuda::launch_grad_features<float, float>({1, 3, 4, weight.get(), grad_rewards.get(), grad_features.get() + shift}, stream)), cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    EXPECT_EQ(scores.to_host(), (std::vector<float>{33}));
    EXPECT_EQ(rewards.to_host(), (std::vector<float>{11, 11, 11}));
    EXPECT_EQ(grad_weight.to_host(), (std::vector<float>{6, 6, 6, 6}));
    EXPECT_EQ(grad_bias.to_host(), (std::vector<float>{6}));
    const std::vector<float> of_features = grad_features.to_host();
    for (std::size_t i = 0; i < 12; ++i) EXPECT_EQ(of_features[shift + i], 0.5f * static_cast<float>(1 + i % 4)) << i;
  }
}

TEST_F(Launchers, AdamWWithAndWithoutAlignmentGivesTheSameBits) {
  for (const std::size_t shift : {0, 1}) {
    const Buffer<float> p(9 + shift, 1.0f), g(9 + shift, 0.25f), m(9 + shift, 0.0f), v(9 + shift, 0.0f);
    cuda::AdamWParams<float> params{};
    params.parameters = p.get() + shift;
    params.gradients = g.get() + shift;
    params.first_moment = m.get() + shift;
    params.second_moment = v.get() + shift;
    params.num_parameters = 9;
    math::AdamWCoefficients<float>& c = params.coefficients;
    c.beta1 = c.rest1 = c.beta2 = c.rest2 = 0.5f;
    c.step_size = c.root_scale = c.keep = 1;
    EXPECT_EQ(cuda::launch_adamw(params, stream), cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    // m = 0.125, v = 0.03125: the step is m / sqrt(v)
    for (std::size_t i = shift; i < 9 + shift; ++i) EXPECT_FLOAT_EQ(p.to_host()[i], 1 - 0.125f / 0.17677669f);
  }
}

TEST_F(Launchers, CanBeCaptured) {
  const Buffer<double> rewards(std::vector<double>{1, 2, 3}), scores(1);
  const Buffer<std::int64_t> offsets(std::vector<std::int64_t>{0, 3});
  cuda::SegmentScoresParams<double, double> params{};
  params.step_rewards = rewards.get();
  params.offsets = {offsets.get(), true};
  params.scores = scores.get();
  params.num_steps = 3;
  params.num_segments = params.num_members = 1;
  params.aggregation = Aggregation::mean;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
  EXPECT_EQ(cuda::launch_segment_scores(params, cuda::SegmentRegime::long_segments, stream), cudaSuccess);
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
  ASSERT_EQ(cudaGraphLaunch(executable, stream), cudaSuccess);
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(scores.to_host()[0], 2.0);
  cudaGraphExecDestroy(executable);
  cudaGraphDestroy(graph);
}

}  // namespace
}  // namespace segpref::simt
