// preference_loss against the oracle: every option, both precisions, lengths around vector and block sizes.
#include "segpref/preference_loss.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <functional>

#include "kernels/math/half.hpp"
#include "tests/support/compare.hpp"
#include "tests/support/problems.hpp"

namespace segpref {
namespace {

using testing::Bound;
using testing::flatten;
using testing::is_close;
using testing::Problem;
using testing::ProblemShape;

template <typename Real>
struct Outputs {
  std::vector<Real> loss, loss_per_pair, scores, logits, grad, grad_tie;
  std::vector<double> metrics;
};

template <typename Real>
Outputs<Real> run(const Problem<Real>& problem, int num_threads) {
  const auto members = problem.reference.num_members;
  const auto count = [](std::int64_t n) { return static_cast<std::size_t>(n); };
  const auto num_segments = static_cast<std::int64_t>(problem.reference.segments.size());
  Outputs<Real> out;
  const Real dirt = Real(777);  // every output must be overwritten
  out.loss.assign(count(members), dirt);
  out.loss_per_pair.assign(count(members * problem.num_batch_pairs()), dirt);
  out.scores.assign(count(members * num_segments), dirt);
  out.logits.assign(count(members * problem.num_batch_pairs()), dirt);
  out.grad.assign(count(members * problem.reference.num_steps), dirt);
  out.metrics.assign(count(members * num_metrics), 777.0);
  out.grad_tie.assign(problem.reference.tie_parameter.size(), dirt);
  PreferenceResult result;
  if (problem.reference.reduction != reference::Reduce::none) result.loss = view(out.loss);
  result.loss_per_pair = view(out.loss_per_pair.data(), {members, problem.num_batch_pairs()});
  result.scores = view(out.scores.data(), {members, num_segments});
  result.logits = view(out.logits.data(), {members, problem.num_batch_pairs()});
  result.metrics = view(out.metrics.data(), {members, num_metrics});
  if (!out.grad_tie.empty()) result.grad_tie_parameter = view(out.grad_tie);
  const std::vector<Real> rewards = problem.flat_rewards();
  const Context context(num_threads);
  preference_loss(context, view(rewards.data(), {members, problem.reference.num_steps}), problem.batch(), problem.options(), result,
                  view(out.grad.data(), {members, problem.reference.num_steps}));
  return out;
}

std::vector<double> metric_rows(const std::vector<reference::Metrics>& metrics) {
  std::vector<double> flat;
  for (const auto& m : metrics)
    flat.insert(flat.end(), {m.weight_sum, m.loss_sum, m.centering_sum, m.num_judged, m.num_correct, m.gap_sum, m.num_skipped});
  return flat;
}

/// Loss and gradients are O(1) here; scores are sums of up to max_length rewards.
template <typename Real>
void expect_agreement(const Problem<Real>& problem, double scale = 1.0) {
  const double ulp = std::is_same_v<Real, float> ? 1.2e-7 : 2.3e-16;
  const Bound bound{40 * ulp, 40 * ulp * scale};
  const auto expected = reference::preference_loss(problem.reference, problem.step_rewards);
  const Outputs<Real> out = run(problem, 2);
  if (problem.reference.reduction != reference::Reduce::none) {
    EXPECT_TRUE(is_close(out.loss.data(), expected.loss, bound));
  }
  EXPECT_TRUE(is_close(out.loss_per_pair.data(), flatten(expected.loss_per_pair), bound));
  EXPECT_TRUE(is_close(out.scores.data(), flatten(expected.scores), bound));
  EXPECT_TRUE(is_close(out.logits.data(), flatten(expected.logits), bound));
  EXPECT_TRUE(is_close(out.grad.data(), flatten(expected.grad_step_rewards), bound));
  // Float64 sums of n terms, here and in the oracle.
  const double sum_error = 1.2e-16 * static_cast<double>(problem.num_batch_pairs());
  EXPECT_TRUE(is_close(out.metrics.data(), metric_rows(expected.metrics), {bound.relative + sum_error, bound.absolute}));
  if (!out.grad_tie.empty()) {
    EXPECT_TRUE(is_close(out.grad_tie.data(), expected.grad_tie_parameter, bound));
  }
}

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
      {"OneSegmentInManyPairs", [](ProblemShape& s) { s.shared_segments = true; s.num_segments = 2; s.num_pairs = 1000; }, same},
      {"OwnOrder", [](ProblemShape& s) { s.own_order = true; s.num_members = 3; }, same},
      {"NarrowIndices", [](ProblemShape& s) { s.wide_indices = false; s.shared_segments = s.own_order = true; }, same},
      {"NarrowWindows", [](ProblemShape& s) { s.wide_indices = false; s.shared_segments = s.windows = true; }, same},
      {"Weights", [](ProblemShape& s) { s.weights = true; s.num_members = 2; }, same},
      {"Margins", [](ProblemShape& s) { s.margins = true; s.num_members = 2; }, same},
      {"Mean", same, [](P& p) { p.aggregation = reference::Aggregate::mean; }},
      {"Last", same, [](P& p) { p.aggregation = reference::Aggregate::last; }},
      {"Discount", same, [](P& p) { p.discount = 0.9; }},
      {"DiscountedMeanWindows", [](ProblemShape& s) { s.windows = s.shared_segments = true; }, [](P& p) { p.discount = 0.95; p.aggregation = reference::Aggregate::mean; }},
      {"Temperature", same, [](P& p) { p.temperature = 0.25; }},
      {"Clip", same, [](P& p) { p.clip = 0.75; }},
      {"Smoothing", same, [](P& p) { p.smoothing = 0.2; }},
      {"Lapse", same, [](P& p) { p.lapse = 0.1; }},
      {"LapseMarginClip", [](ProblemShape& s) { s.margins = true; }, [](P& p) { p.lapse = 0.1; p.clip = 1.0; p.smoothing = 0.1; }},
      {"Centering", same, [](P& p) { p.centering = 0.01; }},
      {"RaoKupper", [](ProblemShape& s) { s.num_members = 2; }, [](P& p) { p.ties = reference::Ties::rao_kupper; p.tie_parameter = {0.25, 1.5}; }},
      {"Davidson", [](ProblemShape& s) { s.num_members = 2; }, [](P& p) { p.ties = reference::Ties::davidson; p.tie_parameter = {-0.5, 0.75}; }},
      {"RaoKupperLapse", [](ProblemShape& s) { s.num_members = 2; }, [](P& p) { p.ties = reference::Ties::rao_kupper; p.tie_parameter = {0.25, 1.5}; p.lapse = 0.2; }},
      {"DavidsonLapse", [](ProblemShape& s) { s.num_members = 2; }, [](P& p) { p.ties = reference::Ties::davidson; p.tie_parameter = {-0.5, 0.75}; p.lapse = 0.2; }},
      {"SumReduction", same, [](P& p) { p.reduction = reference::Reduce::sum; }},
      {"NoReduction", [](ProblemShape& s) { s.weights = true; }, [](P& p) { p.reduction = reference::Reduce::none; }},
      {"Normalizer", [](ProblemShape& s) { s.weights = true; }, [](P& p) { p.normalizer = 12.5; }},
      {"ManyPairs", [](ProblemShape& s) { s.num_pairs = 5000; s.num_segments = 10000; s.max_length = 3; }, same},
      {"LongSegments", [](ProblemShape& s) { s.num_pairs = 2; s.num_segments = 4; s.max_length = 20000; }, [](P& p) { p.aggregation = reference::Aggregate::mean; }},
      {"ThirtyTwoMembers", [](ProblemShape& s) { s.num_members = 32; }, same},
  };
  return all;
}

