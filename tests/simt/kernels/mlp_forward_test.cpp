// Rewards of the MLP's forward kernel, and its rows: from one or two tensors, of every element type, listed, standardised, not finite.
#include "tests/simt/support/mlp_problem.hpp"

namespace segpref::simt {
namespace {

template <class Operands>
using Chain = cuda::ChainTileFor<Operands, 64>;
template <class Operands>
using Tiny = TinyChain<Operands>;
using F32 = cuda::SplitTf32Operands;
using Bf16 = cuda::Bf16Operands;
constexpr std::int64_t tile_rows = Tiny<F32>::rows;

RewardArchitecture architecture(std::int64_t dim, std::vector<std::int64_t> hidden, std::int64_t members) {
  RewardArchitecture a;
  a.feature_dim = dim;
  a.hidden = std::move(hidden);
  a.num_members = members;
  a.activation = Activation::relu;
  return a;
}

/// A prediction.
template <class Operands, typename Feature = float>
void check(const MlpCase& c) {
  const MlpProblem<Feature> problem(c);
  MlpRun<Tiny<Operands>, Feature> run(problem);
  run.forward(false);
  expect_rewards(run.rewards(), expected_of(problem, rounding_of<Operands>, false).rewards, mlp_bounds<Operands>.rewards);
}

TEST(MlpForward, TheOracleOfRoundedOperandsIsTheReferenceWithoutRounding) {
  for (const Activation activation : {Activation::relu, Activation::leaky_relu, Activation::tanh, Activation::silu, Activation::gelu})
    for (const Output output : {Output::identity, Output::tanh, Output::sigmoid}) {
      RewardArchitecture a = architecture(5, {7, 4}, 2);
      a.activation = activation;
      a.output = output;
      a.output_scaled = output != Output::identity;
      a.output_lo = -3, a.output_hi = 2;
      MlpCase c{a, 3};
      c.dropout_rate = 0.25;
      const MlpProblem<> problem(c);
      const MlpExpected expected = expected_of(problem, testing::exact, true);
      const reference::MlpModel model = testing::reference_model(a);
      const std::vector<double> parameters(problem.parameters.begin(), problem.parameters.end());
      const reference::DropoutMask mask = problem.mask();
      std::vector<double> gradients(parameters.size(), 0), no_row;
      for (std::int64_t e = 0; e < 2; ++e)
        for (std::int64_t step = 0; step < 3; ++step) {
          const reference::UnitFactor factor = [&](std::int64_t layer, std::int64_t unit) { return mask(e, layer, step, unit); };
          EXPECT_NEAR(expected.rewards[count(e * 3 + step)], reference::mlp_reward(model, parameters, e, problem.row(step), factor), 1e-13);
          reference::add_mlp_gradient(model, parameters, e, problem.row(step), static_cast<double>(problem.grad_rewards[count(e * 3 + step)]), gradients, no_row, factor);
        }
      for (std::size_t i = 0; i < gradients.size(); ++i) EXPECT_NEAR(expected.gradients[i], gradients[i], 1e-12) << "parameter " << i;
    }
}

TEST(MlpForward, RowsAroundATile) {
  for (const std::int64_t rows : {std::int64_t{0}, std::int64_t{1}, tile_rows - 1, tile_rows, tile_rows + 1, 2 * tile_rows + 5}) check<F32>({architecture(16, {64}, 1), rows});
}

TEST(MlpForward, FeaturesAroundTheTilesColumns) {
  for (const std::int64_t dim : {1, 16, 31, 32, 33, 64, 65, 150, 1024}) check<F32>({architecture(dim, {24}, 1), 9});
}

TEST(MlpForward, WidthsAndDepths) {
  for (const std::vector<std::int64_t>& hidden : {std::vector<std::int64_t>{1}, {16}, {33}, {8, 64}, {64, 8}, {40, 64, 17}, {64, 33, 8, 50}}) check<F32>({architecture(10, hidden, 2), 5});
}

template <class Operands>
struct MlpForwardPrecision : ::testing::Test {};
using EveryPrecision = ::testing::Types<cuda::SplitTf32Operands, cuda::Tf32Operands, cuda::Bf16Operands, cuda::F16Operands>;
TYPED_TEST_SUITE(MlpForwardPrecision, EveryPrecision);

TYPED_TEST(MlpForwardPrecision, WhatIsKeptForTheBackwardPassChangesNoBit) {
  if (!is_turn_of_precision<TypeParam>(2)) return;
  const MlpProblem<> problem({architecture(33, {64, 40, 24}, 2), Chain<TypeParam>::rows + 1});
  MlpRun<Chain<TypeParam>> run(problem);
  run.forward(false);
  const std::vector<float> rewards = run.rewards();
  expect_rewards(rewards, expected_of(problem, rounding_of<TypeParam>, false).rewards, mlp_bounds<TypeParam>.rewards);
  run.forward(true);
  EXPECT_EQ(run.rewards(), rewards);
}

TEST(MlpForward, EveryActivationAndOutput) {
  for (const RewardArchitecture& a : with_every_activation_and_output(architecture(12, {40, 24}, 1))) check<F32>({a, 10});
}

TEST(MlpForward, WithoutBiases) {
  RewardArchitecture a = architecture(12, {40, 24}, 2);
  a.bias = false;
  check<F32>({a, 10});
}

TEST(MlpForward, TwoTensorsAreNeverConcatenated) {
  for (const std::int64_t first_dim : {1, 20, 39}) {
    MlpCase c{architecture(40, {32}, 2), 10};
    c.first_dim = first_dim;
    check<F32>(c);
  }
}

TEST(MlpForward, EveryElementType) {
  const MlpCase c{architecture(21, {32}, 2), 10};
  check<F32, double>(c);
  check<F32, bf16>(c);
  check<F32, f16>(c);
}

TEST(MlpForward, StandardisedFeatures) {
  MlpCase c{architecture(70, {32}, 2), 10};
  c.is_standardised = true;
  check<F32>(c);
  check<Bf16>(c);
}

TEST(MlpForward, ListedRowsAreWindowsIntoAStore) {
  MlpCase c{architecture(12, {32}, 2), 30};
  c.steps = {29, 3, 4, 5, 4, 5, 6, 0};  // overlapping windows
  check<F32>(c);
  c.spare_rows = tile_rows;  // a capacity that is not used
  check<F32>(c);
}

TEST(MlpForward, MembersWithRowsOfTheirOwn) {
  MlpCase c{architecture(12, {32}, 3), 30};
  c.steps = {29, 3, 4, 1, 2, 0, 17, 17, 8};
  c.rows_of_member = {3, 0, 2};
  check<F32>(c);
}

TEST(MlpForward, FeaturesThatAreNotFiniteMakeTheirOwnRewardsNaN) {
  RewardArchitecture a = architecture(70, {32, 32}, 2);
  a.activation = Activation::tanh;  // hides an infinity
  MlpCase c{a, 12};
  c.has_left_out_rows = true;
  check<F32>(c);
  check<Bf16>(c);
}

TEST(MlpForward, DropoutDropsWhatTheOracleDrops) {
  MlpCase c{architecture(12, {40, 33}, 2), 30};
  c.dropout_rate = 0.4;
  c.steps = {29, 3, 4, 5, 0};
  check<F32>(c);
}

}  // namespace
}  // namespace segpref::simt
