// Gradients of weights, bias and features of the linear head from the oracle's gradients of scores, against the oracle.
#include <gtest/gtest.h>

#include "tests/simt/support/element_turns.hpp"
#include "tests/simt/support/linear_gradients.hpp"
#include "tests/support/compare.hpp"

namespace segpref::simt {
namespace {

using reference::Aggregate;
using segpref::testing::flatten;

constexpr double bound = 4;  // ulps of the sum of the terms' sizes

/// The oracle's gradients of scores, divided by a scale of each member that the kernels multiply with.
template <typename Element>
struct GivenGradients {
  using Real = cuda::compute_t<Element>;
  explicit GivenGradients(const LinearProblem<Element>& problem) {
    std::vector<Real> grad_scores, scales;
    for (std::int64_t m = 0; m < problem.shape.num_members; ++m) {
      scales.push_back(static_cast<Real>(m % 2 == 0 ? 0.5 : 4.0));
      for (std::int64_t s = 0; s < problem.num_graded(); ++s)
        grad_scores.push_back(static_cast<Real>(problem.expected.preference.grad_scores[count(m)][count(s)] / static_cast<double>(scales.back())));
    }
    d_grad_scores.emplace(grad_scores), d_scales.emplace(scales);
    d_grad_step_rewards.emplace(count(problem.shape.num_members * problem.reference.num_steps));
  }
  std::optional<Buffer<Real>> d_grad_scores, d_scales, d_grad_step_rewards;
};

template <typename Element, class Tile = cuda::GradHeadTile>
void check_head(const LinearShape& shape) {
  const LinearProblem<Element> problem(shape);
  const GivenGradients<Element> given(problem);
  LinearForward<Element> forward(problem);
  forward.read(false);
  forward.scores();
  const auto gradients = grad_head<Element, Tile>(problem, forward, *given.d_grad_scores, *given.d_scales);

  const std::int64_t members = shape.num_members, dim = shape.feature_dim;
  std::vector<double> weight_sizes(count(members * dim)), bias_sizes(count(members)), bias;
  for (std::int64_t m = 0; m < members; ++m) {
    long double total = 0;  // the oracle adds up in float64, one step after the other: that is less exact than the kernel
    for (std::size_t t = 0; t < problem.features.size(); ++t) {
      const double grad = problem.expected.preference.grad_step_rewards[count(m)][t], size = std::fabs(grad);
      total += grad;
      bias_sizes[count(m)] += size;
      for (std::int64_t c = 0; c < dim && size > 0; ++c) weight_sizes[count(m * dim + c)] += size * std::fabs(problem.features[t][count(c)]);
    }
    bias.push_back(static_cast<double>(total));
  }
  if (shape.shared_bias) {
    bias = {std::accumulate(bias.begin(), bias.end(), 0.0)};
    bias_sizes = {std::accumulate(bias_sizes.begin(), bias_sizes.end(), 0.0)};
  }
  expect_within<Element>(gradients.weight, flatten(problem.expected.grad_weight), weight_sizes, bound, "gradient of a weight");
  expect_within<Element>(gradients.bias, bias, bias_sizes, bound, "gradient of a bias");
}

/// At most half of the last place of the element type, which the gradient is rounded to, beside the sum's own error.
template <typename Element>
double rounding_of(double value) {
  if constexpr (std::is_same_v<Element, bf16>) return 0x1p-8 * std::fabs(value);
  else if constexpr (std::is_same_v<Element, f16>) return std::max(0x1p-11 * std::fabs(value), 0x1p-25);
  else return 0;
}

template <typename Element>
void check_features(const LinearShape& shape, std::int64_t shift = 0) {
  const LinearProblem<Element> problem(shape);
  const GivenGradients<Element> given(problem);
  expand(problem, *given.d_grad_scores, *given.d_scales, *given.d_grad_step_rewards);
  const std::vector<Element> gradient = grad_features(problem, *given.d_grad_step_rewards, shift);

  const double epsilon = sizeof(Element) == 8 ? 0x1p-52 : 0x1p-23;
  for (std::size_t t = 0; t < problem.features.size(); ++t)
    for (std::size_t c = 0; c < count(shape.feature_dim); ++c) {
      const double expected = problem.expected.grad_features[t][c], got = static_cast<double>(math::to_f32(gradient[t * count(shape.feature_dim) + c]));
      double size = 0;
      for (std::size_t m = 0; m < count(shape.num_members); ++m)
        size += std::fabs(problem.expected.preference.grad_step_rewards[m][t] * problem.model.weight[m][c]);
      ASSERT_LE(std::fabs(got - expected), 1.01 * rounding_of<Element>(expected) + bound * epsilon * size) << "step " << t << ", column " << c << ": " << got << " for " << expected;
    }
}

template <typename Element>
class LinearGradients : public ::testing::Test {};
using AllElements = ::testing::Types<float, double, bf16, f16>;
TYPED_TEST_SUITE(LinearGradients, AllElements);

TYPED_TEST(LinearGradients, OfTheHead) {
  if (!is_turn_of<TypeParam>()) return;
  check_head<TypeParam>({.lengths = piece_lengths(), .num_members = 2});
  check_head<TypeParam>({.lengths = piece_lengths(), .num_members = 3, .windows = true, .wide_indices = false, .aggregation = Aggregate::mean, .shared_bias = true});
  check_head<TypeParam>({.lengths = piece_lengths(), .aggregation = Aggregate::last});
  check_head<TypeParam>({.lengths = piece_lengths(), .discount = 0.97, .num_pairs = 6});
  check_head<TypeParam>({.lengths = piece_lengths(), .windows = true, .discount = 0.97, .has_bias = false});
}

TYPED_TEST(LinearGradients, OfFeatures) {
  if (!is_turn_of<TypeParam>()) return;
  check_features<TypeParam>({.lengths = piece_lengths(), .feature_dim = 8, .num_members = 2});
  check_features<TypeParam>({.lengths = piece_lengths(), .num_members = 3, .windows = true, .wide_indices = false, .aggregation = Aggregate::mean});
  check_features<TypeParam>({.lengths = piece_lengths(), .aggregation = Aggregate::last, .num_pairs = 6});
  check_features<TypeParam>({.lengths = piece_lengths(), .windows = true, .discount = 0.97});
}

TYPED_TEST(LinearGradients, OfFeatureDimsAroundATile) {
  if (!is_turn_of<TypeParam>()) return;
  using Tile = cuda::FeatureTile<TypeParam, true>;
  constexpr std::int64_t per_load = Tile::elements_per_load, warp = Tile::columns_per_warp, block = Tile::columns_per_block;
  for (std::int64_t dim : {std::int64_t{1}, std::int64_t{3}, std::int64_t{4}, warp + per_load, block - 1, block, block + 1})
    check_features<TypeParam>({.lengths = {9, 0, 3, 17}, .feature_dim = dim, .num_members = 2});
  check_features<TypeParam>({.lengths = {9, 0, 3, 17}, .feature_dim = block}, 1);  // not aligned
}

TEST(LinearGradientsOfTheHead, ColumnsAroundABlock) {
  for (std::int64_t dim : {254, 255, 256, 257}) check_head<float>({.lengths = {9, 0, 3, 17}, .feature_dim = dim});
}

TEST(LinearGradientsOfTheHead, ManyMembers) {
  check_head<float>({.lengths = {9, 0, 3, 17}, .num_members = 9});
  check_head<float>({.lengths = {9, 0, 3, 17}, .num_members = 32, .shared_bias = true});
  check_features<float>({.lengths = {9, 0, 3, 17}, .num_members = 32});
}

/// Slices of two rounds, which 64 slices take from 2,050 segments on.
struct TwoRounds : cuda::GradHeadTile {
  SEGPREF_HOST_DEVICE static constexpr std::int64_t segments_per_slice(std::int64_t) { return 2 * segments_at_once; }
  SEGPREF_HOST_DEVICE static constexpr std::int64_t num_slices(std::int64_t num_segments) { return cuda::blocks_of(num_segments, segments_per_slice(num_segments)); }
};

/// One slice, two, three; and slices of two rounds, the last of which has one segment or one round or both.
TEST(LinearGradientsOfTheHead, SegmentsAroundASlice) {
  EXPECT_EQ(cuda::GradHeadTile::num_slices(64 * 32), 64);
  EXPECT_EQ(cuda::GradHeadTile::num_slices(64 * 32 + 2), 33);
  EXPECT_EQ(cuda::GradHeadTile::segments_per_slice(64 * 32 + 2), TwoRounds::segments_per_slice(66));
  for (std::int64_t segments : {30, 32, 34, 66}) {
    const LinearShape shape{.lengths = std::vector<std::int64_t>(count(segments), 1), .feature_dim = 3};
    check_head<float>(shape);
    check_head<float, TwoRounds>(shape);
  }
  std::vector<std::int64_t> lengths(100, 0);  // most are empty
  for (std::size_t s = 0; s < lengths.size(); s += 17) lengths[s] = 2;
  check_head<float, TwoRounds>({.lengths = lengths, .feature_dim = 3});
}

TEST(LinearGradientsOfTheHead, NoPairsAreZeroGradients) {
  check_head<float>({.lengths = {4, 0, 200}, .num_members = 2, .num_pairs = 0});
  check_features<float>({.lengths = {4, 0, 200}, .num_members = 2, .num_pairs = 0});
}

/// A gradient of 0 meets neither sums nor weights: NaN there leaves no trace.
TEST(LinearGradientsOfLeftOutPairs, LeaveNoTrace) {
  const LinearShape shape{.lengths = {4, 300, 7, 2}, .num_members = 2, .nan_segment = 1, .weightless_pair = 0};
  check_head<float>(shape);
  check_features<float>(shape);
}

TEST(LinearGradientsOfLeftOutPairs, MembersWhoseGradientIsZeroDoNotMeetTheirWeights) {
  LinearProblem<float> problem({.lengths = {4, 5}, .feature_dim = 3, .num_members = 2});
  std::vector<float> weight(6, NAN), grad_steps(count(2 * problem.reference.num_steps), 0.0f);
  for (std::size_t c = 3; c < 6; ++c) weight[c] = static_cast<float>(c);
  for (std::size_t t = count(problem.reference.num_steps); t < grad_steps.size(); ++t) grad_steps[t] = 2.0f;
  problem.d_weight.emplace(weight);
  const Buffer<float> d_grad_steps(grad_steps);
  const std::vector<float> gradient = grad_features(problem, d_grad_steps);
  for (std::size_t i = 0; i < gradient.size(); ++i) EXPECT_EQ(gradient[i], 2.0f * static_cast<float>(3 + i % 3)) << i;
}

}  // namespace
}  // namespace segpref::simt
