// Gradients of the MLP's weights, biases and features from gradients of rewards: forward, backward, weight and feature gradient kernels against the oracle.
#include "tests/simt/support/mlp_problem.hpp"

namespace segpref::simt {
namespace {

template <class Operands>
using Chain = cuda::ChainTileFor<Operands, 64>;
using F32 = cuda::SplitTf32Operands;
using Bf16 = cuda::Bf16Operands;
constexpr std::int64_t tile_rows = TinyChain<F32>::rows, slab_rows = TinyWeightGrad<F32>::slab;

RewardArchitecture architecture(std::int64_t dim, std::vector<std::int64_t> hidden, std::int64_t members) {
  RewardArchitecture a;
  a.feature_dim = dim;
  a.hidden = std::move(hidden);
  a.num_members = members;
  a.leaky_slope = 0.1;
  return a;
}

/// Rewards, gradients of all parameters and, where rows are distinct steps, of the features.
template <class ChainTile, class WeightGradTile, typename Feature>
void check_with(const MlpProblem<Feature>& problem) {
  using Operands = typename ChainTile::Operands;
  MlpRun<ChainTile, Feature> run(problem);
  run.forward(true);
  run.backward();
  const std::vector<float> gradients = run.template weight_grad<WeightGradTile>();
  const MlpExpected expected = expected_of(problem, rounding_of<Operands>, true);
  expect_rewards(run.rewards(), expected.rewards, mlp_bounds<Operands>.rewards);
  expect_gradients(problem.shape, gradients, expected.gradients, mlp_bounds<Operands>.gradients);
  if (problem.in.steps.empty() || !problem.in.rows_of_member.empty()) expect_grad_features(run.grad_features(), expected.grad_features, problem.in.architecture.feature_dim, mlp_bounds<Operands>.gradients);
}

/// The same on the tiny tiles. Under the long tests' seeds cases take turns.
template <class Operands, typename Feature = float>
void check(const MlpProblem<Feature>& problem) {
  if (is_turn_of_case(problem.in)) check_with<TinyChain<Operands>, TinyWeightGrad<Operands>>(problem);
}
template <class Operands, typename Feature = float>
void check(const MlpCase& c) {
  check<Operands>(MlpProblem<Feature>(c));
}

TEST(MlpGradients, RowsAroundATileAndASlab) {
  for (const std::int64_t rows : {std::int64_t{0}, std::int64_t{1}, tile_rows - 1, tile_rows, tile_rows + 1, slab_rows - 1, slab_rows, slab_rows + 1, 2 * slab_rows + 5})
    check<F32>({architecture(12, {24}, 1), rows});
}

TEST(MlpGradients, FeaturesAroundTheTilesColumns) {
  for (const std::int64_t dim : {1, 33, 1024}) check<F32>({architecture(dim, {24}, 1), 9});
}

TEST(MlpGradients, WidthsAndDepths) {
  for (const std::vector<std::int64_t>& hidden : {std::vector<std::int64_t>{1}, {33, 64}, {64, 33, 8, 50}}) check<F32>({architecture(10, hidden, 1), 5});
}

template <class Operands>
struct MlpGradientsPrecision : ::testing::Test {};
using EveryPrecision = ::testing::Types<cuda::SplitTf32Operands, cuda::Tf32Operands, cuda::Bf16Operands, cuda::F16Operands>;
TYPED_TEST_SUITE(MlpGradientsPrecision, EveryPrecision);

TYPED_TEST(MlpGradientsPrecision, ThreeLayers) {
  if (is_turn_of_precision<TypeParam>(2))
    check_with<Chain<TypeParam>, cuda::SmallWeightGradTile<TypeParam>>(MlpProblem<>({architecture(33, {64, 40, 24}, 1), Chain<TypeParam>::rows - 1}));
}

TYPED_TEST(MlpGradientsPrecision, SlopesAsOperands) {
  RewardArchitecture a = architecture(12, {40, 24}, 2);
  a.activation = Activation::silu;
  if (is_turn_of_precision<TypeParam>(2)) check_with<Chain<TypeParam>, cuda::SmallWeightGradTile<TypeParam>>(MlpProblem<>({a, 20}));
}

TEST(MlpGradients, ARerunGivesTheSameBits) {
  MlpCase c{architecture(33, {40, 24}, 2), slab_rows + 3};
  c.num_splits = 2;
  const MlpProblem<> problem(c);
  std::vector<float> gradients;
  for (int run_number = 0; run_number < 2; ++run_number) {
    MlpRun<TinyChain<Bf16>> run(problem);
    run.forward(true);
    run.backward();
    const std::vector<float> again = run.weight_grad<TinyWeightGrad<Bf16>>();
    if (run_number == 1) {
      EXPECT_EQ(gradients, again);
    }
    gradients = again;
  }
}

TEST(MlpGradients, EveryActivationAndOutput) {
  for (const RewardArchitecture& a : with_every_activation_and_output(architecture(12, {24, 8}, 1))) check<F32>({a, 10});
}

TEST(MlpGradients, WithoutBiases) {
  RewardArchitecture a = architecture(12, {40, 24}, 2);
  a.bias = false;
  check<F32>({a, 10});
}

TEST(MlpGradients, SplitsAreAddedUpInOrder) {
  for (const int splits : {2, 7}) {  // 7: more than there are slabs
    MlpCase c{architecture(12, {24}, 2), 2 * slab_rows + 5};
    c.num_splits = splits;
    c.is_scaled = true;
    check<F32>(c);
  }
}

TEST(MlpGradients, MoreSplitsThanRows) {
  MlpCase c{architecture(12, {40}, 2), 3};
  c.num_splits = 5;
  check<F32>(c);
}

TEST(MlpGradients, RowsWithoutAGradientLeaveNoTrace) {
  for (const Activation activation : {Activation::relu, Activation::gelu}) {
    RewardArchitecture a = architecture(40, {33, 24}, 2);
    a.activation = activation;
    MlpCase c{a, tile_rows + 9};
    c.has_left_out_rows = true;
    if (activation == Activation::relu) check<F32>(c);
    else check<Bf16>(c);
  }
}

TEST(MlpGradients, OverlappingWindowsStandardisedFromTwoTensors) {
  MlpCase c{architecture(40, {32}, 2), 30};
  c.steps = {29, 3, 4, 5, 4, 5, 6, 0};
  c.spare_rows = 2 * tile_rows + 6;
  c.first_dim = 21;
  c.is_standardised = true;
  check<F32>(c);
  check<F32, bf16>(c);
}

TEST(MlpGradients, FeaturesOfListedStepsFromTwoTensors) {
  MlpCase c{architecture(70, {24}, 2), 90};
  for (std::int64_t i = 0; i < cuda::GradFeaturesTile<F32>::rows + 3; ++i) c.steps.push_back(i * 7 % 90);  // distinct
  c.first_dim = 45;
  c.is_standardised = c.is_scaled = c.has_left_out_rows = true;
  const MlpProblem<> problem(c);
  MlpRun<TinyChain<Bf16>> run(problem);
  run.forward(true);
  run.backward();
  expect_grad_features(run.grad_features(), expected_of(problem, rounding_of<Bf16>, true).grad_features, 70, mlp_bounds<Bf16>.gradients);
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

TEST(MlpGradients, ThirtyTwoMembers) {
  MlpCase c{architecture(5, {8}, 32), 3};
  c.is_scaled = true;
  check<Bf16>(c);
}

TEST(MlpGradients, DropoutDropsWhatTheOracleDrops) {
  for (const Activation activation : {Activation::leaky_relu, Activation::tanh}) {
    RewardArchitecture a = architecture(12, {40, 33}, 2);
    a.activation = activation;
    MlpCase c{a, 10};
    c.dropout_rate = 0.4;
    if (activation == Activation::leaky_relu) check<F32>(c);
    else check<Bf16>(c);
  }
}

// Networks at the end of their rope: gradients that are 0 for the oracle must be 0

struct MlpEdges : ::testing::Test {
  static MlpProblem<> problem(Activation activation, Output output) {
    RewardArchitecture a = architecture(12, {40, 24}, 2);
    a.activation = activation;
    a.output = output;
    MlpProblem<> problem({a, tile_rows + 1});
    for (float& grad : problem.grad_rewards) grad = std::fabs(grad);  // what is left does not cancel
    return problem;
  }
  static void expect_no_gradient_of(int layer, const MlpProblem<>& problem) {
    const std::vector<double> gradients = expected_of(problem, rounding_of<F32>, true).gradients;
    EXPECT_EQ(largest_of(gradients, problem.shape.weight[layer], problem.shape.weight[layer + 1] - problem.shape.weight[layer]), 0.0);
  }
};

TEST_F(MlpEdges, EqualRewardsLeaveHiddenLayersAlone) {
  MlpProblem<> p = problem(Activation::leaky_relu, Output::tanh);
  p.fill_weights(2, 0);
  for (const int layer : {0, 1}) expect_no_gradient_of(layer, p);
  check<F32>(p);
}

TEST_F(MlpEdges, DeadUnitsPassNothingOn) {
  MlpProblem<> p = problem(Activation::relu, Output::identity);
  p.fill_biases(0, -1000);
  expect_no_gradient_of(0, p);
  check<F32>(p);
}

TEST_F(MlpEdges, SaturatedUnitsHaveNoSlope) {
  MlpProblem<> p = problem(Activation::tanh, Output::identity);
  p.fill_biases(0, 50);
  expect_no_gradient_of(0, p);
  check<Bf16>(p);
}

TEST_F(MlpEdges, SaturatedOutputsHaveNoGradient) {
  MlpProblem<> p = problem(Activation::leaky_relu, Output::tanh);
  p.fill_biases(2, -60);
  for (const int layer : {0, 1}) expect_no_gradient_of(layer, p);
  check<F32>(p);
}

}  // namespace
}  // namespace segpref::simt
