// ranking_loss_kernel and ranking_sums_kernel against the oracle, ranking_keys_kernel by hand. Segments of one step: scores are rewards.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <random>

#include "kernels/cuda/ranking_loss/kernel.cuh"
#include "kernels/reference/ranking_loss.hpp"
#include "tests/simt/support/kernel_test.hpp"
#include "tests/support/compare.hpp"

namespace segpref::cuda {
namespace {

using simt::Buffer;
using testing::flatten;
using testing::is_close;

struct Case {
  std::int64_t num_members = 2, num_rankings = 2 * RankingTile::num_threads + 3, top = 0, num_segments = 100;
  double temperature = 1, spread = 3, normalizer = 0;
  reference::Reduce reduction = reference::Reduce::mean;
  bool weighted = false, own_weights = false, spoiled = false, skip = false;
};

template <typename Real>
void check(const Case& c) {
  std::mt19937 random(6);
  reference::RankingProblem problem;
  problem.num_members = c.num_members;
  problem.num_steps = c.num_segments;
  for (std::int64_t s = 0; s < c.num_segments; ++s) problem.segments.push_back({s, s + 1});
  std::vector<std::int64_t> offsets = {0}, entries;
  std::vector<float> weights;
  for (std::int64_t r = 0; r < c.num_rankings; ++r) {
    std::vector<std::int64_t> ranking(static_cast<std::size_t>(c.num_segments));
    std::iota(ranking.begin(), ranking.end(), 0);
    std::shuffle(ranking.begin(), ranking.end(), random);
    ranking.resize(r % 9 == 0 ? 64 : 2 + random() % 6);
    entries.insert(entries.end(), ranking.begin(), ranking.end());
    offsets.push_back(static_cast<std::int64_t>(entries.size()));
    problem.rankings.push_back(ranking);
  }
  for (std::int64_t member = 0; member < c.num_members; ++member) {
    if (member == 0 || c.own_weights)
      for (std::int64_t r = 0; r < c.num_rankings; ++r) weights.push_back(c.weighted ? static_cast<float>(random() % 4) * 0.5f : 1.0f);
    problem.weights.emplace_back(weights.end() - c.num_rankings, weights.end());
  }
  problem.ranking_top = c.top;
  problem.temperature = c.temperature;
  problem.reduction = c.reduction;
  if (c.normalizer != 0) problem.normalizer = c.normalizer;
  problem.skip_nonfinite = c.skip;
  std::vector<std::vector<double>> rewards(static_cast<std::size_t>(c.num_members));
  std::vector<Real> scores;
  for (auto& row : rewards)
    for (std::int64_t s = 0; s < c.num_segments; ++s) {
      Real score = static_cast<Real>(std::uniform_real_distribution<double>(-c.spread, c.spread)(random));
      if (c.spoiled && s == 3) score = std::numeric_limits<Real>::quiet_NaN();
      scores.push_back(score);
      row.push_back(static_cast<double>(score));
    }
  const reference::RankingSolution expected = reference::ranking_loss(problem, rewards);

  const auto size = [](std::int64_t count) { return static_cast<std::size_t>(count); };
  const std::int64_t num_entries = static_cast<std::int64_t>(entries.size()), blocks = (c.num_rankings + RankingTile::num_threads - 1) / RankingTile::num_threads;
  const Buffer<std::int64_t> d_offsets(offsets), d_entries(entries);
  const Buffer<float> d_weights(weights);
  const Buffer<Real> d_scores(scores), d_losses(size(c.num_members * c.num_rankings)), d_loss(size(c.num_members)), d_scale(size(c.num_members));
  const Buffer<double> d_grads(size(c.num_members * num_entries)), d_block_sums(size(c.num_members * blocks * num_ranking_sums)), d_metrics(size(c.num_members * num_ranking_sums));
  RankingLossParams<Real> p;
  p.num_members = c.num_members;
  p.num_segments = c.num_segments;
  p.num_rankings = c.num_rankings;
  p.num_entries = num_entries;
  p.top = c.top;
  p.entries = {d_entries.get(), true};
  p.offsets = {d_offsets.get(), true};
  p.weights = {c.weighted ? d_weights.get() : nullptr, false, c.own_weights ? c.num_rankings : 0, 1.0};
  p.temperature = c.temperature;
  p.skip_nonfinite = c.skip;
  p.scores = d_scores.get();
  p.loss_per_ranking = d_losses.get();
  p.grad_entries = d_grads.get();
  p.block_sums = d_block_sums.get();
  if (blocks > 0) simt::launch(ranking_loss_kernel<Real>, dim3(static_cast<unsigned>(blocks), static_cast<unsigned>(c.num_members)), RankingTile::num_threads, 0, p);
  RankingSumsParams<Real> s;
  s.num_members = c.num_members;
  s.num_blocks = blocks;
  s.is_mean = c.reduction == reference::Reduce::mean;
  s.normalizer = c.normalizer;
  s.block_sums = d_block_sums.get();
  s.reduced_loss = d_loss.get();
  s.metrics = d_metrics.get();
  s.grad_scale = d_scale.get();
  simt::launch(ranking_sums_kernel<Real>, dim3(static_cast<unsigned>(c.num_members)), threads_per_warp, 0, s);

  const double epsilon = sizeof(Real) == 8 ? 0x1p-52 : 0x1p-23;
  EXPECT_TRUE(is_close(d_losses.to_host().data(), flatten(expected.loss_per_ranking), {64 * epsilon, 64 * epsilon})) << "losses";
  EXPECT_TRUE(is_close(d_loss.to_host().data(), expected.loss, {64 * epsilon, 0})) << "reduced loss";
  std::vector<double> metrics;
  for (const reference::RankingMetrics& m : expected.metrics) metrics.insert(metrics.end(), {m.weight_sum, m.loss_sum, m.num_skipped});
  EXPECT_TRUE(is_close(d_metrics.to_host().data(), metrics, {1e-12, 1e-12})) << "metrics";
  const std::vector<double> grads = d_grads.to_host();
  const std::vector<Real> scales = d_scale.to_host();
  std::vector<double> grad_scores(size(c.num_members * c.num_segments));
  for (std::int64_t member = 0; member < c.num_members; ++member)
    for (std::int64_t i = 0; i < num_entries; ++i)
      grad_scores[size(member * c.num_segments + entries[size(i)])] += grads[size(member * num_entries + i)] * static_cast<double>(scales[size(member)]);
  EXPECT_TRUE(is_close(grad_scores.data(), flatten(expected.grad_scores), {64 * epsilon, 64 * epsilon})) << "gradients of scores";
}

TEST(RankingLoss, F32) { check<float>({}); }
TEST(RankingLoss, F64) { check<double>({}); }
TEST(RankingLoss, TopStagesAndWeights) { check<double>({.top = 3, .weighted = true}); }
TEST(RankingLoss, WeightsOfEveryMember) { check<float>({.weighted = true, .own_weights = true}); }
TEST(RankingLoss, ExtremeScores) { check<double>({.temperature = 0.1, .spread = 8}); }
TEST(RankingLoss, SumOfOneRanking) { check<float>({.num_rankings = 1, .reduction = reference::Reduce::sum}); }
TEST(RankingLoss, Normalizer) { check<float>({.normalizer = 500}); }
TEST(RankingLoss, NonfinitePropagates) { check<float>({.spoiled = true}); }
TEST(RankingLoss, NonfiniteIsSkipped) { check<float>({.spoiled = true, .skip = true}); }
TEST(RankingLoss, NoRankings) { check<float>({.num_rankings = 0}); }

TEST(RankingKeys, NameTheSegmentAndPutEntriesOfNoRankingLast) {
  using Tile = RankingKeysTile;
  constexpr std::int64_t num_segments = 1000, num_entries = 3 * Tile::num_threads + 5;
  std::vector<std::int32_t> entries;
  for (std::int64_t i = 0; i < num_entries; ++i) entries.push_back(static_cast<std::int32_t>((7 * i) % num_segments));
  const Buffer<std::int32_t> d_entries(entries);
  for (const auto& offsets : {std::vector<std::int64_t>{0, 300, num_entries}, std::vector<std::int64_t>{2, 4, num_entries - 1}, std::vector<std::int64_t>{9}}) {
    const Buffer<std::int64_t> d_offsets(offsets);
    const Buffer<std::uint64_t> d_keys(static_cast<std::size_t>(num_entries));
    const Buffer<std::uint32_t> d_positions(static_cast<std::size_t>(num_entries));
    const auto num_rankings = static_cast<std::int64_t>(offsets.size()) - 1;
    const RankingKeysParams p{num_segments, num_rankings, num_entries, {d_entries.get(), false}, {d_offsets.get(), true}, d_keys.get(), d_positions.get()};
    simt::launch(ranking_keys_kernel<Tile>, dim3(4), Tile::num_threads, 0, p);
    const std::vector<std::uint64_t> keys = d_keys.to_host();
    const std::vector<std::uint32_t> positions = d_positions.to_host();
    for (std::int64_t i = 0; i < num_entries; ++i) {
      const bool is_ranked = i >= offsets.front() && i < offsets.back();
      EXPECT_EQ(keys[static_cast<std::size_t>(i)], static_cast<std::uint64_t>(is_ranked ? (7 * i) % num_segments : num_segments)) << i;
      EXPECT_EQ(positions[static_cast<std::size_t>(i)], static_cast<std::uint32_t>(i));
    }
  }
}

}  // namespace
}  // namespace segpref::cuda
