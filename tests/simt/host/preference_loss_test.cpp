// What the contract promises of preference_loss and query_scores on a device, beside their results, which the conformance suite judges.
#include "segpref/preference_loss.hpp"

#include <gtest/gtest.h>

#include "host/plan/owned_workspace.hpp"
#include "kernels/cuda/preference_loss/small_batch_params.hpp"
#include "segpref/error.hpp"
#include "segpref/query_scores.hpp"
#include "tests/simt/host/device_call.hpp"

namespace segpref::simt {
namespace {

constexpr Device cuda_0{Device::Kind::cuda, 0};

/// Two pairs of five steps each side, on a device.
struct Call {
  static constexpr std::int64_t num_steps = 20, num_pairs = 2;
  std::vector<float> host_rewards, host_labels = {1, 0};
  std::vector<std::int64_t> host_offsets = {0, 5, 10, 15, 20};
  Buffer<float> rewards, labels, loss{1}, grad{num_steps};
  Buffer<std::int64_t> offsets;
  PreferenceBatch batch;
  PreferenceResult result;

  Call() : host_rewards(rewards_of(0.25f)), rewards(host_rewards), labels(host_labels), offsets(host_offsets) {
    batch.offsets = on_device(offsets);
    batch.labels = on_device(labels);
    result.loss = on_device(loss);
  }
  static std::vector<float> rewards_of(float scale) {
    std::vector<float> values;
    for (std::int64_t i = 0; i < num_steps; ++i) values.push_back(scale * static_cast<float>(i % 7));
    return values;
  }
  /// @param is_small  whether one launch does it all
  static PreferenceCapacity capacity(bool is_small = true) {
    PreferenceCapacity capacity{1, num_steps, is_small ? 4 : cuda::SmallBatchLimits::segments + 1, num_pairs, 0, 0, DType::f32};
    capacity.device = cuda_0;
    return capacity;
  }
  void run(const Context& context, const PreferenceLossPlan& plan, Workspace workspace) const {
    preference_loss(context, plan, on_device(rewards), batch, {}, result, on_device(grad), workspace);
  }
  /// The same on the CPU: loss, then the gradient.
  static std::vector<float> on_cpu(const std::vector<float>& rewards) {
    const Call call;
    std::vector<float> loss(1), grad(num_steps);
    PreferenceBatch batch;
    batch.offsets = view(call.host_offsets);
    batch.labels = view(call.host_labels);
    PreferenceResult result;
    result.loss = view(loss);
    preference_loss(Context(1), view(rewards), batch, {}, result, view(grad));
    loss.insert(loss.end(), grad.begin(), grad.end());
    return loss;
  }
  void expect_results_of(const std::vector<float>& rewards) const {
    const std::vector<float> expected = on_cpu(rewards), got_loss = loss.to_host(), got_grad = grad.to_host();
    EXPECT_NEAR(got_loss[0], expected[0], 1e-6);
    for (std::size_t i = 0; i < got_grad.size(); ++i) EXPECT_NEAR(got_grad[i], expected[i + 1], 1e-6) << i;
  }
};

Context context_on(const Stream& stream) { return Context(1).on_stream(stream.get()); }

TEST(PreferenceLossOnADevice, RunsOnTheCallersStreamAndWaitsForNothing) {
  const Stream stream, other;
  const Call call;
  const PreferenceLossPlan plan(Call::capacity());
  const Buffer<std::byte> workspace(plan.workspace_bytes());
  call.run(context_on(stream), plan, {workspace.get(), workspace.size()});
  EXPECT_FALSE(stream.is_idle());
  EXPECT_TRUE(other.is_idle());
  stream.wait();
  EXPECT_EQ(num_pending_operations(), 0u);
  call.expect_results_of(call.host_rewards);
}

void replays(const PreferenceLossPlan& plan) {
  const Stream stream;
  const Call call;
  const Buffer<std::byte> workspace(plan.workspace_bytes());
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  ASSERT_EQ(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeGlobal), cudaSuccess);
  call.run(context_on(stream), plan, {workspace.get(), workspace.size()});
  ASSERT_EQ(cudaStreamEndCapture(stream.get(), &graph), cudaSuccess);
  ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
  for (const float scale : {0.25f, -1.5f}) {
    const std::vector<float> rewards = Call::rewards_of(scale);
    ASSERT_EQ(cudaMemcpyAsync(call.rewards.get(), rewards.data(), rewards.size() * sizeof(float), cudaMemcpyHostToDevice, stream.get()), cudaSuccess);
    ASSERT_EQ(cudaGraphLaunch(executable, stream.get()), cudaSuccess);
    stream.wait();
    call.expect_results_of(rewards);
  }
  cudaGraphExecDestroy(executable);
  cudaGraphDestroy(graph);
}

TEST(PreferenceLossOnADevice, IsCapturedInAGraphAndReplayedWithNewData) {
  for (const bool is_small : {true, false}) replays(PreferenceLossPlan(Call::capacity(is_small)));
}

TEST(PreferenceLossOnADevice, AWorkspaceOfItsOwnNeedsNoWaiting) {
  const Stream stream;
  const Call call;
  preference_loss(context_on(stream), on_device(call.rewards), call.batch, {}, call.result, on_device(call.grad));
  EXPECT_FALSE(stream.is_idle());
  stream.wait();
  call.expect_results_of(call.host_rewards);
}

TEST(PreferenceLossOnADevice, APlanSaysWhatItWillDo) {
  PreferenceCapacity capacity = Call::capacity();
  EXPECT_NE(PreferenceLossPlan(capacity).describe().find("preference_loss on cuda:0"), std::string::npos);
  EXPECT_EQ(PreferenceLossPlan(capacity).describe().find("block per piece"), std::string::npos) << "no segment can be that long";
  capacity.num_steps = 1'000'000;
  EXPECT_NE(PreferenceLossPlan(capacity).describe().find("of more than 4096 steps by a block per piece"), std::string::npos);
  capacity.max_segment_steps = 4096;
  EXPECT_EQ(PreferenceLossPlan(capacity).describe().find("block per piece"), std::string::npos);
}

TEST(PreferenceLossOnADevice, ASmallBatchIsOneLaunch) {
  const Stream stream;
  const Call call;
  for (const bool is_small : {true, false}) {
    const PreferenceLossPlan plan(Call::capacity(is_small));
    const Buffer<std::byte> workspace(plan.workspace_bytes());
    EXPECT_EQ(plan.describe().find("one launch") != std::string::npos, is_small);
    call.run(context_on(stream), plan, {workspace.get(), workspace.size()});
    EXPECT_EQ(num_pending_operations(), is_small ? 1u : 4u);
    stream.wait();
    call.expect_results_of(call.host_rewards);
  }
}

TEST(QueryScoresOnADevice, AgreeWithTheCpu) {
  const Stream stream;
  std::vector<float> scores = {0, 1, 2, 0.5f, -1, 3};
  std::vector<std::int32_t> pairs = {0, 1, 2, 0, 1, 1};
  const Buffer<float> d_scores(scores), d_mean(3), d_disagreement(3), d_entropy(3);
  const Buffer<std::int32_t> d_pairs(pairs);
  std::vector<float> mean(3), disagreement(3), entropy(3);
  query_scores(Context(1), view(std::as_const(scores).data(), {2, 3}), view(std::as_const(pairs).data(), {3, 2}), 0.5, {view(mean), view(disagreement), view(entropy), {}});
  query_scores(context_on(stream), view(static_cast<const float*>(d_scores.get()), {2, 3}, cuda_0), view(static_cast<const std::int32_t*>(d_pairs.get()), {3, 2}, cuda_0), 0.5,
               {on_device(d_mean), on_device(d_disagreement), on_device(d_entropy), {}});
  stream.wait();
  EXPECT_EQ(d_mean.to_host(), mean);
  EXPECT_EQ(d_disagreement.to_host(), disagreement);
  EXPECT_EQ(d_entropy.to_host(), entropy);
}

}  // namespace
}  // namespace segpref::simt
