// The oracle against values worked out by hand, and identities that must hold whatever the numbers.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "kernels/reference/adamw.hpp"
#include "kernels/reference/prediction.hpp"
#include "kernels/reference/preference_loss.hpp"
#include "kernels/reference/query_scores.hpp"
#include "kernels/reference/ranking_loss.hpp"
#include "tests/support/compare.hpp"
#include "tests/support/problems.hpp"

namespace segpref {
namespace {

using reference::Aggregate;
using reference::pair_loss;
using reference::PreferenceProblem;
using reference::Ties;
using testing::flatten;
using testing::is_close;
using testing::Problem;
using testing::ProblemShape;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Two pairs: steps {1, 2, 4} against {8}, and {} against {8}.
PreferenceProblem three_segments() {
  PreferenceProblem problem;
  problem.num_steps = 5;
  problem.segments = {{0, 3}, {3, 4}, {4, 4}};
  problem.pairs = {{0, 1}, {2, 1}};
  problem.pair_order = {{0, 1}};
  problem.labels = {1, 0};
  problem.weights = {{1, 1}};
  problem.margins = {{0, 0}};
  return problem;
}
const std::vector<std::vector<double>> rewards = {{1, 2, 4, 8, 100}};

TEST(ReferencePairLoss, EqualScoresCostLog2AndPullByOneHalf) {
  const auto loss = pair_loss({}, 0, 1, 0, 0);
  EXPECT_DOUBLE_EQ(loss.loss, std::log(2.0));
  EXPECT_DOUBLE_EQ(loss.grad_logit, -0.5);
}

TEST(ReferencePairLoss, KeepsItsDigitsFarFromZero) {
  EXPECT_DOUBLE_EQ(pair_loss({}, 60, 1, 0, 0).loss, std::exp(-60.0));
  EXPECT_DOUBLE_EQ(pair_loss({}, 60, 1, 0, 0).grad_logit, -std::exp(-60.0));
  EXPECT_DOUBLE_EQ(pair_loss({}, -1e4, 1, 0, 0).loss, 1e4);
  EXPECT_DOUBLE_EQ(pair_loss({}, -1e4, 1, 0, 0).grad_logit, -1);
}

TEST(ReferencePairLoss, AMarginShiftsBothSides) {
  const auto softplus = [](double x) { return std::log1p(std::exp(x)); };
  EXPECT_DOUBLE_EQ(pair_loss({}, 0.25, 0.75, 1, 0).loss, 0.25 * softplus(1.25) + 0.75 * softplus(0.75));
}

TEST(ReferencePairLoss, SmoothingMovesTheTargetTowardsOneHalf) {
  PreferenceProblem smoothed;
  smoothed.smoothing = 0.2;
  EXPECT_DOUBLE_EQ(pair_loss(smoothed, 1.5, 1, 0, 0).loss, pair_loss({}, 1.5, 0.9, 0, 0).loss);
}

TEST(ReferencePairLoss, ALapseBoundsTheLoss) {
  PreferenceProblem lapsing;
  lapsing.lapse = 0.1;
  EXPECT_DOUBLE_EQ(pair_loss(lapsing, -1e4, 1, 0, 0).loss, -std::log(0.05));
  EXPECT_DOUBLE_EQ(pair_loss(lapsing, 1e4, 1, 0, 0).loss, -std::log1p(-0.05));
  EXPECT_DOUBLE_EQ(pair_loss(lapsing, 0, 1, 0, 0).loss, std::log(2.0));
}

TEST(ReferencePairLoss, ATinyLapseIsThePlainLoss) {
  PreferenceProblem lapsing;
  lapsing.lapse = 1e-300;
  for (double z : {-5.0, -0.5, 0.0, 3.0})
    for (double label : {0.0, 0.3, 0.5, 1.0}) {
      EXPECT_DOUBLE_EQ(pair_loss(lapsing, z, label, 0.5, 0).loss, pair_loss({}, z, label, 0.5, 0).loss);
      EXPECT_DOUBLE_EQ(pair_loss(lapsing, z, label, 0.5, 0).grad_logit, pair_loss({}, z, label, 0.5, 0).grad_logit);
    }
}

TEST(ReferencePairLoss, TieModelProbabilitiesSumToOne) {
  for (Ties ties : {Ties::rao_kupper, Ties::davidson})
    for (double lapse : {0.0, 0.3})
      for (double z : {-30.0, -2.0, 0.0, 0.7, 30.0})
        for (double parameter : {0.01, 0.5, 3.0}) {
          PreferenceProblem problem;
          problem.ties = ties;
          problem.lapse = lapse;
          double sum = 0;
          for (double label : {0.0, 0.5, 1.0}) sum += std::exp(-pair_loss(problem, z, label, 0, parameter).loss);
          EXPECT_NEAR(sum, 1, 1e-15) << z << " " << parameter;
        }
}

TEST(ReferencePairLoss, DavidsonWithoutTiesIsBradleyTerry) {
  PreferenceProblem problem;
  problem.ties = Ties::davidson;
  for (double z : {-4.0, 0.0, 2.5}) EXPECT_DOUBLE_EQ(pair_loss(problem, z, 1, 0, -100).loss, pair_loss({}, z, 1, 0, 0).loss);
}

TEST(ReferencePairLoss, ATieIsLikeliestBetweenEqualSegments) {
  PreferenceProblem problem;
  for (Ties ties : {Ties::rao_kupper, Ties::davidson}) {
    problem.ties = ties;
    EXPECT_EQ(pair_loss(problem, 0, 0.5, 0, 0.5).grad_logit, 0);
    EXPECT_GT(pair_loss(problem, 1, 0.5, 0, 0.5).grad_logit, 0);
    EXPECT_LT(pair_loss(problem, -1, 0.5, 0, 0.5).grad_logit, 0);
  }
}

TEST(ReferencePreferenceLoss, ScoresSumTheirSteps) {
  PreferenceProblem problem = three_segments();
  EXPECT_EQ(reference::preference_loss(problem, rewards).scores[0], (std::vector<double>{7, 8, 0}));
  problem.discount = 0.5;
  EXPECT_EQ(reference::preference_loss(problem, rewards).scores[0], (std::vector<double>{3, 8, 0}));
  problem.aggregation = Aggregate::mean;
  EXPECT_EQ(reference::preference_loss(problem, rewards).scores[0], (std::vector<double>{1, 8, 0}));
  problem.discount = 1;
  problem.aggregation = Aggregate::last;
  EXPECT_EQ(reference::preference_loss(problem, rewards).scores[0], (std::vector<double>{4, 8, 0}));
}

TEST(ReferencePreferenceLoss, TwoPairsByHand) {
  const auto solution = reference::preference_loss(three_segments(), rewards);
  const double first = std::log1p(std::exp(-1.0)), second = 8 + std::log1p(std::exp(-8.0));
  const double pull = -1 / (1 + std::exp(1.0)), push = 1 / (1 + std::exp(-8.0));
  EXPECT_DOUBLE_EQ(solution.loss[0], (first + second) / 2);
  EXPECT_DOUBLE_EQ(solution.grad_step_rewards[0][0], -pull / 2);
  EXPECT_DOUBLE_EQ(solution.grad_step_rewards[0][3], (pull + push) / 2);
  EXPECT_EQ(solution.grad_step_rewards[0][4], 0);
  EXPECT_EQ(solution.metrics[0].num_judged, 2);
  EXPECT_EQ(solution.metrics[0].num_correct, 1);
  EXPECT_EQ(solution.metrics[0].gap_sum, 1 - 8);
}

TEST(ReferencePreferenceLoss, CenteringUsesRawScores) {
  PreferenceProblem problem = three_segments();
  problem.temperature = 2;
  problem.clip = 0.25;
  problem.centering = 0.5;
  const auto solution = reference::preference_loss(problem, rewards);
  EXPECT_DOUBLE_EQ(solution.metrics[0].centering_sum, 0.5 * (15 * 15 + 8 * 8));
  EXPECT_DOUBLE_EQ(solution.grad_scores[0][0], 15.0 / 2);  // the logit is clipped: only the centring term pulls
}

TEST(ReferencePreferenceLoss, AClippedLogitHasNoGradientBeyondTheEdgeAndKeepsItOnTheEdge) {
  PreferenceProblem problem = three_segments();
  problem.pair_order = {{0}};
  problem.clip = 1;
  EXPECT_NE(reference::preference_loss(problem, rewards).grad_scores[0][0], 0);
  problem.clip = 0.999;
  EXPECT_EQ(reference::preference_loss(problem, rewards).grad_scores[0][0], 0);
}

TEST(ReferencePreferenceLoss, WithoutWeightThereIsNoLossAndNoGradient) {
  PreferenceProblem problem = three_segments();
  problem.weights = {{0, 0}};
  const auto solution = reference::preference_loss(problem, {{nan, 1, 1, 1, 1}});
  EXPECT_EQ(solution.loss[0], 0);
  for (double grad : solution.grad_step_rewards[0]) EXPECT_EQ(grad, 0);
  EXPECT_EQ(solution.metrics[0].num_skipped, 0);
}

TEST(ReferencePreferenceLoss, ANonFiniteScoreIsSeenOrSkipped) {
  PreferenceProblem problem = three_segments();
  const std::vector<std::vector<double>> bad = {{1, nan, 4, 8, 100}};
  const auto seen = reference::preference_loss(problem, bad);
  EXPECT_TRUE(std::isnan(seen.loss[0]) && std::isnan(seen.loss_per_pair[0][0]) && std::isnan(seen.grad_step_rewards[0][0]));
  problem.skip_nonfinite = true;
  const auto skipped = reference::preference_loss(problem, bad);
  EXPECT_EQ(skipped.metrics[0].num_skipped, 1);
  EXPECT_EQ(skipped.loss_per_pair[0][0], 0);
  EXPECT_DOUBLE_EQ(skipped.loss[0], seen.loss_per_pair[0][1]);
  for (std::size_t step : {0, 1, 2}) EXPECT_EQ(skipped.grad_step_rewards[0][step], 0);
}

TEST(ReferencePreferenceLoss, LastStepAloneIsReadAndReached) {
  PreferenceProblem problem = three_segments();
  problem.aggregation = Aggregate::last;
  const auto solution = reference::preference_loss(problem, {{nan, nan, 4, nan, nan}});
  EXPECT_EQ(solution.scores[0][0], 4);
  EXPECT_EQ(solution.grad_step_rewards[0][0], 0);
  EXPECT_TRUE(std::isnan(solution.grad_step_rewards[0][2]));  // its pair's other segment is NaN
}

TEST(ReferencePreferenceLoss, SwappingSidesAndLabelKeepsLossUnderEveryTieModel) {
  for (Ties ties : {Ties::none, Ties::rao_kupper, Ties::davidson}) {
    ProblemShape shape;
    shape.windows = shape.shared_segments = shape.weights = true;
    shape.margins = ties == Ties::none;
    Problem<double> problem(shape, 6);
    problem.reference.lapse = 0.05;
    problem.reference.ties = ties;
    if (ties != Ties::none) problem.reference.tie_parameter = {0.4};
    const auto before = reference::preference_loss(problem.reference, problem.step_rewards);
    for (auto& pair : problem.reference.pairs) std::swap(pair.first, pair.second);
    for (double& label : problem.reference.labels) label = 1 - label;
    const auto after = reference::preference_loss(problem.reference, problem.step_rewards);
    EXPECT_TRUE(is_close(after.loss.data(), before.loss, {1e-14, 0}));
    EXPECT_TRUE(is_close(flatten(after.grad_step_rewards).data(), flatten(before.grad_step_rewards), {1e-14, 1e-16}));
  }
}

TEST(ReferenceRankingLoss, TwoEntriesAreTheHardLabelPairLoss) {
  ProblemShape shape;
  shape.weights = true;
  Problem<double> pairs(shape, 2);
  for (double& label : pairs.reference.labels) label = 0;  // the first is preferred: best first
  pairs.reference.temperature = 0.7;
  reference::RankingProblem rankings;
  rankings.num_steps = pairs.reference.num_steps;
  rankings.segments = pairs.reference.segments;
  for (const auto& pair : pairs.reference.pairs) rankings.rankings.push_back({pair.first, pair.second});
  rankings.weights = pairs.reference.weights;
  rankings.temperature = 0.7;
  const auto expected = reference::preference_loss(pairs.reference, pairs.step_rewards);
  for (std::int64_t top : {0, 1}) {
    rankings.ranking_top = top;
    const auto solution = reference::ranking_loss(rankings, pairs.step_rewards);
    EXPECT_TRUE(is_close(solution.loss.data(), expected.loss, {1e-15, 0}));
    EXPECT_TRUE(is_close(solution.loss_per_ranking[0].data(), expected.loss_per_pair[0], {1e-15, 0}));
    EXPECT_TRUE(is_close(solution.grad_step_rewards[0].data(), expected.grad_step_rewards[0], {1e-15, 1e-17}));
  }
}

TEST(ReferenceRankingLoss, EqualScoresCostTheLogOfTheNumberOfOrders) {
  reference::RankingProblem problem;
  problem.num_steps = 1;
  problem.segments.assign(5, {0, 1});
  problem.rankings = {{0, 1, 2, 3, 4}};
  problem.weights = {{1}};
  EXPECT_DOUBLE_EQ(reference::ranking_loss(problem, {{3}}).loss[0], std::log(120.0));
  problem.ranking_top = 2;
  EXPECT_DOUBLE_EQ(reference::ranking_loss(problem, {{3}}).loss[0], std::log(20.0));
}

TEST(ReferenceQueryScores, TwoMembersWhoDisagreeByHand) {
  const auto scores = reference::query_scores({{0, std::log(3.0)}, {std::log(3.0), 0}}, {{0, 1}, {1, 1}}, 1);
  EXPECT_DOUBLE_EQ(scores[0].mean_probability, 0.5);
  EXPECT_DOUBLE_EQ(scores[0].disagreement, 0.0625);
  EXPECT_DOUBLE_EQ(scores[0].entropy_of_mean, std::log(2.0));
  EXPECT_DOUBLE_EQ(scores[0].mean_entropy, 0.25 * std::log(4.0) + 0.75 * std::log(4.0 / 3));
  EXPECT_EQ(scores[1].disagreement, 0);
}

TEST(ReferencePrediction, NormalisationComesBeforeMeanAndDeviation) {
  const auto prediction = reference::predict_rewards({{1, 5}, {2, 2}}, {1, 0}, {2, 3});
  EXPECT_EQ(prediction.members, (std::vector<std::vector<double>>{{0, 8}, {6, 6}}));
  EXPECT_EQ(prediction.mean, (std::vector<double>{3, 7}));
  EXPECT_EQ(prediction.deviation, (std::vector<double>{3, 1}));
}

TEST(ReferenceAdamW, FirstStepByHand) {
  for (bool decoupled : {true, false}) {
    std::vector<double> p = {2}, m = {0}, v = {0};
    reference::adamw_step({0.1, 0.5, 0.75, 0.5, 0.25, decoupled}, 1, {1}, p, m, v);
    // The bias correction undoes (1 - beta): the first step goes by gradient / (|gradient| + epsilon).
    const double gradient = decoupled ? 1 : 1 + 0.25 * 2;
    EXPECT_DOUBLE_EQ(m[0], 0.5 * gradient);
    EXPECT_DOUBLE_EQ(v[0], 0.25 * gradient * gradient);
    EXPECT_DOUBLE_EQ(p[0], 2 - (decoupled ? 0.1 * 0.25 * 2 : 0) - 0.1 * gradient / (gradient + 0.5));
  }
}

}  // namespace
}  // namespace segpref
