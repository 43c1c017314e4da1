// The gradient of wide features in one sweep, against the passes one after the other, which a list of pairs asks for: every bit must be the same, for any
// number of threads and wherever the gradient lies.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "host/validate/host_batch.hpp"
#include "kernels/cpu/reward_linear_sweep.hpp"
#include "kernels/math/half.hpp"
#include "segpref/reward_linear.hpp"
#include "tests/support/preference_outputs.hpp"

namespace segpref {
namespace {

using testing::HostTensor;
using testing::PreferenceOutputs;
using testing::Problem;
using testing::ProblemShape;

template <typename Real>
constexpr DType real_dtype = sizeof(Real) == 8 ? DType::f64 : DType::f32;

/// A problem twice: its pairs in order, and the same pairs listed.
template <typename Element, typename Real>
struct Twice {
  Problem<Real> in_order, listed;
  std::int64_t dim;
  std::vector<Element> features;
  HostTensor weight, bias;

  Twice(const ProblemShape& shape, std::int64_t feature_dim, const std::function<void(reference::PreferenceProblem&)>& change = [](auto&) {})
      : in_order(shape, 21), listed(with_list(shape), 21), dim(feature_dim) {
    change(in_order.reference);
    in_order.refresh();
    listed.reference = in_order.reference;
    listed.refresh();
    features.resize(static_cast<std::size_t>(steps() * dim));
    std::uint32_t state = 1;
    for (Element& x : features) x = math::from_real<Element>(static_cast<Real>((state = state * 1664525u + 1013904223u) >> 8) * 0x1p-23f - 1);
    weight = HostTensor(real_dtype<Real>, {members(), dim});
    bias = HostTensor(real_dtype<Real>, {members()});
    std::mt19937 random(22);
    for (HostTensor* tensor : {&weight, &bias})
      for (std::int64_t i = 0; i < tensor->size(); ++i) tensor->set(i, std::normal_distribution<double>(0, 1e-2)(random));
  }
  static ProblemShape with_list(ProblemShape shape) {
    shape.shared_segments = true;
    return shape;
  }
  std::int64_t members() const { return in_order.reference.num_members; }
  std::int64_t steps() const { return in_order.reference.num_steps; }

  bool sweeps(const Problem<Real>& problem) const {
    const PreferenceBatch given = problem.batch();
    const PreferenceOptions options = problem.options();
    constexpr bool wide = sizeof(Real) == 8;
    const cpu::Batch batch = validation::preference_batch(given, options, validation::preference_shape(given, {}, members(), steps(), wide));
    cpu::BatchLossArgs<Real> args;
    args.batch = &batch;
    args.loss = validation::preference_options(options, {}, members(), wide);
    args.reduction = {options.reduction == Reduction::mean, options.normalizer};
    const Real powers = 1;  // a discount is there or not; its values do not matter
    const cpu::AggregationParams<Real> params{options.aggregation, options.discount == 1.0 ? nullptr : &powers};
    return cpu::linear_sweep_scale<Element>(args, params, dim).has_value();
  }
};

/// Everything that a call writes.
template <typename Element, typename Real>
struct Results {
  PreferenceOutputs outputs;
  HostTensor grad_weight, grad_bias, step_rewards;
  std::vector<Element> grad_features;
  std::int64_t shift;

  /// @param lead  elements from the begin of a line to the gradient of the features
  Results(const Twice<Element, Real>& twice, const Problem<Real>& problem, int num_threads, std::int64_t lead, bool want_step_rewards)
      : outputs(problem), grad_weight(real_dtype<Real>, {twice.members(), twice.dim}, testing::dirt), grad_bias(real_dtype<Real>, {twice.members()}, testing::dirt) {
    if (want_step_rewards) step_rewards = HostTensor(real_dtype<Real>, {twice.members(), twice.steps()}, testing::dirt);
    constexpr std::int64_t line = 64 / sizeof(Element);
    grad_features.assign(twice.features.size() + 3 * line, math::from_real<Element>(Real(testing::dirt)));
    shift = lead + line - static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(grad_features.data()) % 64 / sizeof(Element));
    linear_preference_loss(Context(num_threads), {twice.weight.view(), twice.bias.view()}, view(twice.features.data(), {twice.steps(), twice.dim}), problem.batch(),
                           problem.options(), outputs.views(),
                           {grad_weight.view(), grad_bias.view(), view(grad_features.data() + shift, {twice.steps(), twice.dim})}, step_rewards.view());
  }

