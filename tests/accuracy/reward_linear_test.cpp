#include "segpref/reward_linear.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/cpu/reward_linear.hpp"
#include "kernels/math/half.hpp"
#include "tests/support/compare.hpp"
#include "tests/support/problems.hpp"

namespace segpref {
namespace {

using testing::Bound;
using testing::is_close;
using testing::Problem;
using testing::ProblemShape;

std::size_t count(std::int64_t n) { return static_cast<std::size_t>(n); }

template <typename Element, typename Real>
struct Linear {
  Problem<Real> problem;
  std::int64_t feature_dim, stride;
  std::vector<Element> features;
  std::vector<Real> weight, bias;

  // Outputs start dirty: every element must be written.
  std::vector<Real> loss, scores, step_rewards, grad_weight, grad_bias;
  std::vector<Element> grad_features_buffer;
  std::int64_t grad_features_shift = 0;  // elements before the gradient in its buffer
  bool want_step_rewards = true;

  Linear(const ProblemShape& shape, unsigned seed, std::int64_t dim, std::int64_t padding = 0)
      : problem(shape, seed), feature_dim(dim), stride(dim + padding) {
    std::mt19937 random(seed);
    const auto draw = [&] { return std::uniform_real_distribution<float>(-1, 1)(random); };
    features.resize(count(problem.reference.num_steps * stride));
    for (Element& x : features) x = math::from_real<Element>(draw());
    weight.resize(count(members() * dim));
    bias.resize(count(members()));
    for (Real& w : weight) w = draw() / std::sqrt(static_cast<float>(dim));
    for (Real& b : bias) b = draw();
  }
  std::int64_t members() const { return problem.reference.num_members; }
  double x(std::int64_t step, std::int64_t c) const { return static_cast<double>(math::to_f32(features[count(step * stride + c)])); }
  const Element* grad_features() const { return grad_features_buffer.data() + grad_features_shift; }
  /// One bias for all members.
  void share_bias() { bias.resize(1); }
  Real bias_of(std::int64_t member) const { return bias[bias.size() == 1 ? 0 : count(member)]; }
  double w(std::int64_t member, std::int64_t c) const { return static_cast<double>(weight[count(member * feature_dim + c)]); }

  void run(int num_threads) {
    const std::int64_t segments = static_cast<std::int64_t>(problem.reference.segments.size()), steps = problem.reference.num_steps;
    const Real dirt = 777;
    loss.assign(count(members()), dirt);
    scores.assign(count(members() * segments), dirt);
    step_rewards.assign(count(members() * steps), dirt);
    grad_weight.assign(weight.size(), dirt);
    grad_bias.assign(bias.size(), dirt);
    grad_features_buffer.assign(count(grad_features_shift + steps * feature_dim), math::from_real<Element>(dirt));
    PreferenceResult result;
    if (problem.reference.reduction != reference::Reduce::none) result.loss = view(loss);
    result.scores = view(scores.data(), {members(), segments});
    ConstTensorView rows = view(std::as_const(features).data(), {steps, feature_dim});
    rows.strides[0] = stride;
    const LinearHead head{view(std::as_const(weight).data(), {members(), feature_dim}), view(std::as_const(bias))};
    const LinearGradients gradients{view(grad_weight.data(), {members(), feature_dim}), view(grad_bias),
                                    view(grad_features_buffer.data() + grad_features_shift, {steps, feature_dim})};
    linear_preference_loss(Context(num_threads), head, rows, problem.batch(), problem.options(), result, gradients,
                           want_step_rewards ? view(step_rewards.data(), {members(), steps}) : TensorView());
  }

