// ranking_loss against the oracle, and against preference_loss where they must be the same.
#include "segpref/ranking_loss.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <random>

#include "kernels/cpu/ranking_loss.hpp"
#include "kernels/math/half.hpp"
#include "kernels/reference/ranking_loss.hpp"
#include "segpref/preference_loss.hpp"
#include "tests/support/compare.hpp"

namespace segpref {
namespace {

using testing::Bound;
using testing::flatten;
using testing::is_close;

/// A seeded random problem; tests change `reference` and run it.
struct Problem {
  reference::RankingProblem reference;
  std::vector<std::vector<double>> step_rewards;
  bool windows = false, wide_indices = true;

  Problem(std::int64_t num_members, std::int64_t num_segments, std::int64_t num_rankings, std::int64_t max_entries, bool windows_, unsigned seed)
      : windows(windows_) {
    std::mt19937 random(seed);
    const auto below = [&](std::int64_t limit) { return std::uniform_int_distribution<std::int64_t>(0, limit - 1)(random); };
    const auto real = [&](float low, float high) { return static_cast<double>(std::uniform_real_distribution<float>(low, high)(random)); };
    reference.num_members = num_members;
    std::int64_t end = 2;
    for (std::int64_t s = 0; s < num_segments; ++s) {
      const std::int64_t length = below(8);
      reference.segments.push_back({end, end + length});
      end += length;
    }
    reference.num_steps = end + 3;
    if (windows)
      for (reference::Segment& segment : reference.segments) {
        const std::int64_t length = segment.end - segment.begin;
        segment.begin = below(reference.num_steps - length + 1);
        segment.end = segment.begin + length;
      }
    for (std::int64_t r = 0; r < num_rankings; ++r) {
      reference.rankings.emplace_back();
      for (std::int64_t k = 2 + below(max_entries - 1); k > 0; --k) reference.rankings.back().push_back(below(num_segments));
    }
    for (std::int64_t e = 0; e < num_members; ++e) {
      reference.weights.emplace_back();
      for (std::int64_t r = 0; r < num_rankings; ++r) reference.weights.back().push_back(below(5) == 0 ? 0.0 : real(0, 2));
      step_rewards.emplace_back();
      for (std::int64_t t = 0; t < reference.num_steps; ++t) step_rewards.back().push_back(real(-1, 1));
    }
  }
};

template <typename Real>
struct Outputs {
  std::vector<Real> loss, loss_per_ranking, scores, grad;
  std::vector<double> metrics;
};

template <typename Index, typename Real>
Outputs<Real> run_with(const Problem& problem, int num_threads) {
  const reference::RankingProblem& in = problem.reference;
  const std::int64_t members = in.num_members, num_segments = static_cast<std::int64_t>(in.segments.size()),
                     num_rankings = static_cast<std::int64_t>(in.rankings.size());
  std::vector<Index> offsets, begins, lengths, rankings, ranking_offsets = {0};
  for (const reference::Segment& segment : in.segments) {
    offsets.push_back(static_cast<Index>(segment.begin));
    begins.push_back(static_cast<Index>(segment.begin));
    lengths.push_back(static_cast<Index>(segment.end - segment.begin));
  }
  offsets.push_back(static_cast<Index>(in.segments.empty() ? 0 : in.segments.back().end));
  for (const auto& ranking : in.rankings) {
    for (std::int64_t segment : ranking) rankings.push_back(static_cast<Index>(segment));
    ranking_offsets.push_back(static_cast<Index>(rankings.size()));
  }
  const auto narrowed = [](const std::vector<std::vector<double>>& rows) {
    const std::vector<double> flat = flatten(rows);
    return std::vector<Real>(flat.begin(), flat.end());
  };
  const std::vector<Real> weights = narrowed(in.weights), rewards = narrowed(problem.step_rewards);

  RankingBatch batch;
  if (problem.windows) batch.begins = view(begins), batch.lengths = view(lengths);
  else batch.offsets = view(offsets);
  batch.rankings = view(rankings);
  batch.ranking_offsets = view(ranking_offsets);
  batch.weights = view(weights.data(), {members, num_rankings});
  batch.ranking_top = in.ranking_top;
  PreferenceOptions options;
  options.aggregation = static_cast<Aggregation>(in.aggregation);
  options.discount = in.discount;
  options.temperature = in.temperature;
  options.reduction = static_cast<Reduction>(in.reduction);
  options.normalizer = in.normalizer;
  options.nonfinite = in.skip_nonfinite ? NonFinite::skip : NonFinite::propagate;

  const Real dirt = Real(777);  // every output must be overwritten
  const auto dirty = [&](std::int64_t count) { return std::vector<Real>(static_cast<std::size_t>(count), dirt); };
  Outputs<Real> out{dirty(members), dirty(members * num_rankings), dirty(members * num_segments), dirty(members * in.num_steps),
                    std::vector<double>(static_cast<std::size_t>(members * num_ranking_metrics), 777)};
  RankingResult result;
  if (options.reduction != Reduction::none) result.loss = view(out.loss);
  result.loss_per_ranking = view(out.loss_per_ranking.data(), {members, num_rankings});
  result.scores = view(out.scores.data(), {members, num_segments});
  result.metrics = view(out.metrics.data(), {members, num_ranking_metrics});
  ranking_loss(Context(num_threads), view(rewards.data(), {members, in.num_steps}), batch, options, result,
               view(out.grad.data(), {members, in.num_steps}));
  return out;
}

template <typename Real>
Outputs<Real> run(const Problem& problem, int num_threads) {
  return problem.wide_indices ? run_with<std::int64_t, Real>(problem, num_threads) : run_with<std::int32_t, Real>(problem, num_threads);
}

/// Losses are up to 64 stages of O(log 64), from scores that are f32 sums for f32 rewards.
template <typename Real>
void expect_agreement(const Problem& problem) {
  const double ulp = std::is_same_v<Real, float> ? 1.2e-7 : 2.3e-16;
  const Bound bound{60 * ulp, 60 * ulp};
  const auto expected = reference::ranking_loss(problem.reference, problem.step_rewards);
  const Outputs<Real> out = run<Real>(problem, 2);
  if (problem.reference.reduction != reference::Reduce::none) {
    EXPECT_TRUE(is_close(out.loss.data(), expected.loss, bound));
  }
  EXPECT_TRUE(is_close(out.loss_per_ranking.data(), flatten(expected.loss_per_ranking), bound));
  EXPECT_TRUE(is_close(out.scores.data(), flatten(expected.scores), bound));
  EXPECT_TRUE(is_close(out.grad.data(), flatten(expected.grad_step_rewards), bound));
  std::vector<double> metrics;
  for (const reference::RankingMetrics& m : expected.metrics) metrics.insert(metrics.end(), {m.weight_sum, m.loss_sum, m.num_skipped});
  EXPECT_TRUE(is_close(out.metrics.data(), metrics, bound));
}

struct Case {
  const char* name;
  std::function<void(Problem&)> change;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"Plain", [](Problem&) {}},
      {"NarrowIndices", [](Problem& p) { p.wide_indices = false; }},
      {"OneStage", [](Problem& p) { p.reference.ranking_top = 1; }},
      {"ThreeStages", [](Problem& p) { p.reference.ranking_top = 3; }},
      {"MoreStagesThanEntries", [](Problem& p) { p.reference.ranking_top = 1000; }},
      {"Mean", [](Problem& p) { p.reference.aggregation = reference::Aggregate::mean; }},
      {"Last", [](Problem& p) { p.reference.aggregation = reference::Aggregate::last; }},
      {"Discount", [](Problem& p) { p.reference.discount = 0.9; }},
      {"Temperature", [](Problem& p) { p.reference.temperature = 0.5; }},
      {"SumReduction", [](Problem& p) { p.reference.reduction = reference::Reduce::sum; }},
      {"NoReduction", [](Problem& p) { p.reference.reduction = reference::Reduce::none; }},
      {"Normalizer", [](Problem& p) { p.reference.normalizer = 12.5; }},
      {"NothingCounted", [](Problem& p) { for (auto& row : p.reference.weights) std::fill(row.begin(), row.end(), 0.0); }},
  };
  return all;
}

