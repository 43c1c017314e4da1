// Long and short segments in one batch: pieces of long ones by blocks, short ones by warps, against the oracle.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "kernels/cuda/segment_reduce/piece_sums_kernel.cuh"
#include "kernels/math/half.hpp"
#include "kernels/reference/segment_reduce.hpp"
#include "tests/simt/support/kernel_test.hpp"

namespace segpref::cuda {
namespace {

using simt::Buffer;
constexpr std::int64_t P = steps_per_piece;

template <typename Element, typename Index>
std::vector<compute_t<Element>> scores_of(Aggregation aggregation, double discount, std::int64_t before, const std::vector<std::int64_t>& lengths, std::int64_t num_members = 1) {
  using Real = compute_t<Element>;
  std::vector<Index> offsets = {static_cast<Index>(before)};
  for (std::int64_t length : lengths) offsets.push_back(static_cast<Index>(offsets.back() + length));
  const std::int64_t num_steps = offsets.back() + 3, num_segments = static_cast<std::int64_t>(lengths.size());
  std::vector<Element> rewards;
  std::vector<Real> powers;
  // The rewards of a segment do not depend on where it lies.
  rewards.resize(static_cast<std::size_t>(num_members * num_steps), math::from_real<Element>(1e3f));
  for (std::int64_t member = 0; member < num_members; ++member)
    for (std::size_t s = 0; s < lengths.size(); ++s) {
      std::mt19937 random(static_cast<unsigned>(lengths[s] + 7 * member));
      for (std::int64_t t = 0; t < lengths[s]; ++t)
        rewards[static_cast<std::size_t>(member * num_steps + offsets[s] + t)] = math::from_real<Element>(std::uniform_real_distribution<float>(-1, 1)(random));
    }
  for (std::int64_t t = 0; t < num_steps; ++t) powers.push_back(static_cast<Real>(std::pow(discount, static_cast<double>(t))));

  const Buffer<Element> d_rewards(rewards);
  const Buffer<Index> d_offsets(offsets);
  const Buffer<Real> d_powers(powers), d_scores(static_cast<std::size_t>(num_members * num_segments)), d_pieces(static_cast<std::size_t>(2 * num_members * num_stretches(num_steps)));
  SegmentScoresParams<Element, Real> p{};
  p.step_rewards = d_rewards.get();
  p.offsets = {d_offsets.get(), sizeof(Index) == 8};
  p.discount_powers = discount == 1.0 ? nullptr : d_powers.get();
  p.scores = d_scores.get();
  p.piece_sums = d_pieces.get();
  p.num_steps = num_steps;
  p.num_segments = num_segments;
  p.num_members = static_cast<int>(num_members);
  p.aggregation = aggregation;
  const auto members = static_cast<unsigned>(num_members);
  simt::launch(piece_sums_kernel<Element, Real>, dim3(static_cast<unsigned>(num_stretches(num_steps)), members), PieceTile::num_threads, 0, p);
  const auto blocks = static_cast<unsigned>((num_segments + ShortSegmentTile::segments_per_block - 1) / ShortSegmentTile::segments_per_block);
  simt::launch(warp_segment_scores_kernel<ShortSegmentTile, Element, Real>, dim3(blocks, members), ShortSegmentTile::num_threads, 0, p);

  const std::vector<Real> scores = d_scores.to_host();
  for (std::int64_t member = 0; member < num_members; ++member) {
    std::vector<double> wide;
    for (std::int64_t t = 0; t < num_steps; ++t) wide.push_back(static_cast<double>(math::to_f32(rewards[static_cast<std::size_t>(member * num_steps + t)])));
    for (std::size_t s = 0; s < lengths.size(); ++s) {
      const reference::Segment segment{offsets[s], offsets[s + 1]};
      const double expected = reference::segment_score(static_cast<reference::Aggregate>(aggregation), discount, segment, wide);
      const double size = static_cast<double>(lengths[s] + 1) * (sizeof(Real) == 8 ? 0x1p-52 : 0x1p-23);
      EXPECT_NEAR(static_cast<double>(scores[static_cast<std::size_t>(member * num_segments) + s]), expected, size) << "segment " << s << " of " << lengths[s] << " steps";
    }
  }
  return scores;
}

TEST(PieceSums, LengthsAroundPieces) { scores_of<float, std::int64_t>(Aggregation::sum, 1, 0, {P - 1, P, P + 1, 0, 5, 2 * P, 2 * P + 1, 3 * P + 5, 1, P + 1, P + 1}); }
TEST(PieceSums, UnalignedBegins) { scores_of<float, std::int32_t>(Aggregation::sum, 1, 100, {P + 1, 40, P + 1, 2 * P - 3, 0, 0, 7, P + 2, P}, 2); }
TEST(PieceSums, ALongSegmentBeginsWhereAStretchDoes) { scores_of<float, std::int64_t>(Aggregation::mean, 1, 0, {P, 3 * P, 2 * P + 1, 9}); }
TEST(PieceSums, TwoLongSegmentsHaveTheirPiecesInOneStretch) { scores_of<float, std::int64_t>(Aggregation::sum, 1, 10, {P + 20, P + 20, P + 20}); }
TEST(PieceSums, Discounted) { scores_of<float, std::int64_t>(Aggregation::sum, 0.9995, 5, {2 * P + 9, 30, P + 1}); }
TEST(PieceSums, DiscountedMeanF64) { scores_of<double, std::int32_t>(Aggregation::mean, 0.9995, 5, {2 * P + 9, 30, P + 1}); }
TEST(PieceSums, Bf16) { scores_of<bf16, std::int32_t>(Aggregation::sum, 1, 1, {2 * P + 9, 30, P + 1}); }

TEST(PieceSums, AScoreDoesNotDependOnItsNeighbours) {
  const auto here = scores_of<float, std::int64_t>(Aggregation::sum, 1, 0, {3 * P + 5, 33}), there = scores_of<float, std::int64_t>(Aggregation::sum, 1, 77, {P + 9, 3, 3 * P + 5, 33});
  EXPECT_EQ(here[0], there[2]);
  EXPECT_EQ(here[1], there[3]);
}

}  // namespace
}  // namespace segpref::cuda