class PreferenceLossAccuracy : public ::testing::TestWithParam<std::size_t> {};

template <typename Real>
void agree_for_all_seeds(const Case& test_case) {
  const unsigned num_seeds = std::getenv("SEGPREF_LONG_TESTS") != nullptr ? 20 : 3;
  for (unsigned seed = 0; seed < num_seeds; ++seed) {
    SCOPED_TRACE(seed);
    ProblemShape shape;
    shape.num_pairs = 70;  // one block of the objective and a few more
    shape.num_segments = 140;
    shape.max_length = 70;
    test_case.shape(shape);
    Problem<Real> problem(shape, seed);
    test_case.options(problem.reference);
    problem.refresh();
    expect_agreement(problem, 10.0);
  }
}

TEST_P(PreferenceLossAccuracy, AgreesWithReferenceInF32) { agree_for_all_seeds<float>(cases()[GetParam()]); }
TEST_P(PreferenceLossAccuracy, AgreesWithReferenceInF64) { agree_for_all_seeds<double>(cases()[GetParam()]); }

TEST_P(PreferenceLossAccuracy, SameBitsForAnyNumberOfThreads) {
  ProblemShape shape;
  shape.num_pairs = 3000;
  shape.num_segments = 6000;
  cases()[GetParam()].shape(shape);
  Problem<float> problem(shape, 5);
  cases()[GetParam()].options(problem.reference);
  problem.refresh();
  const Outputs<float> expected = run(problem, 1);
  for (int num_threads : {2, 3, 7, 1}) {
    const Outputs<float> out = run(problem, num_threads);
    const auto same = [](const auto& a, const auto& b) { return a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(a[0])) == 0; };
    EXPECT_TRUE(same(out.loss, expected.loss) && same(out.grad, expected.grad) && same(out.scores, expected.scores) &&
                same(out.metrics, expected.metrics) && same(out.loss_per_pair, expected.loss_per_pair));
  }
}

