// expand_gradient_kernel against the oracle, on lengths around its tile numbers.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "kernels/cuda/segment_reduce/expand_kernel.cuh"
#include "kernels/math/half.hpp"
#include "kernels/reference/segment_reduce.hpp"
#include "tests/simt/support/kernel_test.hpp"

namespace segpref::cuda {
namespace {

using simt::Buffer;

struct Case {
  Aggregation aggregation = Aggregation::sum;
  double discount = 1.0;
  std::int64_t num_members = 1, ungraded = 0;  ///< segments at the end without a gradient
  std::int64_t before = 0, after = 0;          ///< steps outside all segments
  bool has_scale = true;
};

template <typename Element>
double relative_bound() {
  if constexpr (std::is_same_v<Element, bf16>) return 0x1p-8;
  else if constexpr (std::is_same_v<Element, f16>) return 0x1p-10;
  else return sizeof(Element) == 8 ? 1e-14 : 4e-7;
}

/// @param Index  std::int32_t or std::int64_t offsets
template <typename Element, typename Index>
void check(const Case& c, const std::vector<std::int64_t>& lengths) {
  using Real = compute_t<Element>;
  std::vector<Index> offsets = {static_cast<Index>(c.before)};
  for (std::int64_t length : lengths) offsets.push_back(static_cast<Index>(offsets.back() + length));
  const std::int64_t num_steps = offsets.back() + c.after, num_segments = static_cast<std::int64_t>(lengths.size()), num_graded = num_segments - c.ungraded;

  std::mt19937 random(5);
  std::vector<Real> grad_scores, scales;
  for (std::int64_t i = 0; i < c.num_members * num_graded; ++i) grad_scores.push_back(static_cast<Real>(std::uniform_real_distribution<float>(-2, 2)(random)));
  for (std::int64_t member = 0; member < c.num_members; ++member) scales.push_back(static_cast<Real>(c.has_scale ? 0.25 + static_cast<double>(member) : 1.0));

  const Buffer<Index> d_offsets(offsets);
  const Buffer<Real> d_grad_scores(grad_scores), d_scales(scales);
  const Buffer<Element> d_grad_steps(static_cast<std::size_t>(c.num_members * num_steps));
  ExpandParams<Element, Real> p;
  p.num_members = c.num_members;
  p.num_steps = num_steps;
  p.num_segments = num_segments;
  p.offsets = {d_offsets.get(), sizeof(Index) == 8};
  p.aggregation = c.aggregation;
  p.is_discounted = c.discount != 1.0;
  p.discount = DiscountPowers::of(c.discount);
  p.grad_scores = d_grad_scores.get();
  p.num_graded = num_graded;
  p.grad_scale = c.has_scale ? d_scales.get() : nullptr;
  p.grad_steps = d_grad_steps.get();
  using Tile = ExpandTile<Element>;
  const auto blocks = static_cast<unsigned>((num_steps + Tile::steps_per_thread - 1 + Tile::steps_per_block - 1) / Tile::steps_per_block);
  if (blocks == 0) return;
  simt::launch(expand_gradient_kernel<Element, Real>, dim3(blocks, static_cast<unsigned>(c.num_members)), Tile::num_threads, 0, p);

  const std::vector<Element> grad_steps = d_grad_steps.to_host();
  for (std::int64_t member = 0; member < c.num_members; ++member) {
    std::vector<double> expected(static_cast<std::size_t>(num_steps));
    for (std::int64_t segment = 0; segment < num_graded; ++segment) {
      const double grad = static_cast<double>(grad_scores[static_cast<std::size_t>(member * num_graded + segment)]) * static_cast<double>(scales[static_cast<std::size_t>(member)]);
      const auto at = static_cast<std::size_t>(segment);
      reference::add_score_gradient(static_cast<reference::Aggregate>(c.aggregation), c.discount, {offsets[at], offsets[at + 1]}, grad, expected);
    }
    for (std::int64_t step = 0; step < num_steps; ++step) {
      const double want = expected[static_cast<std::size_t>(step)];
      const double got = static_cast<double>(math::to_f32(grad_steps[static_cast<std::size_t>(member * num_steps + step)]));
      ASSERT_NEAR(got, want, relative_bound<Element>() * std::fabs(want) + 0x1p-25 * (sizeof(Element) == 2)) << "member " << member << ", step " << step;
    }
  }
}

/// Lengths around everything the tile is made of, shuffled, with empty segments between.
template <typename Element>
std::vector<std::int64_t> tile_lengths() {
  using Tile = ExpandTile<Element>;
  std::vector<std::int64_t> lengths = {0, 1, 2, 0, 0, 3, 31, 32, 33, Tile::steps_per_round - 1, Tile::steps_per_round, Tile::steps_per_round + 1, 0, Tile::steps_per_warp + 1, 0};
  for (int i = 0; i < 70; ++i) lengths.push_back(i % 3);
  lengths.push_back(2 * Tile::steps_per_warp + 5);
  std::shuffle(lengths.begin(), lengths.end(), std::mt19937(3));
  return lengths;
}

TEST(ExpandGradient, EveryStepIsWrittenOnce) { check<float, std::int64_t>({}, tile_lengths<float>()); }
TEST(ExpandGradient, RowsOfMembersThatAreNotAligned) { check<float, std::int32_t>({.num_members = 3, .before = 3, .after = 2}, tile_lengths<float>()); }
TEST(ExpandGradient, Bf16) { check<bf16, std::int32_t>({.num_members = 2, .before = 1}, tile_lengths<bf16>()); }
TEST(ExpandGradient, F16) { check<f16, std::int64_t>({.num_members = 2, .after = 1}, tile_lengths<f16>()); }
TEST(ExpandGradient, F64) { check<double, std::int64_t>({.num_members = 2, .before = 1}, tile_lengths<double>()); }
TEST(ExpandGradient, Mean) { check<float, std::int64_t>({.aggregation = Aggregation::mean}, tile_lengths<float>()); }
TEST(ExpandGradient, Last) { check<float, std::int64_t>({.aggregation = Aggregation::last, .before = 5}, tile_lengths<float>()); }
TEST(ExpandGradient, Discounted) { check<float, std::int64_t>({.discount = 0.99}, tile_lengths<float>()); }
TEST(ExpandGradient, DiscountedMeanF64) { check<double, std::int64_t>({.aggregation = Aggregation::mean, .discount = 0.999}, tile_lengths<double>()); }
TEST(ExpandGradient, SegmentsWithoutGradientAreZero) { check<float, std::int64_t>({.num_members = 2, .ungraded = 9, .has_scale = false}, tile_lengths<float>()); }
TEST(ExpandGradient, NoSegmentAtAll) { check<float, std::int64_t>({.after = 40}, {}); }
TEST(ExpandGradient, ManyEmptySegments) { check<float, std::int64_t>({.after = 1}, std::vector<std::int64_t>(2000, 0)); }

}  // namespace
}  // namespace segpref::cuda