  void expect_same_bits(const Results& other, std::int64_t num_elements) const {
    EXPECT_TRUE(outputs.same_bits(other.outputs));
    EXPECT_TRUE(grad_weight.same_bits(other.grad_weight));
    EXPECT_TRUE(grad_bias.same_bits(other.grad_bias));
    EXPECT_TRUE(!step_rewards.present() || step_rewards.same_bits(other.step_rewards));
    EXPECT_EQ(std::memcmp(grad_features.data() + shift, other.grad_features.data() + other.shift, static_cast<std::size_t>(num_elements) * sizeof(Element)), 0);
  }
  /// Nothing was written beside the gradient of the features.
  void expect_margins_intact(std::int64_t num_elements) const {
    const Element dirt = math::from_real<Element>(Real(testing::dirt));
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(grad_features.size()); ++i)
      if (i < shift || i >= shift + num_elements) {
        ASSERT_EQ(std::memcmp(&grad_features[static_cast<std::size_t>(i)], &dirt, sizeof(Element)), 0) << i - shift;
      }
  }
};

template <typename Element, typename Real>
void expect_same_bits_both_ways(const Twice<Element, Real>& twice, const std::vector<std::int64_t>& leads = {0}) {
  ASSERT_TRUE(twice.sweeps(twice.in_order));
  ASSERT_FALSE(twice.sweeps(twice.listed));
  const std::int64_t num_elements = twice.steps() * twice.dim;
  const Results<Element, Real> expected(twice, twice.listed, 2, 0, true);
  for (std::int64_t lead : leads)
    for (int num_threads : {1, 2, 3, 7}) {
      SCOPED_TRACE(num_threads);
      const Results<Element, Real> actual(twice, twice.in_order, num_threads, lead, num_threads % 2 == 0);
      actual.expect_same_bits(expected, num_elements);
      actual.expect_margins_intact(num_elements);
    }
}

/// Some 8 MiB of features, of segments around the ends of groups and pieces.
template <typename Element>
ProblemShape wide_shape(std::int64_t dim) {
  ProblemShape shape;
  shape.lengths = {0, 1, 2, 3, 9, 10, 11, 18, 255, 256, 257, 258, 300, 600};
  const std::int64_t mean_length = 160, steps = (std::int64_t{8} << 20) / static_cast<std::int64_t>(sizeof(Element)) / dim;
  shape.num_pairs = std::max<std::int64_t>(10, steps / (2 * mean_length));
  shape.num_segments = 2 * shape.num_pairs;
  return shape;
}

template <typename Element, typename Real>
void check_width(std::int64_t dim, std::int64_t num_members) {
  SCOPED_TRACE(dim);
  ProblemShape shape = wide_shape<Element>(dim);
  shape.num_members = num_members;
  expect_same_bits_both_ways(Twice<Element, Real>(shape, dim), {0, 1, 7, 8, 15});
}

TEST(LinearSweep, SameBitsAsOnePassAfterTheOtherInF32) {
  for (std::int64_t dim : {256, 272, 4096, 4112}) check_width<float, float>(dim, 1);
  check_width<float, float>(528, 3);
}
TEST(LinearSweep, SameBitsAsOnePassAfterTheOtherInF64) {
  check_width<double, double>(136, 1);
  check_width<double, double>(2056, 2);
}
TEST(LinearSweep, SameBitsAsOnePassAfterTheOtherInHalves) {
  check_width<bf16, float>(544, 1);
  check_width<bf16, float>(4128, 4);
  check_width<f16, float>(512, 2);
}

struct Options {
  const char* name;
  std::function<void(ProblemShape&)> shape;
  std::function<void(reference::PreferenceProblem&)> change;
};

