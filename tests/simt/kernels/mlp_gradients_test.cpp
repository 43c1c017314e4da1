// Gradients of the MLP's weights, biases and features from gradients of rewards: forward, backward, weight and feature gradient kernels against the oracle.
#include "tests/simt/support/mlp_problem.hpp"

namespace segpref::simt {
namespace {

template <class Operands>
using Chain = cuda::ChainTileFor<Operands, 64>;
using F32 = cuda::SplitTf32Operands;
constexpr std::int64_t tile_rows = Chain<F32>::rows, slab_rows = cuda::SmallWeightGradTile<F32>::slab;

RewardArchitecture architecture(std::int64_t dim, std::vector<std::int64_t> hidden, std::int64_t members) {
  RewardArchitecture a;
  a.feature_dim = dim;
  a.hidden = std::move(hidden);
  a.num_members = members;
  a.leaky_slope = 0.1;
  return a;
}

template <class Operands, typename Feature = float>
void check(const MlpCase& c) {
  const MlpProblem<Feature> problem(c);
  MlpRun<Chain<Operands>, Feature> run(problem);
  run.forward(true);
  run.backward();
  const std::vector<float> gradients = run.template weight_grad<cuda::SmallWeightGradTile<Operands>>();
  const MlpExpected expected = expected_of(problem, rounding_of<Operands>, true);
  expect_gradients(problem.shape, gradients, expected.gradients, mlp_bounds<Operands>.gradients);
  if (c.steps.empty() || !c.rows_of_member.empty()) expect_grad_features(run.grad_features(), expected.grad_features, c.architecture.feature_dim, mlp_bounds<Operands>.gradients);
}

TEST(MlpGradients, RowsAroundATileAndASlab) {
  for (const std::int64_t rows : {std::int64_t{0}, std::int64_t{1}, slab_rows - 1, slab_rows, slab_rows + 1, tile_rows - 1, tile_rows, tile_rows + 1, 2 * tile_rows + 5})
    check<F32>({architecture(16, {64}, 1), rows});
}

TEST(MlpGradients, FeaturesAroundTheTilesColumns) {
  for (const std::int64_t dim : {1, 16, 33, 65, 150}) check<F32>({architecture(dim, {64}, 1), 9});
}

TEST(MlpGradients, WidthsAndDepths) {
  for (const std::vector<std::int64_t>& hidden : {std::vector<std::int64_t>{1}, {16}, {33}, {8, 64}, {64, 8}, {40, 64, 17}, {64, 33, 8, 50}}) check<F32>({architecture(10, hidden, 2), 5});
}

template <class Operands>
struct MlpGradientsPrecision : ::testing::Test {};
using EveryPrecision = ::testing::Types<cuda::SplitTf32Operands, cuda::Tf32Operands, cuda::Bf16Operands, cuda::F16Operands>;
TYPED_TEST_SUITE(MlpGradientsPrecision, EveryPrecision);

TYPED_TEST(MlpGradientsPrecision, ThreeLayers) { check<TypeParam>({architecture(33, {64, 40, 64}, 2), tile_rows + 3}); }

TYPED_TEST(MlpGradientsPrecision, SlopesAsOperands) {
  RewardArchitecture a = architecture(12, {40, 24}, 2);
  a.activation = Activation::silu;
  check<TypeParam>({a, 20});
}

TEST(MlpGradients, ARerunGivesTheSameBits) {
  MlpCase c{architecture(33, {64, 40}, 2), tile_rows + 3};
  c.num_splits = 3;
  const MlpProblem<> problem(c);
  std::vector<float> gradients;
  for (int run_number = 0; run_number < 2; ++run_number) {
    MlpRun<Chain<F32>> run(problem);
    run.forward(true);
    run.backward();
    const std::vector<float> again = run.weight_grad<cuda::SmallWeightGradTile<F32>>();
    if (run_number == 1) {
      EXPECT_EQ(gradients, again);
    }
    gradients = again;
  }
}

TEST(MlpGradients, EveryActivation) {
  for (const Activation activation : {Activation::relu, Activation::leaky_relu, Activation::tanh, Activation::silu, Activation::gelu}) {
    RewardArchitecture a = architecture(12, {40, 24}, 1);
    a.activation = activation;
    check<F32>({a, 20});
  }
}

TEST(MlpGradients, EveryOutput) {
  for (const Output output : {Output::identity, Output::tanh, Output::sigmoid})
    for (const bool is_scaled : {false, true}) {
      RewardArchitecture a = architecture(12, {40}, 2);
      a.output = output;
      a.output_scaled = is_scaled && output != Output::identity;
      a.output_lo = -2, a.output_hi = 5;
      check<F32>({a, 10});
    }
}

TEST(MlpGradients, WithoutBiases) {
  RewardArchitecture a = architecture(12, {40, 24}, 2);
  a.bias = false;
  check<F32>({a, 10});
}

TEST(MlpGradients, SplitsAreAddedUpInOrder) {
  for (const int splits : {2, 3, 7}) {  // 7: more than there are slabs
    MlpCase c{architecture(12, {40}, 2), 3 * slab_rows + 5};
    c.num_splits = splits;
    c.is_scaled = true;
    check<F32>(c);
  }
}

TEST(MlpGradients, RowsWithoutAGradientLeaveNoTrace) {
  for (const Activation activation : {Activation::relu, Activation::gelu}) {
    RewardArchitecture a = architecture(40, {33, 64}, 2);
    a.activation = activation;
    MlpCase c{a, tile_rows + 9};
    c.has_left_out_rows = true;
    check<F32>(c);
    check<cuda::Bf16Operands>(c);
  }
}

TEST(MlpGradients, OverlappingWindowsStandardisedFromTwoTensors) {
  MlpCase c{architecture(40, {32}, 2), 30};
  c.steps = {29, 3, 4, 5, 4, 5, 6, 0};
  c.spare_rows = 70;
  c.first_dim = 21;
  c.is_standardised = true;
  check<F32>(c);
  check<F32, bf16>(c);
}

TEST(MlpGradients, FeaturesOfListedStepsFromTwoTensors) {
  MlpCase c{architecture(70, {40, 24}, 3), 90};
  for (std::int64_t i = 0; i < tile_rows + 3; ++i) c.steps.push_back(i * 7 % 90);  // distinct
  c.first_dim = 45;
  c.is_standardised = c.is_scaled = c.has_left_out_rows = true;
  const MlpProblem<> problem(c);
  MlpRun<Chain<F32>> run(problem);
  run.forward(true);
  run.backward();
  expect_grad_features(run.grad_features(), expected_of(problem, testing::exact, true).grad_features, 70, mlp_bounds<F32>.gradients);
}

TEST(MlpGradients, MembersWithRowsOfTheirOwn) {
  MlpCase c{architecture(12, {32}, 3), 30};
  c.steps = {29, 3, 4, 1, 2, 0, 17, 3, 8};
  c.rows_of_member = {3, 0, 2};
  check<F32>(c);  // step 3 is in rows of two members
  c.is_standardised = c.is_scaled = true;
  c.first_dim = 5;
  check<F32>(c);
}

TEST(MlpGradients, DropoutDropsWhatTheOracleDrops) {
  for (const Activation activation : {Activation::leaky_relu, Activation::tanh}) {
    RewardArchitecture a = architecture(12, {40, 33}, 2);
    a.activation = activation;
    MlpCase c{a, 30};
    c.dropout_rate = 0.4;
    check<F32>(c);
    check<cuda::Bf16Operands>(c);
  }
}

}  // namespace
}  // namespace segpref::simt
