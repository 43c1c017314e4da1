// query_scores_kernel against the oracle.
#include <gtest/gtest.h>

#include <random>

#include "kernels/cuda/query_scores/kernel.cuh"
#include "kernels/reference/query_scores.hpp"
#include "tests/simt/support/kernel_test.hpp"
#include "tests/support/compare.hpp"

namespace segpref::cuda {
namespace {

using simt::Buffer;

template <typename Real, typename Index>
void check(std::int64_t members, std::int64_t num_pairs, double spread, double temperature, double bound) {
  constexpr std::int64_t segments = 50;
  std::mt19937 random(4);
  std::vector<Real> scores;
  std::vector<std::vector<double>> wide(static_cast<std::size_t>(members));
  for (auto& row : wide)
    for (std::int64_t s = 0; s < segments; ++s) {
      scores.push_back(static_cast<Real>(std::uniform_real_distribution<double>(-spread, spread)(random)));
      row.push_back(static_cast<double>(scores.back()));
    }
  std::vector<Index> pairs;
  std::vector<reference::Pair> wide_pairs;
  for (std::int64_t p = 0; p < num_pairs; ++p) {
    const reference::Pair pair{static_cast<std::int64_t>(random() % segments), static_cast<std::int64_t>(random() % segments)};
    wide_pairs.push_back(pair);
    pairs.insert(pairs.end(), {static_cast<Index>(pair.first), static_cast<Index>(pair.second)});
  }
  const std::vector<reference::QueryScore> expected = reference::query_scores(wide, wide_pairs, temperature);

  const auto size = static_cast<std::size_t>(num_pairs);
  const Buffer<Real> d_scores(scores), d_mean(size), d_disagreement(size), d_entropy_of_mean(size), d_mean_entropy(size);
  const Buffer<Index> d_pairs(pairs);
  QueryScoresParams<Real> p{members, segments, num_pairs, temperature, {d_pairs.get(), sizeof(Index) == 8}, d_scores.get(), d_mean.get(), d_disagreement.get(), d_entropy_of_mean.get(),
                            d_mean_entropy.get()};
  const auto blocks = static_cast<unsigned>((num_pairs + QueryScoresTile::num_threads - 1) / QueryScoresTile::num_threads);
  simt::launch(query_scores_kernel<Real>, dim3(blocks), QueryScoresTile::num_threads, 0, p);
  const auto compare = [&](const Buffer<Real>& actual, double reference::QueryScore::*field) {
    std::vector<double> values;
    for (const reference::QueryScore& score : expected) values.push_back(score.*field);
    EXPECT_TRUE(testing::is_close(actual.to_host().data(), values, {bound, bound}));
  };
  compare(d_mean, &reference::QueryScore::mean_probability);
  compare(d_disagreement, &reference::QueryScore::disagreement);
  compare(d_entropy_of_mean, &reference::QueryScore::entropy_of_mean);
  compare(d_mean_entropy, &reference::QueryScore::mean_entropy);
}

TEST(QueryScores, F32) { check<float, std::int32_t>(3, 2 * QueryScoresTile::num_threads + 1, 3, 0.7, 8 * 0x1p-24); }
TEST(QueryScores, F64) { check<double, std::int64_t>(5, QueryScoresTile::num_threads, 3, 1, 1e-14); }
TEST(QueryScores, OneMemberHasNoDisagreement) { check<double, std::int64_t>(1, 7, 3, 1, 1e-14); }
TEST(QueryScores, ThirtyTwoMembersOfExtremeScores) { check<double, std::int64_t>(32, 40, 1e4, 1, 1e-14); }

}  // namespace
}  // namespace segpref::cuda
