// Launchers of the MLP's kernels: a whole training step on a stream, for every tile that a shape can take, against the oracle.
#include <gtest/gtest.h>

#include "kernels/cuda/reward_mlp/launch.hpp"
#include "tests/simt/cuda_runtime/cuda_runtime.hpp"
#include "tests/simt/support/mlp_problem.hpp"

namespace segpref::simt {
namespace {

struct MlpLaunchers : ::testing::Test {
  cudaStream_t stream = nullptr;

  void SetUp() override { ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess); }
  void TearDown() override { ASSERT_EQ(cudaStreamDestroy(stream), cudaSuccess); }

  template <class Operands>
  void check_step(cuda::MlpPrecision precision, const std::vector<std::int64_t>& hidden) {
    MlpCase c;
    c.architecture.feature_dim = 20;
    c.architecture.hidden = hidden;
    c.num_steps = 7;
    const MlpProblem<> problem(c);
    const cuda::MlpShape& shape = problem.shape;
    const cuda::MlpFormula formula = problem.formula();
    const std::int64_t rows = c.num_steps, members = shape.num_members, bytes = cuda::operand_bytes(precision);
    const Buffer<float> parameters(problem.parameters), features(problem.first), grad_rewards(problem.grad_rewards);
    const Buffer<unsigned char> packed(count(members * shape.packed_size * bytes)), inputs(count(rows * shape.padded_width[0] * bytes));
    const Buffer<unsigned char> activations(count(members * rows * shape.hidden_columns * bytes)), grads(activations.size());
    const Buffer<unsigned char> slopes(count(cuda::mlp_slope_bytes(precision, shape, formula.has_bit_slopes(), rows)));
    const Buffer<float> raw(count(members * rows)), rewards(raw.size()), grad_raw(raw.size()), partial(count(shape.num_parameters)), gradients(partial.size());
    const Buffer<float> grad_features(count(rows * c.architecture.feature_dim));
    const cuda::MlpKept kept{inputs.get(), activations.get(), slopes.get(), raw.get()};
    cuda::MlpRows in_rows;
    in_rows.num_rows = in_rows.row_capacity = rows;
    in_rows.first = features.get();
    in_rows.first_dim = static_cast<int>(c.architecture.feature_dim);
    in_rows.first_stride = problem.first_stride();

    EXPECT_EQ(cuda::launch_pack_weights(precision, {shape, parameters.get(), packed.get()}, stream), cudaSuccess);
    EXPECT_EQ(cuda::launch_mlp_forward(precision, {shape, formula, in_rows, parameters.get(), packed.get(), kept, rewards.get()}, stream), cudaSuccess);
    EXPECT_EQ(cuda::launch_mlp_backward(precision, {shape, formula, in_rows, parameters.get(), packed.get(), kept, grad_rewards.get(), grad_raw.get(), grads.get()}, stream), cudaSuccess);
    EXPECT_EQ(cuda::launch_mlp_weight_grad(precision, {shape, in_rows, kept, grad_raw.get(), grads.get(), 1, partial.get(), nullptr, gradients.get()}, stream), cudaSuccess);
    EXPECT_EQ(cuda::launch_mlp_grad_features(precision, {shape, in_rows, packed.get(), grad_raw.get(), grads.get(), nullptr, grad_features.get(), nullptr}, stream), cudaSuccess);
    EXPECT_EQ(num_pending_operations(), 6u) << "a launcher waits for nothing";
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);

    const MlpExpected expected = expected_of(problem, rounding_of<Operands>, true);
    expect_rewards(rewards.to_host(), expected.rewards, mlp_bounds<Operands>.rewards);
    expect_gradients(shape, gradients.to_host(), expected.gradients, mlp_bounds<Operands>.gradients);
    expect_grad_features(grad_features.to_host(), expected.grad_features, c.architecture.feature_dim, mlp_bounds<Operands>.gradients);
  }
};

TEST_F(MlpLaunchers, EveryTileInF32) {
  for (const std::int64_t width : {64, 65, 129, 257}) check_step<cuda::SplitTf32Operands>(cuda::MlpPrecision::f32, {width, 24});
}

TEST_F(MlpLaunchers, EveryTileInBf16) {
  for (const std::int64_t width : {64, 65, 129, 257}) check_step<cuda::Bf16Operands>(cuda::MlpPrecision::bf16, {width, 24});
}

TEST_F(MlpLaunchers, WithoutRowsGradientsAreZero) {
  MlpCase c;
  c.architecture.feature_dim = 20;
  c.architecture.hidden = {24};
  const MlpProblem<> problem(c);
  const Buffer<float> partial(problem.parameters.size()), gradients(problem.parameters.size());
  for (const cuda::MlpPrecision precision : {cuda::MlpPrecision::f32, cuda::MlpPrecision::bf16, cuda::MlpPrecision::tf32, cuda::MlpPrecision::f16}) {
    EXPECT_EQ(cuda::launch_mlp_forward(precision, {problem.shape, {}, {}, nullptr, nullptr, {}, nullptr}, stream), cudaSuccess);
    EXPECT_EQ(cuda::launch_mlp_backward(precision, {problem.shape, {}, {}, nullptr, nullptr, {}, nullptr, nullptr, nullptr}, stream), cudaSuccess);
    EXPECT_EQ(cuda::launch_mlp_grad_features(precision, {problem.shape, {}, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr}, stream), cudaSuccess);
    EXPECT_EQ(num_pending_operations(), 0u);
    EXPECT_EQ(cuda::launch_mlp_weight_grad(precision, {problem.shape, {}, {}, nullptr, nullptr, 1, partial.get(), nullptr, gradients.get()}, stream), cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    EXPECT_EQ(gradients.to_host(), std::vector<float>(gradients.size(), 0.0f));
  }
}

}  // namespace
}  // namespace segpref::simt