class RankingLossAccuracy : public ::testing::TestWithParam<std::size_t> {};

TEST_P(RankingLossAccuracy, AgreesWithReference) {
  for (const bool windows : {false, true})
    for (unsigned seed = 0; seed < 3; ++seed) {
      SCOPED_TRACE(seed);
      Problem problem(2, 40, 30, cpu::max_ranking_entries, windows, seed);
      cases()[GetParam()].change(problem);
      expect_agreement<float>(problem);
      expect_agreement<double>(problem);
    }
}

TEST_P(RankingLossAccuracy, SameBitsForAnyNumberOfThreads) {
  Problem problem(3, 500, 3 * cpu::rankings_per_slab + 5, 6, true, 9);
  cases()[GetParam()].change(problem);
  const Outputs<float> expected = run<float>(problem, 1);
  for (int num_threads : {2, 3, 7, 1}) {
    const Outputs<float> out = run<float>(problem, num_threads);
    const auto same = [](const auto& a, const auto& b) { return std::memcmp(a.data(), b.data(), a.size() * sizeof(a[0])) == 0; };
    EXPECT_TRUE(same(out.loss, expected.loss) && same(out.grad, expected.grad) && same(out.scores, expected.scores) &&
                same(out.metrics, expected.metrics) && same(out.loss_per_ranking, expected.loss_per_ranking));
  }
}