TEST(LinearSweep, SameBitsUnderEveryOptionThatAllowsIt) {
  using P = reference::PreferenceProblem;
  const auto same = [](auto&) {};
  const std::vector<Options> all = {
      {"mean", same, [](P& p) { p.aggregation = reference::Aggregate::mean; }},
      {"margins, centring and clip", [](ProblemShape& s) { s.margins = true; s.num_members = 2; }, [](P& p) { p.centering = 0.01; p.clip = 0.5; }},
      {"weights and a sum", [](ProblemShape& s) { s.weights = true; s.num_members = 3; }, [](P& p) { p.reduction = reference::Reduce::sum; }},
      {"weights and a normalizer", [](ProblemShape& s) { s.weights = true; }, [](P& p) { p.normalizer = 12.5; }},
      {"no reduction", same, [](P& p) { p.reduction = reference::Reduce::none; }},
      {"ties", [](ProblemShape& s) { s.num_members = 2; }, [](P& p) { p.ties = reference::Ties::davidson; p.tie_parameter = {0.25, -0.5}; }},
      {"skip and a sum", same, [](P& p) { p.skip_nonfinite = true; p.reduction = reference::Reduce::sum; }},
  };
  for (const Options& options : all) {
    SCOPED_TRACE(options.name);
    ProblemShape shape = wide_shape<float>(272);
    options.shape(shape);
    Twice<float, float> twice(shape, 272, options.change);
    if (twice.in_order.reference.skip_nonfinite) twice.features[static_cast<std::size_t>((twice.steps() / 2) * 272)] = std::numeric_limits<float>::quiet_NaN();
    expect_same_bits_both_ways(twice, {4});
  }
}

TEST(LinearSweep, NonFiniteFeaturesSpoilTheirOwnPairAlone) {
  Twice<float, float> twice(wide_shape<float>(272), 272);
  twice.features[static_cast<std::size_t>((twice.steps() / 2) * 272)] = std::numeric_limits<float>::infinity();
  const Results<float, float> actual(twice, twice.in_order, 3, 0, false);
  std::int64_t num_nan = 0;
  for (std::int64_t pair = 0; pair < actual.outputs.loss_per_pair.size(); ++pair) num_nan += std::isfinite(actual.outputs.loss_per_pair[pair]) ? 0 : 1;
  EXPECT_EQ(num_nan, 1);
}

// More pieces than there are partial sums: pairs are swept a part after the other.
TEST(LinearSweep, MorePiecesThanPartialSums) {
  ProblemShape shape;
  shape.lengths = {9 * cpu::rows_per_piece};
  shape.num_segments = 36;
  shape.num_pairs = 18;
  ASSERT_GT(36 * 8, cpu::num_partial_sums(36 * 9 * cpu::rows_per_piece));
  expect_same_bits_both_ways(Twice<bf16, float>(shape, 512), {8});
}

TEST(LinearSweep, IsLeftOutWhereAGradientIsNotKnownBeforehand) {
  using P = reference::PreferenceProblem;
  const auto sweeps = [](std::int64_t dim, const std::function<void(ProblemShape&)>& change_shape, const std::function<void(P&)>& change) {
    ProblemShape shape = wide_shape<float>(272);
    change_shape(shape);
    const Twice<float, float> twice(shape, dim, change);
    return twice.sweeps(twice.in_order);
  };
  const auto same = [](auto&) {};
  EXPECT_TRUE(sweeps(272, same, same));
  EXPECT_FALSE(sweeps(273, same, same));  // rows that are not whole lines
  EXPECT_FALSE(sweeps(16, same, same));   // small ones
  EXPECT_FALSE(sweeps(272, [](ProblemShape& s) { s.weights = true; }, same));
  EXPECT_FALSE(sweeps(272, [](ProblemShape& s) { s.windows = true; }, same));
  EXPECT_FALSE(sweeps(272, [](ProblemShape& s) { s.own_order = true; }, same));
  EXPECT_FALSE(sweeps(272, [](ProblemShape& s) { s.num_segments += 1; }, same));
  EXPECT_FALSE(sweeps(272, same, [](P& p) { p.discount = 0.9; }));
  EXPECT_FALSE(sweeps(272, same, [](P& p) { p.aggregation = reference::Aggregate::last; }));
  EXPECT_FALSE(sweeps(272, same, [](P& p) { p.skip_nonfinite = true; }));
}

}  // namespace
}  // namespace segpref
