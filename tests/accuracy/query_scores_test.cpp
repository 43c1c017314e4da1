// query_scores against the oracle, and what must hold whatever the scores are.
#include "segpref/query_scores.hpp"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "kernels/reference/query_scores.hpp"
#include "tests/support/preference_outputs.hpp"
#include "tests/support/random_problem.hpp"

namespace segpref {
namespace {

using testing::Draw;
using testing::HostTensor;

/// Pairs of a task in host/api.
constexpr std::int64_t pairs_per_task = 1024;

struct Questions {
  std::int64_t num_members, num_segments;
  std::vector<std::vector<double>> scores;
  std::vector<reference::Pair> pairs;
  std::vector<std::int64_t> wide;
  std::vector<std::int32_t> narrow;

  Questions(Draw& draw, std::int64_t members, std::int64_t num_pairs, double spread) : num_members(members), num_segments(1 + draw.below(20)) {
    for (std::int64_t e = 0; e < members; ++e) {
      scores.emplace_back();
      for (std::int64_t s = 0; s < num_segments; ++s) scores.back().push_back(draw.narrow(-spread, spread));
    }
    for (std::int64_t p = 0; p < num_pairs; ++p) {
      pairs.push_back({draw.below(num_segments), draw.below(num_segments)});
      for (std::int64_t segment : {pairs.back().first, pairs.back().second}) wide.push_back(segment), narrow.push_back(static_cast<std::int32_t>(segment));
    }
  }
  std::int64_t num_pairs() const { return static_cast<std::int64_t>(pairs.size()); }
};

struct Answers {
  HostTensor mean, disagreement, entropy_of_mean, mean_entropy;
  Answers(DType real, std::int64_t num_pairs)
      : mean(real, {num_pairs}, testing::dirt), disagreement(mean), entropy_of_mean(mean), mean_entropy(mean) {}
};

Answers ask(const Questions& q, DType real, bool wide_indices, double temperature, int num_threads) {
  HostTensor scores(real, {q.num_members, q.num_segments});
  const std::vector<double> flat = testing::flatten(q.scores);
  for (std::int64_t i = 0; i < scores.size(); ++i) scores.set(i, flat[static_cast<std::size_t>(i)]);
  Answers answers(real, q.num_pairs());
  const ConstTensorView pairs = wide_indices ? view(q.wide.data(), {q.num_pairs(), 2}) : view(q.narrow.data(), {q.num_pairs(), 2});
  query_scores(Context(num_threads), std::as_const(scores).view(), pairs, temperature,
               {answers.mean.view(), answers.disagreement.view(), answers.entropy_of_mean.view(), answers.mean_entropy.view()});
  return answers;
}

void expect_agreement(const Questions& q, const Answers& answers, double temperature, DType real) {
  std::vector<double> mean, disagreement, entropy_of_mean, mean_entropy;
  for (const reference::QueryScore& score : reference::query_scores(q.scores, q.pairs, temperature)) {
    mean.push_back(score.mean_probability);
    disagreement.push_back(score.disagreement);
    entropy_of_mean.push_back(score.entropy_of_mean);
    mean_entropy.push_back(score.mean_entropy);
  }
  testing::WorstUlps worst;
  const std::vector<double> units(mean.size(), 1);
  const double bound = testing::query_scores_bound, epsilon = testing::epsilon_of(real);
  EXPECT_TRUE(within_ulps("mean_probability", answers.mean, mean, units, bound, epsilon, worst));
  EXPECT_TRUE(within_ulps("disagreement", answers.disagreement, disagreement, units, bound, epsilon, worst));
  EXPECT_TRUE(within_ulps("entropy_of_mean", answers.entropy_of_mean, entropy_of_mean, units, bound, epsilon, worst));
  EXPECT_TRUE(within_ulps("mean_entropy", answers.mean_entropy, mean_entropy, units, bound, epsilon, worst));
}

TEST(QueryScores, AgreeWithTheOracleForAnyEnsembleAndNumberOfPairs) {
  Draw draw(1);
  for (std::int64_t members : {1, 2, 3, 7, 32})
    for (std::int64_t num_pairs : testing::around(pairs_per_task))
      for (double spread : {0.1, 2.0, 50.0}) {
        const Questions q(draw, members, num_pairs, spread);
        const double temperature = draw.one_of<double>({1, 0.25, 4});
        SCOPED_TRACE(fmt::format("{} members, {} pairs, scores within {}, temperature {}", members, num_pairs, spread, temperature));
        for (DType real : {DType::f32, DType::f64}) expect_agreement(q, ask(q, real, draw.chance(50), temperature, 2), temperature, real);
      }
}

TEST(QueryScores, ASureEnsembleHasNothingToLearn) {
  Draw draw(2);
  Questions q(draw, 3, 4, 1);
  for (auto& row : q.scores)
    for (std::size_t s = 0; s < row.size(); ++s) row[s] = 2000 * static_cast<double>(s);
  const Answers answers = ask(q, DType::f64, true, 1, 1);
  for (std::int64_t p = 0; p < 4; ++p) {
    EXPECT_EQ(answers.disagreement[p], 0);
    if (q.pairs[static_cast<std::size_t>(p)].first == q.pairs[static_cast<std::size_t>(p)].second) continue;
    EXPECT_EQ(answers.mean_entropy[p], 0);
    EXPECT_EQ(answers.entropy_of_mean[p], 0);
  }
}

TEST(QueryScores, ASplitEnsembleDisagreesByAQuarterAndLearnsOneBit) {
  Draw draw(3);
  Questions q(draw, 2, 1, 1);
  q.num_segments = 2;
  q.scores = {{0, 1000}, {1000, 0}};
  q.wide = {0, 1};
  const Answers answers = ask(q, DType::f64, true, 1, 1);
  EXPECT_EQ(answers.mean[0], 0.5);
  EXPECT_EQ(answers.disagreement[0], 0.25);
  EXPECT_NEAR(answers.entropy_of_mean[0] - answers.mean_entropy[0], std::log(2.0), 1e-15);
}

TEST(QueryScores, SameBitsForAnyNumberOfThreadsAndAnySetOfResults) {
  Draw draw(4);
  const Questions q(draw, 5, 3 * pairs_per_task + 5, 2);
  const Answers expected = ask(q, DType::f32, true, 1, 1);
  for (int num_threads : {2, 3, 7, 1}) {
    const Answers answers = ask(q, DType::f32, false, 1, num_threads);
    EXPECT_TRUE(answers.mean.same_bits(expected.mean) && answers.disagreement.same_bits(expected.disagreement) &&
                answers.entropy_of_mean.same_bits(expected.entropy_of_mean) && answers.mean_entropy.same_bits(expected.mean_entropy));
  }
  HostTensor scores(DType::f32, {q.num_members, q.num_segments}), alone(DType::f32, {q.num_pairs()}, testing::dirt);
  const std::vector<double> flat = testing::flatten(q.scores);
  for (std::int64_t i = 0; i < scores.size(); ++i) scores.set(i, flat[static_cast<std::size_t>(i)]);
  query_scores(Context(2), std::as_const(scores).view(), view(q.wide.data(), {q.num_pairs(), 2}), 1, {{}, alone.view(), {}, {}});
  EXPECT_TRUE(alone.same_bits(expected.disagreement));
}

}  // namespace
}  // namespace segpref
