// Sums of segments, scores and step rewards of the linear head against the oracle: every element and index type, around every tile number.
#include <gtest/gtest.h>

#include "tests/simt/support/element_turns.hpp"
#include "tests/simt/support/linear_problem.hpp"
#include "tests/support/compare.hpp"

namespace segpref::simt {
namespace {

using reference::Aggregate;
using testing::flatten;

constexpr double bound = 4;  // ulps of the sum of the terms' sizes

template <typename Element>
void check_scores(const LinearShape& shape) {
  const LinearProblem<Element> problem(shape);
  const reference::LinearSolution sizes = problem.sizes();
  LinearForward<Element> forward(problem);
  forward.read(false);
  expect_within<Element>(forward.scores(), flatten(problem.expected.preference.scores), flatten(sizes.preference.scores), bound, "score");
}

/// Rewards in passing change no bit of the scores.
template <typename Element>
void check_rewards(const LinearShape& shape) {
  const LinearProblem<Element> problem(shape);
  const reference::LinearSolution sizes = problem.sizes();
  LinearForward<Element> forward(problem), in_passing(problem), alone(problem);
  forward.read(false);
  in_passing.read(true);
  alone.read_rewards_alone();
  EXPECT_EQ(in_passing.scores(), forward.scores());
  expect_within<Element>(in_passing.d_step_rewards.to_host(), flatten(problem.expected.step_rewards), flatten(sizes.step_rewards), bound, "step reward");
  EXPECT_EQ(alone.d_step_rewards.to_host(), in_passing.d_step_rewards.to_host());
}

template <typename Element>
class LinearScores : public ::testing::Test {};
using AllElements = ::testing::Types<float, double, bf16, f16>;
TYPED_TEST_SUITE(LinearScores, AllElements);

TYPED_TEST(LinearScores, LengthsAroundAPiece) {
  if (!is_turn_of<TypeParam>()) return;
  check_scores<TypeParam>({.lengths = piece_lengths(), .num_members = 2});
  check_scores<TypeParam>({.lengths = piece_lengths(), .wide_indices = false, .before = 0, .after = 0, .has_bias = false});
}

/// Aligned rows, which a padding of the stride makes possible for any feature_dim, and rows that are not.
TYPED_TEST(LinearScores, FeatureDimsAroundATile) {
  if (!is_turn_of<TypeParam>()) return;
  using Tile = cuda::FeatureTile<TypeParam, true>;
  constexpr std::int64_t per_load = Tile::elements_per_load, warp = Tile::columns_per_warp, block = Tile::columns_per_block;
  for (std::int64_t dim : {std::int64_t{1}, std::int64_t{3}, std::int64_t{4}, per_load + 1, warp, warp + 1, block - 1, block, block + 1}) {
    const std::int64_t padding = (per_load - dim % per_load) % per_load;
    check_scores<TypeParam>({.lengths = {9, 0, 3, 17}, .feature_dim = dim, .padding = padding});
    check_scores<TypeParam>({.lengths = {9, 0, 3, 17}, .feature_dim = dim, .padding = padding, .shift = 1});
    check_scores<TypeParam>({.lengths = {9, 0, 3, 17}, .feature_dim = dim, .padding = padding + 1});
  }
}

TYPED_TEST(LinearScores, Aggregations) {
  if (!is_turn_of<TypeParam>()) return;
  for (bool windows : {false, true}) {
    check_scores<TypeParam>({.lengths = piece_lengths(), .num_members = 3, .windows = windows, .aggregation = Aggregate::mean});
    check_scores<TypeParam>({.lengths = piece_lengths(), .windows = windows, .wide_indices = false, .aggregation = Aggregate::last});
    check_scores<TypeParam>({.lengths = piece_lengths(), .windows = windows, .discount = 0.995});
    check_scores<TypeParam>({.lengths = piece_lengths(), .windows = windows, .aggregation = Aggregate::mean, .discount = 0.9});
  }
}

TYPED_TEST(LinearScores, WindowsThatOverlap) {
  if (!is_turn_of<TypeParam>()) return;
  check_scores<TypeParam>({.lengths = piece_lengths(), .num_members = 2, .windows = true});
  check_scores<TypeParam>({.lengths = {1, 7, 0, 20}, .feature_dim = 40, .windows = true});  // one piece each
}

TYPED_TEST(LinearScores, StepRewardsInPassing) {
  if (!is_turn_of<TypeParam>()) return;
  constexpr std::int64_t p = cuda::rows_per_piece;
  check_rewards<TypeParam>({.lengths = {0, 1, p - 1, 9, p + 1, 0}, .num_members = 2});
  check_rewards<TypeParam>({.lengths = {5, 0, 300}, .num_members = 2, .before = p + 20, .after = 190, .shared_bias = true});  // stretches outside all segments
  check_rewards<TypeParam>({.lengths = {5, 9}, .feature_dim = cuda::FeatureTile<TypeParam, true>::columns_per_block + 8, .before = 0, .after = 0, .has_bias = false});
  check_rewards<TypeParam>({.lengths = {40}, .feature_dim = cuda::FeatureTile<TypeParam, false>::columns_per_block + 3, .aggregation = Aggregate::mean, .discount = 0.9, .shift = 1});
}

TEST(LinearScoresOfManyMembers, SharesTheReading) { check_scores<float>({.lengths = {5, 200, 0, 9}, .feature_dim = 300, .num_members = 32}); }
TEST(LinearScoresOfManyMembers, NinthMemberIsAGroupOfItsOwn) { check_rewards<float>({.lengths = {5, 20, 0, 9}, .feature_dim = 7, .num_members = 9}); }

/// A window of so many rows that its pieces are longer than usual.
TEST(LinearScoresOfLongWindows, AreCutIntoAtMostSixteenPieces) {
  const std::int64_t rows = cuda::max_window_pieces * cuda::rows_per_piece + 77;
  check_scores<float>({.lengths = {rows, 3}, .feature_dim = 2, .windows = true, .discount = 0.999});
  check_scores<float>({.lengths = {3, rows}, .feature_dim = 2, .windows = true, .aggregation = Aggregate::mean});
}

/// Windows beyond max_window_partial_sums are not cut at all; with fewer, all of them together stay below that number.
TEST(LinearScoresOfManyWindows, AreCutIntoFewerPieces) {
  for (std::int64_t windows : {1, 200, 273, 274, 1000, 4095, 4096, 4097, 100000}) {
    const std::int64_t pieces = cuda::most_window_pieces(windows);
    EXPECT_GE(pieces, 1);
    EXPECT_LE(pieces, cuda::max_window_pieces);
    EXPECT_LE(windows * (pieces - 1), cuda::max_window_partial_sums) << windows;
    EXPECT_LE(windows * (pieces - 1), cuda::most_partial_sums(0, windows, 1 << 20)) << windows;
  }
  EXPECT_EQ(cuda::most_window_pieces(273), 16);
  EXPECT_EQ(cuda::most_window_pieces(4097), 1);
  std::vector<std::int64_t> lengths(2049, 0);  // two pieces of 140 rows
  lengths[7] = 280;
  lengths[2048] = 3;
  check_scores<float>({.lengths = lengths, .feature_dim = 2, .windows = true, .discount = 0.99});
}

TEST(LinearScoresOfManySegments, ManyEmptyOnesCostNoReading) {
  std::vector<std::int64_t> lengths(500, 0);
  lengths[250] = 140;
  lengths[499] = 1;
  check_scores<float>({.lengths = lengths, .feature_dim = 3});
}

/// Sums depend on nothing but the segment's rows: neither on where it begins, nor on its neighbours, nor on the path that loads it.
TEST(LinearScoresOfOneSegment, HaveTheSameBitsAnywhere) {
  const auto sums_of = [](const LinearShape& shape, std::int64_t segment) {
    const LinearProblem<float> problem(shape);
    // The same rows for every shape: those of the oracle's problem do not matter here
    std::vector<float> rows(count(shape.shift + problem.reference.num_steps * problem.row_stride()), 1.0f);
    const reference::Segment& at = problem.reference.segments[count(segment)];
    std::mt19937 random(3);
    for (std::int64_t t = at.begin; t < at.end; ++t)
      for (std::int64_t c = 0; c < shape.feature_dim; ++c) rows[count(shape.shift + t * problem.row_stride() + c)] = std::uniform_real_distribution<float>(-1, 1)(random);
    LinearProblem<float> changed(shape);
    changed.d_features.emplace(rows);
    LinearForward<float> forward(changed);
    forward.read(false);
    return forward.scores()[count(segment)];
  };
  for (double discount : {1.0, 0.98}) {
    const float alone = sums_of({.lengths = {500}, .feature_dim = 8, .discount = discount, .before = 0}, 0);
    EXPECT_EQ(sums_of({.lengths = {500}, .feature_dim = 8, .discount = discount, .before = 127}, 0), alone);
    EXPECT_EQ(sums_of({.lengths = {3, 0, 200, 500, 9}, .feature_dim = 8, .discount = discount}, 3), alone);
    EXPECT_EQ(sums_of({.lengths = {500}, .feature_dim = 8, .discount = discount, .padding = 1, .before = 0}, 0), alone);
    EXPECT_EQ(sums_of({.lengths = {9, 500}, .feature_dim = 8, .windows = true, .discount = discount}, 1), alone);
  }
}

__global__ void copy_kernel(const float* from, std::int64_t begin, std::int64_t end, float* to) {
  for (std::int64_t i = begin + threadIdx.x; i < end; i += blockDim.x) to[i] = from[i];
}

/// Unused segments score 0, and nothing of theirs is read: their features are not even initialised.
TEST(LinearScoresOfUnusedSegments, AreZeroAndNotRead) {
  LinearProblem<float> problem({.lengths = {5, 300, 4, 140, 6}, .feature_dim = 6});
  std::vector<float> rows;
  for (const auto& row : problem.features) rows.insert(rows.end(), row.begin(), row.end());
  const Buffer<float> d_rows(rows);
  const reference::Segment& used = problem.reference.segments[1];
  problem.d_features.emplace(rows.size());
  launch(copy_kernel, 1, 64, 0, d_rows.get(), used.begin * 6, used.end * 6, problem.d_features->get());
  LinearForward<float> forward(problem, {0, 1, 0, 0, 0});
  forward.read(false);
  const std::vector<float> scores = forward.scores();
  EXPECT_NEAR(static_cast<double>(scores[1]), problem.expected.preference.scores[0][1], 1e-4);
  for (std::size_t s : {0, 2, 3, 4}) EXPECT_EQ(scores[s], 0.0f);
}

TEST(LinearScoresOfUnusedSegments, AreZeroForWindows) {
  const LinearProblem<float> problem({.lengths = {5, 300, 4, 140, 6}, .feature_dim = 6, .windows = true});
  LinearForward<float> forward(problem, {0, 1, 0, 1, 0});
  forward.read(false);
  const std::vector<float> scores = forward.scores();
  for (std::size_t s : {1, 3}) EXPECT_NEAR(static_cast<double>(scores[s]), problem.expected.preference.scores[0][s], 1e-4);
  for (std::size_t s : {0, 2, 4}) EXPECT_EQ(scores[s], 0.0f);
}

TEST(LinearScoresOfNonFiniteFeatures, AreNaNInTheirOwnSegmentAlone) {
  const LinearProblem<float> problem({.lengths = {5, 300, 4, 140}, .feature_dim = 6, .num_members = 2, .nan_segment = 1});
  LinearForward<float> forward(problem);
  forward.read(false);
  const std::vector<float> scores = forward.scores();
  for (std::size_t i = 0; i < scores.size(); ++i) EXPECT_EQ(std::isnan(scores[i]), i % 4 == 1) << i;
}

}  // namespace
}  // namespace segpref::simt