INSTANTIATE_TEST_SUITE_P(Options, RankingLossAccuracy, ::testing::Range(std::size_t{0}, cases().size()),
                         [](const auto& info) { return cases()[info.param].name; });

TEST(RankingLoss, EveryNumberOfRankingsAroundSlabs) {
  constexpr std::int64_t slab = cpu::rankings_per_slab;
  for (std::int64_t num_rankings : {std::int64_t{0}, std::int64_t{1}, slab - 1, slab, slab + 1, 3 * slab + 5}) {
    SCOPED_TRACE(num_rankings);
    expect_agreement<double>(Problem(1, 50, num_rankings, 4, false, 1));
  }
}

TEST(RankingLoss, EveryNumberOfEntries) {
  for (std::int64_t entries = 2; entries <= cpu::max_ranking_entries; ++entries) {
    Problem problem(1, 80, 1, 2, false, static_cast<unsigned>(entries));
    problem.reference.weights = {{1.0}};
    problem.reference.rankings[0].clear();
    for (std::int64_t k = 0; k < entries; ++k) problem.reference.rankings[0].push_back((7 * k) % 80);
    SCOPED_TRACE(entries);
    expect_agreement<float>(problem);
    expect_agreement<double>(problem);
  }
}

/// Segments of one step each, so that scores are what is given.
struct GivenScores {
  std::vector<double> scores, loss = std::vector<double>(1), grad;
  std::vector<std::int64_t> offsets, rankings, ranking_offsets;

  explicit GivenScores(std::vector<double> values) : scores(std::move(values)), grad(scores.size()) {
    for (std::int64_t s = 0; s <= static_cast<std::int64_t>(scores.size()); ++s) offsets.push_back(s);
    rankings.assign(offsets.begin(), offsets.end() - 1);
    ranking_offsets = {0, static_cast<std::int64_t>(scores.size())};
  }
  void run() {
    RankingBatch batch;
    batch.offsets = view(offsets);
    batch.rankings = view(rankings);
    batch.ranking_offsets = view(ranking_offsets);
    RankingResult result;
    result.loss = view(loss);
    ranking_loss(Context(1), view(scores), batch, {}, result, view(grad));
  }
};

TEST(RankingLoss, TwoEntriesGiveThePairLossOfAHardLabel) {
  const std::vector<std::int64_t> offsets = {0, 1, 2};
  const std::vector<double> labels = {0.0};  // the first is preferred: best first
  for (double z : {-1e4, -80.0, -17.5, -1.0, -1e-9, 0.0, 1e-9, 1.0, 17.5, 40.0, 80.0, 700.0, 1e4}) {
    GivenScores ranking({0.25, 0.25 + z});
    ranking.run();
    std::vector<double> loss(1), grad(2);
    PreferenceBatch batch;
    batch.offsets = view(offsets);
    batch.labels = view(labels);
    PreferenceResult result;
    result.loss = view(loss);
    preference_loss(Context(1), view(std::as_const(ranking.scores)), batch, {}, result, view(grad));
    EXPECT_NEAR(ranking.loss[0], loss[0], 1e-15 * loss[0]) << z;
    for (int side = 0; side < 2; ++side) EXPECT_NEAR(ranking.grad[static_cast<std::size_t>(side)], grad[static_cast<std::size_t>(side)], 1e-15 * std::fabs(grad[1])) << z;
  }
}

