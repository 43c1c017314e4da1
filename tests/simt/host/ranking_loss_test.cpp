// What the contract promises of ranking_loss on a device, beside its results, which the conformance suite judges.
#include "segpref/ranking_loss.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <utility>

#include "segpref/error.hpp"
#include "tests/simt/host/device_call.hpp"
#include "tests/support/expect_error.hpp"

namespace segpref::simt {
namespace {

constexpr Device cuda_0{Device::Kind::cuda, 0};

/// Four segments of five steps; two of them stand in both rankings.
struct Call {
  static constexpr std::int64_t num_steps = 20;
  std::vector<float> host_rewards, host_weights = {1, 0.5f};
  std::vector<std::int64_t> host_offsets = {0, 5, 10, 15, 20}, host_ranking_offsets = {0, 3, 5};
  std::vector<std::int32_t> host_rankings = {2, 0, 3, 0, 2};
  Buffer<float> rewards, weights, loss{1}, grad{num_steps};
  Buffer<std::int64_t> offsets, ranking_offsets;
  Buffer<std::int32_t> rankings;
  RankingBatch batch;
  RankingResult result;

  Call()
      : host_rewards(rewards_of(0.25f)), rewards(host_rewards), weights(host_weights), offsets(host_offsets), ranking_offsets(host_ranking_offsets), rankings(host_rankings) {
    batch.offsets = on_device(offsets);
    batch.rankings = on_device(rankings);
    batch.ranking_offsets = on_device(ranking_offsets);
    batch.weights = on_device(weights);
    result.loss = on_device(loss);
  }
  static std::vector<float> rewards_of(float scale) {
    std::vector<float> values;
    for (std::int64_t i = 0; i < num_steps; ++i) values.push_back(scale * static_cast<float>(i % 7));
    return values;
  }
  static RankingCapacity capacity() {
    RankingCapacity capacity{1, num_steps, 4, 2, 5, DType::f32};
    capacity.device = cuda_0;
    return capacity;
  }
  void run(const Context& context, const RankingLossPlan& plan, Workspace workspace) const {
    ranking_loss(context, plan, on_device(rewards), batch, {}, result, on_device(grad), workspace);
  }
  /// The same on the CPU, compared with what came out here.
  void expect_results_of(const std::vector<float>& rewards) const {
    std::vector<float> expected_loss(1), expected_grad(num_steps);
    RankingBatch host;
    host.offsets = view(host_offsets);
    host.rankings = view(host_rankings);
    host.ranking_offsets = view(host_ranking_offsets);
    host.weights = view(host_weights);
    RankingResult host_result;
    host_result.loss = view(expected_loss);
    ranking_loss(Context(1), view(rewards), host, {}, host_result, view(expected_grad));
    const std::vector<float> got_loss = loss.to_host(), got_grad = grad.to_host();
    EXPECT_NEAR(got_loss[0], expected_loss[0], 1e-6);
    for (std::size_t i = 0; i < got_grad.size(); ++i) EXPECT_NEAR(got_grad[i], expected_grad[i], 1e-6) << i;
  }
};

Context context_on(const Stream& stream) { return Context(1).on_stream(stream.get()); }

TEST(RankingLossOnADevice, RunsOnTheCallersStreamAndWaitsForNothing) {
  const Stream stream, other;
  const Call call;
  const RankingLossPlan plan(Call::capacity());
  const Buffer<std::byte> workspace(plan.workspace_bytes());
  call.run(context_on(stream), plan, {workspace.get(), workspace.size()});
  EXPECT_FALSE(stream.is_idle());
  EXPECT_TRUE(other.is_idle());
  stream.wait();
  EXPECT_EQ(num_pending_operations(), 0u);
  call.expect_results_of(call.host_rewards);
}

TEST(RankingLossOnADevice, IsCapturedInAGraphAndReplayedWithNewData) {
  const Stream stream;
  const Call call;
  const RankingLossPlan plan(Call::capacity());
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

TEST(RankingLossOnADevice, AWorkspaceOfItsOwnNeedsNoWaiting) {
  const Stream stream;
  const Call call;
  ranking_loss(context_on(stream), on_device(call.rewards), call.batch, {}, call.result, on_device(call.grad));
  EXPECT_FALSE(stream.is_idle());
  stream.wait();
  call.expect_results_of(call.host_rewards);
}

TEST(RankingLossOnADevice, WithoutAGradientNothingIsSorted) {
  const Stream stream;
  const Call call;
  const RankingLossPlan plan(Call::capacity());
  const Buffer<std::byte> workspace(plan.workspace_bytes());
  ranking_loss(context_on(stream), plan, on_device(call.rewards), call.batch, {}, call.result, {}, {workspace.get(), workspace.size()});
  EXPECT_EQ(num_pending_operations(), 3u);  // scores, rankings, their sums
  stream.wait();
}

TEST(RankingLossOnADevice, APlanSaysWhatItWillDo) {
  const RankingLossPlan plan(Call::capacity());
  EXPECT_EQ(plan.describe().find("ranking_loss on cuda:0: up to 1 members, 20 steps (f32), 4 segments, 2 rankings of 5 entries in all"), 0u) << plan.describe();
  EXPECT_EQ(plan.describe().find("block per piece"), std::string::npos) << "no segment can be that long";
  RankingCapacity longer = Call::capacity();
  longer.num_steps = 1'000'000;
  EXPECT_NE(RankingLossPlan(longer).describe().find("of more than 4096 steps by a block per piece"), std::string::npos);
}

TEST(RankingLossOnADevice, RulesOnShapesComeBeforeAnythingIsEnqueued) {
  const Stream stream;
  const RankingLossPlan plan(Call::capacity());
  const Buffer<std::byte> workspace(plan.workspace_bytes());
  const auto refuse = [&](ErrorCode code, const std::string& message, const Workspace& given, auto spoil) {
    Call call;
    spoil(call);
    testing::expect_error(code, message, [&] { call.run(context_on(stream), plan, given); });
    EXPECT_EQ(num_pending_operations(), 0u) << message;
  };
  const Workspace whole{workspace.get(), workspace.size()};
  const auto invalid = ErrorCode::invalid_argument;
  refuse(invalid, "ranking_top = -1 must be >= 0 (0: all stages)", whole, [](Call& c) { c.batch.ranking_top = -1; });
  refuse(invalid, "loss has shape [2]; it must be [num_members] = [1]", whole, [](Call& c) { c.result.loss.shape[0] = 2; });
  refuse(ErrorCode::invalid_type, "rankings lives on cuda:1 and step_rewards on cuda:0: all tensors of a call live on one device", whole,
         [](Call& c) { c.batch.rankings.device.index = 1; });
  refuse(invalid, fmt::format("workspace has {} bytes; the plan needs {}", workspace.size() - 1, workspace.size()), whole.first(workspace.size() - 1), [](Call&) {});
}

TEST(RankingLossOnADevice, APlanBeyondWhatIsSortedIsRefused) {
  RankingCapacity capacity = Call::capacity();
  capacity.num_entries = std::int64_t{1} << 30;
  testing::expect_error(ErrorCode::unsupported, "a plan for CUDA takes fewer than 1073741824 segments, rankings and entries: this one has 4, 2 and 1073741824",
                        [&] { RankingLossPlan{capacity}; });
}

}  // namespace
}  // namespace segpref::simt
