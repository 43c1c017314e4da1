// The resident path as the host sees it: when it fits, how it shares out pairs, and a whole step on a stream for every tile, against the oracle.
#include <gtest/gtest.h>

#include "kernels/cuda/reward_mlp/launch_resident.hpp"
#include "tests/simt/cuda_runtime/cuda_runtime.hpp"
#include "tests/simt/support/mlp_resident.hpp"

namespace segpref::simt {
namespace {

/// The `christiano` workload: D 24, hidden 64-64, 3 members, 64 pairs of 30 steps.
cuda::MlpResidentCapacity christiano(cuda::MlpPrecision precision) {
  RewardArchitecture architecture;
  architecture.feature_dim = 24;
  architecture.hidden = {64, 64};
  architecture.num_members = 3;
  cuda::MlpResidentCapacity capacity;
  capacity.precision = precision;
  capacity.shape = cuda::mlp_shape(architecture);
  capacity.num_batch_pairs = 64;
  capacity.max_segment_steps = 30;
  return capacity;
}

void set_hidden(cuda::MlpResidentCapacity& capacity, std::vector<std::int64_t> hidden) {
  RewardArchitecture architecture;
  architecture.feature_dim = capacity.shape.width[0];
  architecture.hidden = std::move(hidden);
  capacity.shape = cuda::mlp_shape(architecture);
}

TEST(MlpResidentFit, ChristianoFits) {
  for (const cuda::MlpPrecision precision : {cuda::MlpPrecision::f32, cuda::MlpPrecision::bf16}) {
    cuda::MlpResidentCapacity capacity = christiano(precision);
    EXPECT_EQ(cuda::why_not_resident(capacity), "");
    capacity.has_bit_slopes = false;
    EXPECT_EQ(cuda::why_not_resident(capacity), "");
  }
}

TEST(MlpResidentFit, WhatDoesNotFitIsNamed) {
  const auto reason = [](auto change) {
    cuda::MlpResidentCapacity capacity = christiano(cuda::MlpPrecision::f32);
    change(capacity);
    return cuda::why_not_resident(capacity);
  };
  using Capacity = cuda::MlpResidentCapacity;
  EXPECT_EQ(reason([](Capacity& c) { c.precision = cuda::MlpPrecision::tf32; }), "products are of f32 or bf16 operands there");
  EXPECT_EQ(reason([](Capacity& c) { c.wants_scores = true; }), "scores of segments are asked for");
  EXPECT_EQ(reason([](Capacity& c) { c.wants_grad_features = true; }), "gradients of features are asked for");
  EXPECT_EQ(reason([](Capacity& c) { c.shape.width[0] = 65; }), "feature_dim = 65 is more than 64");
  EXPECT_EQ(reason([](Capacity& c) { set_hidden(c, {64, 65}); }), "hidden[1] = 65 is more than 64");
  EXPECT_EQ(reason([](Capacity& c) { c.max_segment_steps = 0; }), "max_segment_steps is not known");
  EXPECT_EQ(reason([](Capacity& c) { c.max_segment_steps = 33; }), "max_segment_steps = 33 is more than 32");
  EXPECT_EQ(reason([](Capacity& c) { set_hidden(c, {8, 8, 8}); }), "");
  const auto deep_with_slopes = [](Capacity& c) { set_hidden(c, {8, 8, 8}), c.has_bit_slopes = false; };
  const std::string too_large = reason(deep_with_slopes);
  EXPECT_TRUE(too_large.starts_with("shared memory = ") && too_large.ends_with(" is more than 166912 bytes")) << too_large;
  EXPECT_EQ(reason([&](Capacity& c) { deep_with_slopes(c), c.precision = cuda::MlpPrecision::bf16; }), "");
}

TEST(MlpResidentFit, TheGridIsAFunctionOfCapacityAndDevice) {
  const auto grid = [](cuda::MlpPrecision precision, std::int64_t max_segment_steps, std::int64_t num_batch_pairs, int num_multiprocessors) {
    cuda::MlpResidentCapacity capacity = christiano(precision);
    capacity.max_segment_steps = max_segment_steps;
    capacity.num_batch_pairs = num_batch_pairs;
    const cuda::MlpResidentGrid g = cuda::mlp_resident_grid(capacity, num_multiprocessors);
    return std::vector<int>{g.segment_rows, g.pairs_per_tile, g.num_blocks};
  };
  EXPECT_EQ(grid(cuda::MlpPrecision::bf16, 30, 64, 132), (std::vector<int>{30, 1, 64})) << "a tile per block, two blocks of 256 threads at once";
  EXPECT_EQ(grid(cuda::MlpPrecision::f32, 30, 64, 132), (std::vector<int>{30, 1, 44})) << "one block at once";
  EXPECT_EQ(grid(cuda::MlpPrecision::f32, 5, 64, 132), (std::vector<int>{5, 6, 11}));
  EXPECT_EQ(grid(cuda::MlpPrecision::f32, 1, 0, 132), (std::vector<int>{1, 32, 1})) << "an empty batch has gradients too: zeros";
  EXPECT_EQ(grid(cuda::MlpPrecision::f32, 32, 100, 2), (std::vector<int>{32, 1, 1}));
}

struct MlpResidentLaunch : ::testing::Test {
  cudaStream_t stream = nullptr;