// Expected by hand: far apart in the right order every stage is certain; in the wrong order each stage costs its gap.
TEST(RankingLoss, ExtremeScoresStayFiniteAndRightInTheLimit) {
  GivenScores right({3e4, 2e4, 1e4, 0});
  right.run();
  EXPECT_EQ(right.loss[0], 0.0);
  for (double grad : right.grad) EXPECT_EQ(grad, 0.0);
  GivenScores wrong({0, 1e4, 2e4, 3e4});
  wrong.run();
  EXPECT_DOUBLE_EQ(wrong.loss[0], 3e4 + 2e4 + 1e4);
  for (std::size_t k = 0; k < 4; ++k) EXPECT_NEAR(wrong.grad[k], k < 3 ? -1.0 : 3.0, 1e-15);  // the 3 is a sum in log space
}

TEST(RankingLoss, AnEqualFieldCostsTheLogarithmOfTheFactorial) {
  GivenScores equal(std::vector<double>(5, 0.75));
  equal.run();
  EXPECT_NEAR(equal.loss[0], std::log(120.0), 1e-15 * 8);
  double sum = 0;
  for (double grad : equal.grad) sum += grad;
  EXPECT_NEAR(sum, 0.0, 1e-15);
}

TEST(RankingLoss, NonFiniteRewardsAreSkippedWithoutATrace) {
  Problem problem(1, 8, 4, 2, false, 4);
  problem.reference.segments.clear();
  for (std::int64_t s = 0; s < 8; ++s) problem.reference.segments.push_back({2 * s, 2 * s + 2});
  problem.reference.num_steps = 16;
  problem.step_rewards.assign(1, std::vector<double>(16, 0.25));
  problem.reference.rankings = {{0, 1, 2}, {3, 4}, {5, 6}, {7, 4}};
  problem.reference.weights = {{1, 0.5, 0, 2}};
  problem.step_rewards[0][2] = std::nan("");  // ranking 0: skipped
  problem.step_rewards[0][10] = INFINITY;     // ranking 2: weight 0
  problem.reference.skip_nonfinite = true;
  expect_agreement<float>(problem);
  const auto out = run<float>(problem, 2);
  EXPECT_EQ(out.metrics[ranking_metric_num_skipped], 1.0);
  for (std::size_t step : {0, 1, 2, 3, 4, 5, 10, 11, 12, 13}) EXPECT_EQ(out.grad[step], 0.0f);

  problem.reference.skip_nonfinite = false;
  expect_agreement<float>(problem);
  const auto propagated = run<float>(problem, 2);
  EXPECT_TRUE(std::isnan(propagated.loss[0]));
  EXPECT_EQ(propagated.loss_per_ranking[1], out.loss_per_ranking[1]);
}

template <typename Half>
void half_rewards_agree() {
  Problem problem(1, 20, 6, 5, false, 8);
  std::vector<Half> rewards;
  for (double& reward : problem.step_rewards[0]) {
    rewards.push_back(math::from_real<Half>(static_cast<float>(reward)));
    reward = math::to_f32(rewards.back());
  }
  problem.reference.weights = {std::vector<double>(6, 1.0)};
  const auto expected = reference::ranking_loss(problem.reference, problem.step_rewards);
  std::vector<std::int64_t> offsets, rankings, ranking_offsets = {0};
  for (const auto& segment : problem.reference.segments) offsets.push_back(segment.begin);
  offsets.push_back(problem.reference.segments.back().end);
  for (const auto& ranking : problem.reference.rankings) {
    rankings.insert(rankings.end(), ranking.begin(), ranking.end());
    ranking_offsets.push_back(static_cast<std::int64_t>(rankings.size()));
  }
  RankingBatch batch;
  batch.offsets = view(offsets);
  batch.rankings = view(rankings);
  batch.ranking_offsets = view(ranking_offsets);
  std::vector<float> loss(1);
  std::vector<Half> grad(rewards.size());
  RankingResult result;
  result.loss = view(loss);
  ranking_loss(Context(2), view(std::as_const(rewards)), batch, {}, result, view(grad));
  EXPECT_TRUE(is_close(loss.data(), expected.loss, {1e-6, 1e-6}));
  std::vector<float> wide;
  for (Half value : grad) wide.push_back(math::to_f32(value));
  EXPECT_TRUE(is_close(wide.data(), flatten(expected.grad_step_rewards), {0x1p-8, 1e-7}));
}

TEST(RankingLoss, Bf16RewardsAgreeWithReference) { half_rewards_agree<bf16>(); }
TEST(RankingLoss, F16RewardsAgreeWithReference) { half_rewards_agree<f16>(); }

}  // namespace
}  // namespace segpref