INSTANTIATE_TEST_SUITE_P(Options, PreferenceLossAccuracy, ::testing::Range(std::size_t{0}, cases().size()),
                         [](const auto& info) { return cases()[info.param].name; });

TEST(PreferenceLoss, EveryLengthAroundVectorsAndBlocks) {
  for (std::int64_t length : {0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 67, 4095, 4096, 4097, 3 * 4096 + 5}) {
    ProblemShape shape;
    Problem<float> problem(shape, 1);
    problem.reference.segments.clear();
    for (std::int64_t s = 0; s < 8; ++s) problem.reference.segments.push_back({1 + s * length, 1 + (s + 1) * length});
    problem.reference.num_steps = 1 + 8 * length;
    std::mt19937 random(2);
    problem.step_rewards.assign(1, std::vector<double>(static_cast<std::size_t>(problem.reference.num_steps)));
    for (double& reward : problem.step_rewards[0]) reward = std::uniform_real_distribution<float>(-1, 1)(random);
    problem.refresh();
    SCOPED_TRACE(length);
    expect_agreement(problem, 30.0);
  }
}

// Expected values in long double from the same float logit.
TEST(PreferenceLoss, WithinFourUlpOfTheLargerTermForLogitsUpTo80) {
  std::vector<float> logits;
  for (double z = 1e-6; z <= 80; z *= 1.07) logits.insert(logits.end(), {static_cast<float>(z), static_cast<float>(-z)});
  logits.push_back(0.0f);
  const auto pairs = static_cast<std::int64_t>(logits.size());
  std::vector<float> rewards;
  std::vector<std::int64_t> offsets = {0};
  for (float z : logits) {
    rewards.insert(rewards.end(), {0.0f, z});
    offsets.insert(offsets.end(), {offsets.back() + 1, offsets.back() + 2});
  }
  for (const auto& [label, lapse] : {std::pair{0.0f, 0.0}, {1.0f, 0.0}, {0.3f, 0.0}, {0.0f, 0.1}, {1.0f, 0.1}, {0.3f, 0.1}}) {
    const std::vector<float> labels(logits.size(), label);
    std::vector<float> loss(logits.size()), grad(rewards.size());
    PreferenceBatch batch;
    batch.offsets = view(offsets);
    batch.labels = view(labels);
    PreferenceOptions options;
    options.reduction = Reduction::none;
    options.lapse = lapse;
    PreferenceResult result;
    result.loss_per_pair = view(loss.data(), {1, pairs});
    preference_loss(Context(1), view(rewards), batch, options, result, view(grad));
    for (std::size_t i = 0; i < logits.size(); ++i) {
      const long double z = logits[i], y = label;
      const auto softplus = [](long double x) { return x > 0 ? x + log1pl(expl(-x)) : log1pl(expl(x)); };
      const auto sigmoid = [](long double x) { return x >= 0 ? 1 / (1 + expl(-x)) : expl(x) / (1 + expl(x)); };
      // minus log P of an answer that needs the logit to be -x, and its derivative by x
      const long double e = lapse;
      const auto cost = [&](long double x) { return e == 0 ? softplus(x) : -logl((1 - e) * sigmoid(-x) + e / 2); };
      const auto slope = [&](long double x) { return e == 0 ? sigmoid(x) : (1 - e) * sigmoid(x) * sigmoid(-x) / ((1 - e) * sigmoid(-x) + e / 2); };
      const long double terms[2] = {(1 - y) * cost(z), y * cost(-z)}, grads[2] = {(1 - y) * slope(z), y * slope(-z)};
      const auto ulp_of = [](long double x) {
        const float f = static_cast<float>(x);
        return static_cast<long double>(std::nextafter(f, INFINITY) - f);
      };
      EXPECT_LE(fabsl(loss[i] - (terms[0] + terms[1])), 4 * ulp_of(std::max(terms[0], terms[1]))) << "z = " << logits[i] << ", y = " << label << ", lapse = " << lapse;
      EXPECT_LE(fabsl(grad[2 * i + 1] - (grads[0] - grads[1])), 4 * ulp_of(std::max(grads[0], grads[1]))) << "z = " << logits[i] << ", y = " << label << ", lapse = " << lapse;
    }
  }
}

