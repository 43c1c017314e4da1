// The launcher of the fused end of a training step: the bits of the launchers that it stands for, and a graph of it that counts its steps.
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/cuda/adamw/launch.hpp"
#include "kernels/cuda/reward_mlp/reduce_adamw_launch.hpp"
#include "tests/simt/cuda_runtime/cuda_runtime.hpp"
#include "tests/simt/cuda_runtime/failures.hpp"
#include "tests/simt/host/device_call.hpp"

namespace segpref::simt {
namespace {

std::size_t count(std::int64_t n) { return static_cast<std::size_t>(n); }

template <typename T>
std::vector<T> waves(std::size_t n, int phase) {
  std::vector<T> values(n);
  for (std::size_t i = 0; i < n; ++i) values[i] = static_cast<T>(0.5f * std::sin(0.7f * static_cast<float>(i) + static_cast<float>(phase)));
  return values;
}

/// Parameters and moments of two members, and what a forward and a backward pass would have left for the gradients: seven rows of zeros and waves.
class Training {
 public:
  explicit Training(cuda::MlpPrecision precision)
      : precision_(precision), shape_(shape()), parameters_(waves<float>(count(shape_.num_parameters), 1)), first_(parameters_.size(), 0.0f), second_(first_.size(), 0.0f),
        gradients_(first_.size(), 0.0f), partial_(2 * first_.size()), packed_(count(members * shape_.packed_size * cuda::operand_bytes(precision))),
        inputs_(operands(rows * shape_.padded_width[0])), hidden_(operands(members * rows * shape_.hidden_columns)), grad_hidden_(operands(members * rows * shape_.hidden_columns)),
        grad_raw_(waves<float>(count(members * rows), 2)) {
    EXPECT_EQ(cuda::launch_pack_weights(precision_, {shape_, parameters_.get(), packed_.get()}, stream_.get()), cudaSuccess);
    stream_.wait();
  }

  void step_apart(std::int64_t step) const {
    EXPECT_EQ(cuda::launch_mlp_weight_grad(precision_, sums(), stream_.get()), cudaSuccess);
    const cuda::AdamWParams<float> adamw{parameters_.get(), gradients_.get(), first_.get(), second_.get(), shape_.num_parameters, math::adamw_coefficients<float>(rates, step)};
    EXPECT_EQ(cuda::launch_adamw(adamw, stream_.get()), cudaSuccess);
    EXPECT_EQ(cuda::launch_pack_weights(precision_, {shape_, parameters_.get(), packed_.get()}, stream_.get()), cudaSuccess);
    stream_.wait();
  }
  cuda::MlpReduceAdamWParams fused() const {
    cuda::MlpReduceAdamWParams params;
    params.sums = sums();
    params.parameters = parameters_.get();
    params.first_moment = first_.get();
    params.second_moment = second_.get();
    params.packed = packed_.get();
    return params;
  }
  void expect_same(const Training& other) const {
    EXPECT_EQ(parameters_.to_host(), other.parameters_.to_host());
    EXPECT_EQ(first_.to_host(), other.first_.to_host());
    EXPECT_EQ(second_.to_host(), other.second_.to_host());
    EXPECT_EQ(gradients_.to_host(), other.gradients_.to_host());
    EXPECT_EQ(packed_.to_host(), other.packed_.to_host());
  }
  const Stream& stream() const { return stream_; }

  static constexpr math::AdamWRates rates{1e-2, 0.9, 0.999, 1e-8, 0.1, true};

 private:
  static constexpr std::int64_t members = 2, rows = 7;