  void SetUp() override { ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess); }
  void TearDown() override { ASSERT_EQ(cudaStreamDestroy(stream), cudaSuccess); }

  template <class Operands>
  void check(cuda::MlpPrecision precision, std::vector<std::int64_t> hidden, Activation activation, std::int64_t num_pairs = 5) {
    ResidentCase c;
    c.mlp.architecture.feature_dim = 20;
    c.mlp.architecture.hidden = std::move(hidden);
    c.mlp.architecture.activation = activation;
    c.pairs.num_pairs = num_pairs;
    c.pairs.num_segments = 2 * num_pairs;
    c.pairs.lengths = {3, 8};
    const ResidentProblem<> problem(c);
    const ResidentRun<float> run(problem);
    EXPECT_EQ(cuda::launch_mlp_resident(precision, run.params(), stream), cudaSuccess);
    EXPECT_EQ(num_pending_operations(), 3u) << "a launcher waits for nothing";
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    expect_step<Operands>(problem, run.result(), expected_of(problem, rounding_of<Operands>));
  }
};

TEST_F(MlpResidentLaunch, EveryTileInF32) {
  for (const Activation activation : {Activation::leaky_relu, Activation::tanh}) check<cuda::SplitTf32Operands>(cuda::MlpPrecision::f32, {24, 16}, activation);
  check<cuda::SplitTf32Operands>(cuda::MlpPrecision::f32, {24, 16, 8}, Activation::relu);
}

TEST_F(MlpResidentLaunch, EveryTileInBf16) {
  for (const Activation activation : {Activation::leaky_relu, Activation::silu})
    for (const std::vector<std::int64_t>& hidden : {std::vector<std::int64_t>{24, 16}, {24, 16, 8}}) check<cuda::Bf16Operands>(cuda::MlpPrecision::bf16, hidden, activation);
}

TEST_F(MlpResidentLaunch, AnEmptyBatchHasGradientsOfZero) { check<cuda::Bf16Operands>(cuda::MlpPrecision::bf16, {24}, Activation::relu, 0); }

TEST_F(MlpResidentLaunch, WhatDoesNotFitIsRefused) {
  cuda::MlpResidentParams params;
  params.shape = christiano(cuda::MlpPrecision::f32).shape;
  params.shape.num_hidden = 4;
  params.formula.activation = Activation::gelu;
  EXPECT_EQ(cuda::launch_mlp_resident(cuda::MlpPrecision::f32, params, stream), cudaErrorInvalidValue);
  EXPECT_EQ(num_pending_operations(), 0u);
}

}  // namespace
}  // namespace segpref::simt