TEST(PreferenceLoss, LogitsBeyondTheClipCostWhatTheEdgeCostsAndHaveNoGradient) {
  const std::vector<std::int64_t> offsets = {0, 1, 2};
  constexpr double clip = 5;
  for (double lapse : {0.0, 0.1})
    for (double z : {-1e4, -80.0, -5.5, 5.5, 80.0, 1e4})
      for (double label : {0.0, 1.0, 0.3}) {
        const std::vector<double> rewards = {0.0, z}, labels = {label};
        std::vector<double> loss(1), grad(2, 7.0);
        PreferenceBatch batch;
        batch.offsets = view(offsets);
        batch.labels = view(labels);
        PreferenceOptions options;
        options.lapse = lapse;
        options.clip = clip;
        PreferenceResult result;
        result.loss = view(loss);
        preference_loss(Context(1), view(rewards), batch, options, result, view(grad));
        const double second = 1 / (1 + std::exp(z > 0 ? -clip : clip)), first = 1 / (1 + std::exp(z > 0 ? clip : -clip));
        const auto cost = [&](double p) { return -std::log((1 - lapse) * p + lapse / 2); };
        EXPECT_NEAR(loss[0], (1 - label) * cost(first) + label * cost(second), 1e-14) << z << " " << label << " " << lapse;
        EXPECT_EQ(grad, (std::vector<double>{0, 0})) << z << " " << label << " " << lapse;
      }
}

TEST(PreferenceLoss, ExtremeLogitsStayFiniteAndRightInTheLimit) {
  const std::vector<std::int64_t> offsets = {0, 1, 2};
  for (double lapse : {0.0, 0.1})
    for (double z : {-1e4, -700.0, 700.0, 1e4})
      for (double label : {0.0, 1.0}) {
        const std::vector<double> rewards = {0.0, z}, labels = {label};
        std::vector<double> loss(1), grad(2);
        PreferenceBatch batch;
        batch.offsets = view(offsets);
        batch.labels = view(labels);
        PreferenceOptions options;
        options.lapse = lapse;
        PreferenceResult result;
        result.loss = view(loss);
        preference_loss(Context(1), view(rewards), batch, options, result, view(grad));
        const bool wrong = (z > 0) != (label == 1.0);
        const double expected = !wrong ? -std::log1p(-lapse / 2) : lapse == 0 ? std::fabs(z) : -std::log(lapse / 2);
        EXPECT_NEAR(loss[0], expected, 1e-12 * std::max(1.0, expected)) << z << " " << label << " " << lapse;
        EXPECT_NEAR(grad[1], wrong && lapse == 0 ? (label == 1.0 ? -1.0 : 1.0) : 0.0, 1e-290);
      }
}