  static cuda::MlpShape shape() {
    RewardArchitecture architecture;
    architecture.feature_dim = 20;
    architecture.hidden = {24, 40};
    architecture.num_members = members;
    return cuda::mlp_shape(architecture);
  }
  /// bf16 or f32 numbers: small ones in both, as bytes.
  std::vector<unsigned char> operands(std::int64_t elements) const {
    std::vector<unsigned char> bytes;
    for (std::int64_t i = 0; i < elements; ++i) {
      const std::uint16_t small = static_cast<std::uint16_t>(0x3f00 + 16 * (i % 7));
      const unsigned char low = 0, parts[2] = {static_cast<unsigned char>(small & 0xff), static_cast<unsigned char>(small >> 8)};
      if (precision_ == cuda::MlpPrecision::f32) bytes.insert(bytes.end(), {low, low});  // the upper half of an f32 is a bf16
      bytes.insert(bytes.end(), {parts[0], parts[1]});
    }
    return bytes;
  }
  cuda::MlpWeightGradParams sums() const {
    cuda::MlpRows in_rows;
    in_rows.num_rows = in_rows.row_capacity = rows;
    return {shape_, in_rows, {inputs_.get(), hidden_.get(), nullptr, nullptr}, grad_raw_.get(), grad_hidden_.get(), 2, partial_.get(), nullptr, gradients_.get()};
  }

  Stream stream_;
  cuda::MlpPrecision precision_;
  cuda::MlpShape shape_;
  Buffer<float> parameters_, first_, second_, gradients_, partial_;
  Buffer<unsigned char> packed_, inputs_, hidden_, grad_hidden_;
  Buffer<float> grad_raw_;
};

class MlpStepLaunch : public ::testing::TestWithParam<cuda::MlpPrecision> {};
INSTANTIATE_TEST_SUITE_P(EveryPrecision, MlpStepLaunch, ::testing::Values(cuda::MlpPrecision::f32, cuda::MlpPrecision::bf16),
                         [](const auto& info) { return info.param == cuda::MlpPrecision::f32 ? "f32" : "bf16"; });

TEST_P(MlpStepLaunch, HasTheBitsOfTheLaunchersItStandsFor) {
  const Training apart(GetParam()), fused(GetParam());
  for (std::int64_t step = 1; step <= 2; ++step) {
    apart.step_apart(step);
    cuda::MlpReduceAdamWParams params = fused.fused();
    params.coefficients = math::adamw_coefficients<float>(Training::rates, step);
    EXPECT_EQ(cuda::launch_mlp_weight_grad_adamw(GetParam(), params, fused.stream().get()), cudaSuccess);
    EXPECT_EQ(num_pending_operations(), 2u) << "partial sums, and all the rest";
    fused.stream().wait();
    fused.expect_same(apart);
  }
}

TEST_P(MlpStepLaunch, InAGraphTakesTheNextStepAtEveryReplay) {
  const Training apart(GetParam()), fused(GetParam());
  const Buffer<std::int64_t> number(1, 1);
  cuda::MlpReduceAdamWParams params = fused.fused();
  params.rates = Training::rates;
  params.step = number.get();
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  ASSERT_EQ(cudaStreamBeginCapture(fused.stream().get(), cudaStreamCaptureModeGlobal), cudaSuccess);
  EXPECT_EQ(cuda::launch_mlp_weight_grad_adamw(GetParam(), params, fused.stream().get()), cudaSuccess);
  ASSERT_EQ(cudaStreamEndCapture(fused.stream().get(), &graph), cudaSuccess) << "something waited or allocated";
  ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
  for (std::int64_t step = 1; step <= 3; ++step) {
    ASSERT_EQ(cudaGraphLaunch(executable, fused.stream().get()), cudaSuccess);
    fused.stream().wait();
    apart.step_apart(step);
  }
  fused.expect_same(apart);
  EXPECT_EQ(number.to_host()[0], 4);
  cudaGraphExecDestroy(executable);
  cudaGraphDestroy(graph);
}

TEST_P(MlpStepLaunch, EndsWithTheLaunchThatFails) {
  const Training training(GetParam());
  const Buffer<std::int64_t> number(1, 1);
  cuda::MlpReduceAdamWParams params = training.fused();
  params.rates = Training::rates;
  params.step = number.get();
  for (int num_good = 0; num_good < 3; ++num_good) {  // partial sums, the step, its number
    fail_launch_after(num_good, cudaErrorInvalidConfiguration);
    EXPECT_EQ(cuda::launch_mlp_weight_grad_adamw(GetParam(), params, training.stream().get()), cudaErrorInvalidConfiguration);
    EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidConfiguration);
    EXPECT_EQ(num_pending_operations(), static_cast<std::size_t>(num_good));
    training.stream().wait();
    EXPECT_EQ(number.to_host()[0], 1);
  }
}

}  // namespace
}  // namespace segpref::simt
