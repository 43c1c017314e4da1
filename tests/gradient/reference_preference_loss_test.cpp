// The oracle's gradients against central differences of its own loss, option by option.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "kernels/reference/preference_loss.hpp"
#include "kernels/reference/ranking_loss.hpp"
#include "tests/support/finite_difference.hpp"
#include "tests/support/problems.hpp"

namespace segpref {
namespace {

using reference::Aggregate;
using reference::Reduce;
using reference::Ties;
using testing::central_difference;
using testing::Problem;
using testing::ProblemShape;
using testing::sum_of;

struct Case {
  const char* name;
  std::function<void(ProblemShape&)> shape;
  std::function<void(reference::PreferenceProblem&)> options;
};

const std::vector<Case>& cases() {
  using P = reference::PreferenceProblem;
  const auto same = [](auto&) {};
  const auto shared = [](ProblemShape& s) { s.windows = s.shared_segments = true; };
  static const std::vector<Case> all = {
      {"Plain", same, same},
      {"SharedWindows", shared, same},
      {"OwnOrder", [](ProblemShape& s) { s.own_order = s.shared_segments = true; }, same},
      {"Weights", [](ProblemShape& s) { s.weights = true; }, same},
      {"Margins", [](ProblemShape& s) { s.margins = true; }, same},
      {"Mean", shared, [](P& p) { p.aggregation = Aggregate::mean; }},
      {"Last", shared, [](P& p) { p.aggregation = Aggregate::last; }},
      {"Discount", shared, [](P& p) { p.discount = 0.8; }},
      {"DiscountedMean", shared, [](P& p) { p.discount = 0.8; p.aggregation = Aggregate::mean; }},
      {"Temperature", same, [](P& p) { p.temperature = 0.5; }},
      {"Clip", same, [](P& p) { p.clip = 1.0; }},
      {"ClipAndMargins", [](ProblemShape& s) { s.margins = true; }, [](P& p) { p.clip = 1.0; p.temperature = 2; }},
      {"Smoothing", same, [](P& p) { p.smoothing = 0.3; }},
      {"Lapse", same, [](P& p) { p.lapse = 0.1; }},
      {"LapseMarginSmoothing", [](ProblemShape& s) { s.margins = true; }, [](P& p) { p.lapse = 0.25; p.smoothing = 0.1; }},
      {"Centering", shared, [](P& p) { p.centering = 0.05; }},
      {"CenteringTemperatureClip", shared, [](P& p) { p.centering = 0.05; p.temperature = 3; p.clip = 0.5; }},
      {"SumReduction", [](ProblemShape& s) { s.weights = true; }, [](P& p) { p.reduction = Reduce::sum; }},
      {"Normalizer", [](ProblemShape& s) { s.weights = true; }, [](P& p) { p.normalizer = 7.5; }},
      {"RaoKupper", same, [](P& p) { p.ties = Ties::rao_kupper; p.tie_parameter = {0.3, 1.2}; }},
      {"RaoKupperLapse", shared, [](P& p) { p.ties = Ties::rao_kupper; p.tie_parameter = {0.3, 1.2}; p.lapse = 0.2; }},
      {"Davidson", same, [](P& p) { p.ties = Ties::davidson; p.tie_parameter = {-0.7, 0.9}; }},
      {"DavidsonLapse", shared, [](P& p) { p.ties = Ties::davidson; p.tie_parameter = {-0.7, 0.9}; p.lapse = 0.2; }},
      {"DavidsonClip", same, [](P& p) { p.ties = Ties::davidson; p.tie_parameter = {-0.7, 0.9}; p.clip = 1; }},
  };
  return all;
}

class ReferencePreferenceGradient : public ::testing::TestWithParam<std::size_t> {
 protected:
  void SetUp() override {
    ProblemShape shape;
    shape.num_members = 2;
    shape.num_pairs = 12;
    shape.num_segments = 24;
    shape.max_length = 6;
    cases()[GetParam()].shape(shape);
    const Problem<double> made(shape, 11);
    problem = made.reference;
    rewards = made.step_rewards;
    cases()[GetParam()].options(problem);
  }
  double loss() const { return sum_of(reference::preference_loss(problem, rewards).loss); }

  reference::PreferenceProblem problem;
  std::vector<std::vector<double>> rewards;
};

TEST_P(ReferencePreferenceGradient, StepRewardsFaceCentralDifferences) {
  const auto solution = reference::preference_loss(problem, rewards);
  double largest = 0;
  for (std::size_t e = 0; e < rewards.size(); ++e)
    for (std::size_t t = 0; t < rewards[e].size(); ++t) {
      const double grad = solution.grad_step_rewards[e][t];
      EXPECT_NEAR(grad, central_difference(rewards[e][t], [&] { return loss(); }), 2e-9) << "member " << e << ", step " << t;
      largest = std::max(largest, std::fabs(grad));
    }
  EXPECT_GT(largest, 1e-3);  // the comparison was not of zeros
}

TEST_P(ReferencePreferenceGradient, TieParameterFacesCentralDifferences) {
  const auto solution = reference::preference_loss(problem, rewards);
  for (std::size_t e = 0; e < problem.tie_parameter.size(); ++e) {
    EXPECT_NEAR(solution.grad_tie_parameter[e], central_difference(problem.tie_parameter[e], [&] { return loss(); }), 2e-9) << "member " << e;
    EXPECT_GT(std::fabs(solution.grad_tie_parameter[e]), 1e-4);
  }
}

INSTANTIATE_TEST_SUITE_P(Options, ReferencePreferenceGradient, ::testing::Range(std::size_t{0}, cases().size()),
                         [](const auto& info) { return cases()[info.param].name; });

TEST(ReferenceRankingGradient, StepRewardsFaceCentralDifferences) {
  ProblemShape shape;
  shape.num_members = 2;
  shape.windows = shape.shared_segments = true;
  const Problem<double> made(shape, 5);
  std::vector<std::vector<double>> rewards = made.step_rewards;
  reference::RankingProblem problem;
  problem.num_members = 2;
  problem.num_steps = made.reference.num_steps;
  problem.segments = made.reference.segments;
  problem.rankings = {{0, 1}, {3, 2, 5}, {7, 6, 5, 4, 3, 2, 1, 0}, {4, 1, 2, 6}};
  problem.weights = {{1, 0.5, 2, 0}, {0.25, 1, 0, 3}};
  const auto loss = [&] { return sum_of(reference::ranking_loss(problem, rewards).loss); };
  for (std::int64_t top : {0, 1, 2})
    for (Aggregate aggregation : {Aggregate::sum, Aggregate::mean, Aggregate::last})
      for (Reduce reduction : {Reduce::mean, Reduce::sum}) {
        problem.ranking_top = top;
        problem.aggregation = aggregation;
        problem.discount = aggregation == Aggregate::last ? 1 : 0.9;
        problem.temperature = 1.5;
        problem.reduction = reduction;
        const auto solution = reference::ranking_loss(problem, rewards);
        for (std::size_t e = 0; e < rewards.size(); ++e)
          for (std::size_t t = 0; t < rewards[e].size(); ++t)
            EXPECT_NEAR(solution.grad_step_rewards[e][t], central_difference(rewards[e][t], loss), 5e-9) << "member " << e << ", step " << t;
      }
}

}  // namespace
}  // namespace segpref
