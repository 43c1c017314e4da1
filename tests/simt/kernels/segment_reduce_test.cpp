// Scores of both kernels against the oracle: every element and index type, aggregation, and length around the tiles.
#include "kernels/cuda/segment_reduce/kernel.cuh"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <type_traits>

#include "kernels/math/half.hpp"
#include "kernels/reference/segment_reduce.hpp"
#include "tests/simt/support/kernel_test.hpp"

namespace segpref::simt {
namespace {

constexpr double scores_bound = 4;  // ulps of the sum of |step reward|: tests/accuracy/bounds.hpp

struct Problem {
  Aggregation aggregation;
  double discount;
  bool windows;
  int num_members;
};

struct Segments {
  std::vector<std::int64_t> begins, lengths;
  std::int64_t num_steps = 0;
};

/// Lengths around a warp, a block and several rounds of a block; windows overlap and come in any order.
Segments segments_of(bool windows) {
  Segments segments;
  for (std::int64_t length : {0, 1, 2, 31, 32, 33, 0, 63, 64, 65, 255, 256, 257, 3 * 256 + 5, 7, 0}) {
    segments.begins.push_back(segments.num_steps);
    segments.lengths.push_back(length);
    segments.num_steps += length;
  }
  if (windows)
    for (std::size_t s = 0; s < segments.begins.size(); ++s) segments.begins[s] = (segments.num_steps - segments.lengths[s]) * static_cast<std::int64_t>(s % 4) / 4;
  return segments;
}

template <typename Element, typename Index>
class Case {
  using Real = cuda::compute_t<Element>;

 public:
  explicit Case(const Problem& problem) : problem_(problem), segments_(segments_of(problem.windows)) {
    std::mt19937 random(7);
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (std::int64_t i = 0; i < problem.num_members * segments_.num_steps; ++i) rewards_.push_back(math::from_real<Element>(uniform(random)));
    for (std::int64_t t = 0; t < segments_.num_steps; ++t) powers_.push_back(static_cast<Real>(std::pow(problem.discount, static_cast<double>(t))));
  }

  template <class Tile, typename Kernel>
  void check(Kernel kernel) const {
    std::vector<Index> offsets, begins(segments_.begins.begin(), segments_.begins.end()), lengths(segments_.lengths.begin(), segments_.lengths.end());
    for (std::int64_t begin : segments_.begins) offsets.push_back(static_cast<Index>(begin));
    offsets.push_back(static_cast<Index>(segments_.num_steps));
    const Buffer<Element> d_rewards(rewards_);
    const Buffer<Index> d_offsets(offsets), d_begins(begins), d_lengths(lengths);
    const Buffer<Real> d_powers(powers_), d_scores(static_cast<std::size_t>(problem_.num_members) * begins.size());
    cuda::SegmentScoresParams<Element, Real> params{};
    params.step_rewards = d_rewards.get();
    if (problem_.windows) {
      params.begins = {d_begins.get(), sizeof(Index) == 8};
      params.lengths = {d_lengths.get(), sizeof(Index) == 8};
    } else {
      params.offsets = {d_offsets.get(), sizeof(Index) == 8};
    }
    params.discount_powers = problem_.discount == 1 ? nullptr : d_powers.get();
    params.scores = d_scores.get();
    params.num_steps = segments_.num_steps;
    params.num_segments = static_cast<std::int64_t>(begins.size());
    params.num_members = problem_.num_members;
    params.aggregation = problem_.aggregation;
    const auto num_blocks = static_cast<unsigned>((params.num_segments + Tile::segments_per_block - 1) / Tile::segments_per_block);
    launch(kernel, dim3(num_blocks, static_cast<unsigned>(problem_.num_members)), Tile::num_threads, 0, params);
    compare(d_scores.to_host());
  }

 private:
  void compare(const std::vector<Real>& scores) const {
    const double epsilon = std::is_same_v<Real, float> ? 0x1p-23 : 0x1p-52;
    const auto aggregate = static_cast<reference::Aggregate>(problem_.aggregation);
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const std::size_t member = i / segments_.begins.size(), s = i % segments_.begins.size();
      const std::int64_t begin = static_cast<std::int64_t>(member) * segments_.num_steps + segments_.begins[s];
      std::vector<double> rewards, sizes;
      for (std::int64_t t = 0; t < segments_.lengths[s]; ++t) {
        rewards.push_back(static_cast<double>(math::to_f32(rewards_[static_cast<std::size_t>(begin + t)])));
        sizes.push_back(std::fabs(rewards.back()));
      }
      const reference::Segment segment{0, segments_.lengths[s]};
      const double expected = reference::segment_score(aggregate, problem_.discount, segment, rewards);
      const double unit = epsilon * reference::segment_score(aggregate, problem_.discount, segment, sizes);
      EXPECT_LE(std::fabs(static_cast<double>(scores[i]) - expected), scores_bound * unit)
          << "member " << member << ", segment " << s << " of " << segments_.lengths[s] << " steps: " << scores[i] << " for " << expected;
    }
  }

  Problem problem_;
  Segments segments_;
  std::vector<Element> rewards_;
  std::vector<Real> powers_;
};

template <typename Element, typename Index>
void check_both(const Problem& problem) {
  using Real = cuda::compute_t<Element>;
  const Case<Element, Index> test(problem);
  test.template check<cuda::ShortSegmentTile>(cuda::warp_segment_scores_kernel<cuda::ShortSegmentTile, Element, Real>);
  test.template check<cuda::LongSegmentTile>(cuda::block_segment_scores_kernel<cuda::LongSegmentTile, Element, Real>);
}

const Problem all_problems[] = {{Aggregation::sum, 1, false, 2},  {Aggregation::sum, 0.97, false, 1}, {Aggregation::mean, 1, true, 1},
                                {Aggregation::mean, 0.9, true, 2}, {Aggregation::last, 1, false, 2}};

template <typename Types>
class SegmentScores : public testing::Test {};

template <typename E, typename I>
struct TypesOf {
  using Element = E;
  using Index = I;
};
using AllTypes = testing::Types<TypesOf<float, std::int32_t>, TypesOf<float, std::int64_t>, TypesOf<double, std::int64_t>, TypesOf<bf16, std::int32_t>,
                                TypesOf<f16, std::int64_t>>;
TYPED_TEST_SUITE(SegmentScores, AllTypes);

TYPED_TEST(SegmentScores, AreThoseOfTheOracle) {
  for (const Problem& problem : all_problems) check_both<typename TypeParam::Element, typename TypeParam::Index>(problem);
}

__global__ void write_kernel(float* to) { *to = 3; }

/// Only what counts is read: everything else is uninitialised here, and NaN in modes that do not notice.
TEST(SegmentScoresLast, ReadsTheLastStepAlone) {
  using Tile = cuda::ShortSegmentTile;
  const std::vector<std::int32_t> offsets = {0, 5};
  const Buffer<float> rewards(5), scores(1);
  const Buffer<std::int32_t> d_offsets(offsets);
  launch(write_kernel, 1, 1, 0, rewards.get() + 4);
  cuda::SegmentScoresParams<float, float> params{};
  params.step_rewards = rewards.get();
  params.offsets = {d_offsets.get(), false};
  params.scores = scores.get();
  params.num_steps = 5;
  params.num_segments = params.num_members = 1;
  params.aggregation = Aggregation::last;
  launch(cuda::warp_segment_scores_kernel<Tile, float, float>, 1, Tile::num_threads, 0, params);
  EXPECT_EQ(scores.to_host()[0], 3.0f);
}

}  // namespace
}  // namespace segpref::simt
