// Probabilities of the answers to one comparison, against the oracle and against what must hold for any parameter.
#include "host/trainer/outcomes.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/reference/preference_loss.hpp"

namespace segpref {
namespace {

struct TieCase {
  TieModel model;
  reference::Ties oracle;
  double parameter;
};

const TieCase tie_cases[] = {{TieModel::none, reference::Ties::none, 0},
                             {TieModel::rao_kupper, reference::Ties::rao_kupper, 1e-3},
                             {TieModel::rao_kupper, reference::Ties::rao_kupper, 0.5},
                             {TieModel::rao_kupper, reference::Ties::rao_kupper, 30},
                             {TieModel::davidson, reference::Ties::davidson, -40},
                             {TieModel::davidson, reference::Ties::davidson, 0.25},
                             {TieModel::davidson, reference::Ties::davidson, 12}};
const double logits[] = {-300, -40, -3, -1e-9, 0, 0.7, 20, 300};

TEST(Outcomes, LossOfEveryAnswerIsTheOracles) {
  for (const TieCase& c : tie_cases)
    for (double logit : logits)
      for (double label : {0.0, 0.5, 1.0, 0.3}) {
        reference::PreferenceProblem problem;
        problem.ties = c.oracle;
        const double expected = reference::pair_loss(problem, logit, label, 0, c.parameter).loss;
        EXPECT_NEAR(loss_of(outcomes_of(c.model, c.parameter, logit), c.model, label), expected, 4e-15 * (1 + std::fabs(expected)))
            << static_cast<int>(c.model) << " parameter " << c.parameter << " logit " << logit << " label " << label;
      }
}

TEST(Outcomes, ProbabilitiesAddUpToOne) {
  for (const TieCase& c : tie_cases)
    for (double logit : logits) {
      const Outcomes outcomes = outcomes_of(c.model, c.parameter, logit);
      EXPECT_NEAR(std::exp(outcomes.log_first) + std::exp(outcomes.log_second) + std::exp(outcomes.log_tie), 1.0, 1e-14) << c.parameter << " " << logit;
    }
}

TEST(Outcomes, AnAnswerOfNoWeightAddsNothing) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(loss_of(outcomes_of(TieModel::none, 0, infinity), TieModel::none, 1.0), 0.0);
  EXPECT_EQ(loss_of(outcomes_of(TieModel::none, 0, -infinity), TieModel::none, 0.0), 0.0);
}

TEST(Outcomes, QueryScoreWithoutTiesIsTheTwoAnswerOne) {
  const double members[] = {-2.0, 0.3, 5.0};
  std::vector<Outcomes> outcomes;
  for (double logit : members) outcomes.push_back(outcomes_of(TieModel::none, 0, logit));
  const math::QueryScore three = query_score(outcomes), two = math::query_score(3, [&](std::int64_t e) { return members[e]; });
  EXPECT_NEAR(three.mean_probability, two.mean_probability, 1e-15);
  EXPECT_NEAR(three.disagreement, two.disagreement, 1e-15);
  EXPECT_NEAR(three.entropy_of_mean, two.entropy_of_mean, 1e-15);
  EXPECT_NEAR(three.mean_entropy, two.mean_entropy, 1e-15);
}

TEST(Outcomes, EntropyOfThreeEqualAnswersIsTheLogarithmOfThree) {
  const math::QueryScore score = query_score({outcomes_of(TieModel::davidson, 0, 0), outcomes_of(TieModel::davidson, 0, 0)});
  EXPECT_NEAR(score.mean_entropy, std::log(3.0), 1e-15);
  EXPECT_NEAR(score.entropy_of_mean, std::log(3.0), 1e-15);
  EXPECT_NEAR(score.mean_probability, 1.0 / 3, 1e-15);
  EXPECT_EQ(score.disagreement, 0);
}

}  // namespace
}  // namespace segpref