  void expect_agreement(double scale = 1.0) {
    const std::int64_t steps = problem.reference.num_steps;
    std::vector<std::vector<double>> rewards(count(members()), std::vector<double>(count(steps)));
    for (std::int64_t e = 0; e < members(); ++e)
      for (std::int64_t t = 0; t < steps; ++t) {
        double& reward = rewards[count(e)][count(t)];
        reward = static_cast<double>(bias_of(e));
        for (std::int64_t c = 0; c < feature_dim; ++c) reward += w(e, c) * x(t, c);
      }
    const auto expected = reference::preference_loss(problem.reference, rewards);
    std::vector<double> expected_weight(weight.size()), expected_bias(bias.size()), expected_features(count(steps * feature_dim));
    for (std::int64_t e = 0; e < members(); ++e)
      for (std::int64_t t = 0; t < steps; ++t) {
        const double grad = expected.grad_step_rewards[count(e)][count(t)];
        if (grad == 0) continue;
        expected_bias[bias.size() == 1 ? 0 : count(e)] += grad;
        for (std::int64_t c = 0; c < feature_dim; ++c) {
          expected_weight[count(e * feature_dim + c)] += grad * x(t, c);
          expected_features[count(t * feature_dim + c)] += grad * w(e, c);
        }
      }
    run(2);
    const double ulp = std::is_same_v<Real, float> ? 1.2e-7 : 2.3e-16;
    const Bound bound{40 * ulp, 40 * ulp * scale};
    if (problem.reference.reduction != reference::Reduce::none) {
      EXPECT_TRUE(is_close(loss.data(), expected.loss, bound));
    }
    EXPECT_TRUE(is_close(scores.data(), testing::flatten(expected.scores), bound));
    EXPECT_TRUE(is_close(step_rewards.data(), testing::flatten(rewards), bound));
    EXPECT_TRUE(is_close(grad_weight.data(), expected_weight, bound));
    EXPECT_TRUE(is_close(grad_bias.data(), expected_bias, bound));
    std::vector<double> features_back;
    for (std::int64_t i = 0; i < steps * feature_dim; ++i) features_back.push_back(static_cast<double>(math::to_f32(grad_features()[i])));
    const bool half = sizeof(Element) == 2;
    EXPECT_TRUE(is_close(features_back.data(), expected_features, half ? Bound{0x1p-8, 1e-6} : bound));
  }
};

struct Case {
  const char* name;
  std::function<void(ProblemShape&)> shape;
  std::function<void(reference::PreferenceProblem&)> options;
};

const std::vector<Case>& cases() {
  using P = reference::PreferenceProblem;
  const auto same = [](auto&) {};
  static const std::vector<Case> all = {
      {"Plain", same, same},
      {"Windows", [](ProblemShape& s) { s.windows = s.shared_segments = true; }, same},
      {"SharedSegments", [](ProblemShape& s) { s.shared_segments = true; }, same},
      {"OwnOrderAndWeights", [](ProblemShape& s) { s.own_order = s.weights = s.margins = true; s.num_members = 3; }, same},
      {"Mean", same, [](P& p) { p.aggregation = reference::Aggregate::mean; }},
      {"Last", same, [](P& p) { p.aggregation = reference::Aggregate::last; }},
      {"DiscountedMeanWindows", [](ProblemShape& s) { s.windows = s.shared_segments = true; }, [](P& p) { p.discount = 0.95; p.aggregation = reference::Aggregate::mean; }},
      {"Discount", same, [](P& p) { p.discount = 0.9; }},
      {"TemperatureClipSmoothing", same, [](P& p) { p.temperature = 0.5; p.clip = 1.5; p.smoothing = 0.2; }},
      {"LapseCentering", same, [](P& p) { p.lapse = 0.1; p.centering = 0.01; }},
      {"RaoKupper", [](ProblemShape& s) { s.num_members = 2; }, [](P& p) { p.ties = reference::Ties::rao_kupper; p.tie_parameter = {0.25, 1.5}; }},
      {"SumReduction", same, [](P& p) { p.reduction = reference::Reduce::sum; }},
      {"NoReduction", same, [](P& p) { p.reduction = reference::Reduce::none; }},
      {"Normalizer", same, [](P& p) { p.normalizer = 12.5; }},
      {"ThirtyTwoMembers", [](ProblemShape& s) { s.num_members = 32; }, same},
  };
  return all;
}

class LinearLossAccuracy : public ::testing::TestWithParam<std::size_t> {};

template <typename Element, typename Real>
void agree(const Case& test_case, std::int64_t dim, std::int64_t padding) {
  ProblemShape shape;
  test_case.shape(shape);
  Linear<Element, Real> linear(shape, 3, dim, padding);
  test_case.options(linear.problem.reference);
  linear.problem.refresh();
  linear.expect_agreement(10.0);
}

TEST_P(LinearLossAccuracy, AgreesWithReferenceInF32) { agree<float, float>(cases()[GetParam()], 37, 0); }
TEST_P(LinearLossAccuracy, AgreesWithReferenceInF64) { agree<double, double>(cases()[GetParam()], 37, 3); }
TEST_P(LinearLossAccuracy, AgreesWithReferenceInBf16) { agree<bf16, float>(cases()[GetParam()], 64, 5); }
TEST_P(LinearLossAccuracy, AgreesWithReferenceInF16) { agree<f16, float>(cases()[GetParam()], 33, 0); }

TEST_P(LinearLossAccuracy, SameBitsForAnyNumberOfThreads) {
  ProblemShape shape;
  cases()[GetParam()].shape(shape);
  Linear<float, float> linear(shape, 5, 1030);
  cases()[GetParam()].options(linear.problem.reference);
  linear.problem.refresh();
  linear.run(1);
  const auto loss = linear.loss, scores = linear.scores, grad_weight = linear.grad_weight, grad_bias = linear.grad_bias,
             grad_features = linear.grad_features_buffer, step_rewards = linear.step_rewards;
  for (int num_threads : {2, 3, 7}) {
    linear.run(num_threads);
    EXPECT_TRUE(loss == linear.loss && scores == linear.scores && grad_weight == linear.grad_weight && grad_bias == linear.grad_bias &&
                grad_features == linear.grad_features_buffer && step_rewards == linear.step_rewards);
  }
}

INSTANTIATE_TEST_SUITE_P(Options, LinearLossAccuracy, ::testing::Range(std::size_t{0}, cases().size()),
                         [](const auto& info) { return cases()[info.param].name; });

TEST(LinearLoss, WidthsAroundVectorsAndColumnBlocks) {
  for (std::int64_t dim : {1, 7, 8, 9, 15, 16, 17, 63, 64, 65, 255, 257, 1023, 1024, 1025, 3077}) {
    SCOPED_TRACE(dim);
    Linear<float, float>(ProblemShape(), 1, dim, 1).expect_agreement(10.0);
  }
}

/// With one member a gradient is one product, rounded once: the scalar conversions say what it must be. Weights of many sizes give ties, subnormal
/// halves, overflow to infinity, and NaN with every payload bit set.
template <typename Element>
void expect_gradients_rounded_like_single_elements() {
  constexpr std::int64_t dim = 4099;
  const std::vector<float> grad = {1.0f, -0.5f, 0.0f, 3.0f, std::nanf(""), 1e-3f};
  const auto num_steps = static_cast<std::int64_t>(grad.size());
  std::vector<float> weight(dim);
  std::mt19937 random(13);
  for (std::size_t i = 0; i < weight.size(); ++i) {
    const auto bits = static_cast<std::uint32_t>(random());
    // Any number at all, or one near 1 whose last 12 bits are 0: half of those are ties.
    weight[i] = std::bit_cast<float>(i % 2 == 0 ? bits : (bits & 0x83fff000u) | 0x3c000000u);
  }
  weight[7] = std::bit_cast<float>(0x7fffffffu);
  weight[8] = std::bit_cast<float>(0xffffffffu);
  weight[9] = std::numeric_limits<float>::infinity();
  std::vector<Element> actual(static_cast<std::size_t>(num_steps * dim));
  ThreadPool pool(2);
  cpu::linear_grad_features(std::int64_t{1}, num_steps, dim, std::as_const(weight).data(), grad.data(), actual.data(), pool);
  for (std::int64_t t = 0; t < num_steps; ++t)
    for (std::int64_t c = 0; c < dim; ++c) {
      const float product = grad[count(t)] == 0 ? 0.0f : weight[count(c)] * grad[count(t)];
      const Element expected = math::from_real<Element>(product), got = actual[count(t * dim + c)];
      if (std::isnan(product)) ASSERT_TRUE(std::isnan(math::to_f32(got))) << t << ", " << c;
      else if (product == 0) ASSERT_EQ(math::to_f32(got), 0.0f);  // of either sign
      else ASSERT_EQ(got.bits, expected.bits) << product << " at " << t << ", " << c;
    }
}

TEST(LinearLoss, HalfGradientsAreRoundedLikeSingleElements) {
  expect_gradients_rounded_like_single_elements<bf16>();
  expect_gradients_rounded_like_single_elements<f16>();
}

/// Every segment has `length` steps, one after the other, and features and head are drawn anew for as many.
template <typename Element, typename Real>
void set_length(Linear<Element, Real>& linear, std::int64_t length) {
  auto& reference = linear.problem.reference;
  const std::int64_t segments = static_cast<std::int64_t>(reference.segments.size());
  for (std::int64_t s = 0; s < segments; ++s) reference.segments[count(s)] = {s * length, (s + 1) * length};
  reference.num_steps = segments * length;
  std::mt19937 random(1);
  linear.features.resize(count(reference.num_steps * linear.stride));
  for (Element& x : linear.features) x = math::from_real<Element>(std::uniform_real_distribution<float>(-1, 1)(random));
  linear.problem.refresh();
}

TEST(LinearLoss, LengthsAroundRowGroupsAndPieces) {
  for (std::int64_t length : {0, 1, 7, 8, 9, 255, 256, 257, 2 * 256, 3 * 256 + 5}) {
    SCOPED_TRACE(length);
    Linear<float, float> linear(ProblemShape(), 2, 20);
    set_length(linear, length);
    linear.expect_agreement(40.0);
  }
}

/// Short segments, so that rows of the gradient are far from the end, and a buffer that starts anywhere in a line of 64 bytes.
/// Large enough to be written past the caches.
template <typename Element, typename Real>
void same_bits_wherever_the_gradient_lies(std::int64_t dim, std::int64_t num_members) {
  ProblemShape shape;
  shape.num_members = num_members;
  Linear<Element, Real> linear(shape, 6, dim);
  set_length(linear, (std::int64_t{5} << 20) / static_cast<std::int64_t>(sizeof(Element)) / dim / 8);
  linear.want_step_rewards = false;
  linear.run(1);
  const std::vector<Element> expected = linear.grad_features_buffer;
  for (std::int64_t shift : {1, 3, 8, 15}) {
    linear.grad_features_shift = shift;
    linear.run(2);
    EXPECT_EQ(std::memcmp(linear.grad_features(), expected.data(), expected.size() * sizeof(Element)), 0) << dim << " features, shifted by " << shift;
  }
}

TEST(LinearLoss, GradientOfFeaturesHasTheSameBitsWhereverItLies) {
  for (std::int64_t dim : {5, 33, 64, 512, 515})
    for (std::int64_t members : {1, 3}) {
      same_bits_wherever_the_gradient_lies<float, float>(dim, members);
      same_bits_wherever_the_gradient_lies<double, double>(dim, members);
      same_bits_wherever_the_gradient_lies<bf16, float>(dim, members);
      same_bits_wherever_the_gradient_lies<f16, float>(dim, members);
    }
}

// Large enough for the gradient of the features to be written while later pairs are read.
TEST(LinearLoss, WideFeaturesAgreeWithTheOracle) {
  Linear<float, float> linear(ProblemShape(), 14, 512);
  set_length(linear, 330);
  linear.problem.reference.temperature = 20;
  linear.problem.refresh();
  linear.expect_agreement(100.0);
  Linear<bf16, float> half(ProblemShape(), 15, 1024);
  set_length(half, 330);
  half.problem.reference.temperature = 20;
  half.problem.refresh();
  half.expect_agreement(100.0);
}

TEST(LinearLoss, EqualColumnsHaveTheSameBitsInEveryPlace) {
  Linear<float, float> linear(ProblemShape(), 8, 37);
  for (std::int64_t t = 0; t < linear.problem.reference.num_steps; ++t) std::fill_n(linear.features.begin() + t * 37, 37, linear.features[count(t * 37)]);
  linear.run(2);
  for (float value : linear.grad_weight) EXPECT_EQ(value, linear.grad_weight[0]);
}

TEST(LinearLoss, OneBiasServesAllMembersAndGetsTheSumOfTheirGradients) {
  ProblemShape shape;
  shape.num_members = 3;
  shape.own_order = shape.weights = true;
  Linear<float, float> linear(shape, 3, 37);
  linear.share_bias();
  linear.expect_agreement(10.0);
  EXPECT_NE(linear.grad_bias[0], 0.0f);
}

TEST(LinearLoss, OneLongSegmentHasTheSameBitsForAnyNumberOfThreads) {
  ProblemShape shape;
  shape.num_segments = 2;
  shape.num_pairs = 1;
  Linear<bf16, float> linear(shape, 9, 24);
  set_length(linear, 10'000);
  linear.expect_agreement(200.0);
  const auto loss = linear.loss, grad_weight = linear.grad_weight, step_rewards = linear.step_rewards;
  for (int num_threads : {1, 3, 7}) {
    linear.run(num_threads);
    EXPECT_TRUE(loss == linear.loss && grad_weight == linear.grad_weight && step_rewards == linear.step_rewards);
  }
}

/// More pieces than are summed at a time: windows that overlap hold more rows than there are steps.
TEST(LinearLoss, LongOverlappingWindowsInManyPairs) {
  ProblemShape shape;
  shape.windows = shape.shared_segments = true;
  shape.num_segments = 20;
  shape.num_pairs = 30;
  for (const auto aggregation : {reference::Aggregate::sum, reference::Aggregate::mean}) {
    Linear<float, float> linear(shape, 12, 9);
    set_length(linear, 100);
    for (std::int64_t s = 0; s < 20; ++s) linear.problem.reference.segments[count(s)] = {31 * s, 31 * s + 1300 + s};
    linear.problem.reference.aggregation = aggregation;
    linear.problem.reference.temperature = 20;
    linear.problem.refresh();
    linear.expect_agreement(100.0);
  }
}

TEST(LinearLoss, AskingForStepRewardsChangesNoOtherBit) {
  ProblemShape shape;
  shape.own_order = true;
  shape.num_members = 2;
  Linear<f16, float> linear(shape, 10, 75);
  linear.run(2);
  const auto loss = linear.loss, scores = linear.scores, grad_weight = linear.grad_weight;
  linear.want_step_rewards = false;
  linear.run(2);
  EXPECT_TRUE(loss == linear.loss && scores == linear.scores && grad_weight == linear.grad_weight);
}

/// Rows before the first and after the last segment, of unused segments and of used ones: a row's reward depends on the row alone.
TEST(LinearLoss, EqualRowsHaveEqualRewardsWhereverTheyStand) {
  for (const bool windows : {false, true}) {
    ProblemShape shape;
    shape.num_segments = 12;  // of which the last four stand in no pair
    shape.windows = windows;
    shape.num_members = 2;
    Linear<bf16, float> linear(shape, 11, 4100);
    for (std::int64_t t = 1; t < linear.problem.reference.num_steps; ++t) std::copy_n(linear.features.begin(), 4100, linear.features.begin() + t * 4100);
    linear.run(2);
    const std::int64_t steps = linear.problem.reference.num_steps;
    for (std::int64_t i = 0; i < 2 * steps; ++i) EXPECT_EQ(linear.step_rewards[count(i)], linear.step_rewards[count(i / steps * steps)]) << i;
  }
}

TEST(LinearLoss, SkippedPairsWithNanFeaturesLeaveNoTrace) {
  ProblemShape shape;
  Linear<float, float> linear(shape, 4, 19);
  linear.problem.reference.segments = {{0, 2}, {2, 4}, {4, 6}, {6, 8}, {8, 10}, {10, 12}, {12, 14}, {14, 16}};
  linear.problem.reference.num_steps = 16;
  linear.features.resize(16 * 19);
  linear.features[3 * 19 + 4] = std::nanf("");
  linear.problem.reference.skip_nonfinite = true;
  linear.problem.refresh();
  linear.run(2);
  EXPECT_TRUE(std::isfinite(linear.loss[0]));
  for (float value : linear.grad_weight) EXPECT_TRUE(std::isfinite(value));
  EXPECT_TRUE(std::isfinite(linear.grad_bias[0]));
  for (std::size_t i = 0; i < 4 * 19; ++i) EXPECT_EQ(linear.grad_features()[i], 0.0f);
  EXPECT_NE(linear.grad_features()[4 * 19], 0.0f);
}

}  // namespace
}  // namespace segpref