TEST(PreferenceLoss, SwappingSidesAndLabelKeepsLoss) {
  ProblemShape shape;
  shape.shared_segments = true;
  Problem<double> problem(shape, 3);
  const auto before = run(problem, 1);
  for (auto& pair : problem.reference.pairs) std::swap(pair.first, pair.second);
  for (double& label : problem.reference.labels) label = 1 - label;
  problem.refresh();
  const auto after = run(problem, 1);
  EXPECT_NEAR(before.loss[0], after.loss[0], 1e-15);
  for (std::size_t i = 0; i < before.grad.size(); ++i) EXPECT_NEAR(before.grad[i], after.grad[i], 1e-15);
}

TEST(PreferenceLoss, NonFiniteRewardsAreSkippedWithoutATrace) {
  ProblemShape shape;
  shape.weights = true;
  Problem<float> problem(shape, 4);
  problem.reference.weights[0] = {1, 0.5, 0, 2};
  problem.reference.skip_nonfinite = true;
  problem.reference.segments = {{0, 2}, {2, 4}, {4, 6}, {6, 8}, {8, 10}, {10, 12}, {12, 14}, {14, 16}};
  problem.reference.num_steps = 16;
  problem.step_rewards.assign(1, std::vector<double>(16, 0.25));
  problem.step_rewards[0][1] = std::nan("");   // pair 0: skipped
  problem.step_rewards[0][9] = INFINITY;       // pair 2: weight 0
  problem.refresh();
  expect_agreement(problem);
  const auto out = run(problem, 2);
  EXPECT_EQ(out.metrics[metric_num_skipped], 1.0);
  EXPECT_EQ(out.loss_per_pair[0], 0.0f);
  for (std::size_t step : {0, 1, 2, 3, 8, 9, 10, 11}) EXPECT_EQ(out.grad[step], 0.0f);

  problem.reference.skip_nonfinite = false;
  problem.refresh();
  const auto propagated = run(problem, 2);
  EXPECT_TRUE(std::isnan(propagated.loss[0]));
  EXPECT_TRUE(std::isnan(propagated.loss_per_pair[0]));
  EXPECT_EQ(propagated.loss_per_pair[1], out.loss_per_pair[1]);
}

TEST(PreferenceLoss, EmptyBatchGivesZeros) {
  const std::vector<std::int64_t> offsets = {0, 2};
  const std::vector<float> rewards = {1, 2}, labels;
  std::vector<float> loss = {7}, grad = {7, 7};
  PreferenceBatch batch;
  batch.offsets = view(offsets);
  batch.labels = view(labels);
  PreferenceResult result;
  result.loss = view(loss);
  preference_loss(Context(2), view(rewards), batch, {}, result, view(grad));
  EXPECT_EQ(loss[0], 0.0f);
  EXPECT_EQ(grad, (std::vector<float>{0, 0}));
}

template <typename Half>
void half_rewards_agree() {
  ProblemShape shape;
  Problem<float> problem(shape, 6);
  std::vector<Half> rewards;
  for (double& reward : problem.step_rewards[0]) {
    rewards.push_back(math::from_real<Half>(static_cast<float>(reward)));
    reward = math::to_f32(rewards.back());
  }
  const auto expected = reference::preference_loss(problem.reference, problem.step_rewards);
  std::vector<float> loss(1);
  std::vector<Half> grad(rewards.size());
  PreferenceResult result;
  result.loss = view(loss);
  preference_loss(Context(2), view(rewards), problem.batch(), {}, result, view(grad));
  EXPECT_TRUE(is_close(loss.data(), expected.loss, {1e-6, 1e-6}));
  std::vector<float> wide;
  for (Half value : grad) wide.push_back(math::to_f32(value));
  EXPECT_TRUE(is_close(wide.data(), flatten(expected.grad_step_rewards), {0x1p-8, 1e-7}));
}

TEST(PreferenceLoss, Bf16RewardsAgreeWithReference) { half_rewards_agree<bf16>(); }
TEST(PreferenceLoss, F16RewardsAgreeWithReference) { half_rewards_agree<f16>(); }

}  // namespace
}  // namespace segpref
