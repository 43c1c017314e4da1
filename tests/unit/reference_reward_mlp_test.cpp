// The MLP oracle where formulas are silent: rows that are not finite, and the dropout mask.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "kernels/reference/dropout.hpp"
#include "kernels/reference/reward_mlp.hpp"

namespace segpref::reference {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();

MlpModel model_of(Hidden hidden, Out out) {
  MlpModel model;
  model.widths = {2, 3};
  model.hidden = hidden;
  model.out = out;
  return model;
}

std::vector<double> parameters_of(const MlpModel& model) {
  std::vector<double> parameters;
  for (std::int64_t i = 0; i < num_parameters(model); ++i) parameters.push_back(0.25 * static_cast<double>(i % 5) - 0.4);
  return parameters;
}

// tanh and sigmoid would turn an infinity into a number, and its pair would count as if nothing were wrong.
TEST(ReferenceMlp, ANonFiniteFeatureMakesTheRewardNanUnderEveryActivationAndOutput) {
  for (Hidden hidden : {Hidden::relu, Hidden::leaky_relu, Hidden::tanh, Hidden::silu, Hidden::gelu})
    for (Out out : {Out::identity, Out::tanh, Out::sigmoid}) {
      const MlpModel model = model_of(hidden, out);
      const std::vector<double> parameters = parameters_of(model);
      EXPECT_TRUE(std::isfinite(mlp_reward(model, parameters, 0, {1e30, -1e30})));
      for (double bad : {infinity, -infinity, nan})
        for (const std::vector<double>& row : {std::vector<double>{bad, 0.5}, std::vector<double>{0.5, bad}})
          EXPECT_TRUE(std::isnan(mlp_reward(model, parameters, 0, row))) << bad << ", activation " << static_cast<int>(hidden);
    }
}

TEST(ReferenceMlp, ASaturatingInfinityMakesItsOwnPairNanOrSkipsIt) {
  const MlpModel model = model_of(Hidden::tanh, Out::sigmoid);
  PreferenceProblem problem;
  problem.num_steps = 4;
  problem.segments = {{0, 1}, {1, 2}, {2, 3}, {3, 4}};
  problem.pairs = {{0, 1}, {2, 3}};
  problem.pair_order = {{0, 1}};
  problem.labels = {1, 0};
  problem.weights = {{1, 1}};
  problem.margins = {{0, 0}};
  const std::vector<std::vector<double>> features = {{0.1, 0.2}, {infinity, 0.3}, {0.4, 0.5}, {0.6, 0.7}};
  const MlpSolution propagated = mlp_preference_loss(problem, model, parameters_of(model), features);
  EXPECT_TRUE(std::isnan(propagated.preference.loss_per_pair[0][0]));
  EXPECT_TRUE(std::isfinite(propagated.preference.loss_per_pair[0][1]));
  EXPECT_TRUE(std::isnan(propagated.preference.loss[0]));
  problem.skip_nonfinite = true;
  const MlpSolution skipped = mlp_preference_loss(problem, model, parameters_of(model), features);
  EXPECT_EQ(skipped.preference.metrics[0].num_skipped, 1);
  EXPECT_EQ(skipped.preference.loss[0], propagated.preference.loss_per_pair[0][1]);
  for (double grad : skipped.grad_parameters) EXPECT_TRUE(std::isfinite(grad));
}

TEST(ReferenceMlp, AStepThatLastDoesNotReadMayHoldAnything) {
  const MlpModel model = model_of(Hidden::leaky_relu, Out::identity);
  PreferenceProblem problem;
  problem.num_steps = 4;
  problem.aggregation = Aggregate::last;
  problem.segments = {{0, 2}, {2, 4}};
  problem.pairs = {{0, 1}};
  problem.pair_order = {{0}};
  problem.labels = {1};
  problem.weights = {{1}};
  problem.margins = {{0}};
  const MlpSolution solution = mlp_preference_loss(problem, model, parameters_of(model), {{nan, 0}, {0.1, 0.2}, {0, infinity}, {0.3, 0.4}});
  EXPECT_TRUE(std::isfinite(solution.preference.loss[0]));
  for (double grad : solution.grad_parameters) EXPECT_TRUE(std::isfinite(grad));
}

TEST(ReferenceDropout, KeepsUnitsScaledAndDropsTheRest) {
  for (double rate : {0.1, 0.5, 0.9}) {
    const DropoutMask mask = dropout_mask({rate, 7, 3});
    constexpr std::int64_t num_steps = 200, num_units = 100;
    double dropped = 0;
    for (std::int64_t step = 0; step < num_steps; ++step)
      for (std::int64_t unit = 0; unit < num_units; ++unit) {
        const double factor = mask(1, 2, step, unit);
        EXPECT_TRUE(factor == 0 || factor == 1 / (1 - rate));
        dropped += factor == 0;
      }
    EXPECT_NEAR(dropped / (num_steps * num_units), rate, 0.015);  // over four standard deviations
  }
}

TEST(ReferenceDropout, SeedCallMemberLayerStepAndUnitEachChangeTheMask) {
  const auto bits = [](const Dropout& dropout, std::int64_t member, std::int64_t layer, std::int64_t first_step, std::int64_t first_unit) {
    const DropoutMask mask = dropout_mask(dropout);
    std::vector<bool> kept;
    for (std::int64_t i = 0; i < 64; ++i) kept.push_back(mask(member, layer, first_step + i / 8, first_unit + i % 8) != 0);
    return kept;
  };
  const std::set<std::vector<bool>> masks = {bits({0.5, 1, 1}, 0, 0, 0, 0), bits({0.5, 2, 1}, 0, 0, 0, 0), bits({0.5, std::uint64_t{1} << 32, 1}, 0, 0, 0, 0),
                                             bits({0.5, 1, 2}, 0, 0, 0, 0), bits({0.5, 1, 1}, 1, 0, 0, 0), bits({0.5, 1, 1}, 0, 1, 0, 0),
                                             bits({0.5, 1, 1}, 0, 0, 100, 0), bits({0.5, 1, 1}, 0, 0, 0, 100)};
  EXPECT_EQ(masks.size(), 8u);
}

}  // namespace
}  // namespace segpref::reference
