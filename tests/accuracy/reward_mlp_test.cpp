// mlp_preference_loss and predict_rewards against the oracle: rewards and loss directly, gradients against central differences of it.
#include "segpref/reward_mlp.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <random>

#include "host/reference_backend/mlp_model.hpp"
#include "kernels/reference/reward_mlp.hpp"
#include "segpref/preference_loss.hpp"
#include "tests/support/compare.hpp"
#include "tests/support/problems.hpp"

namespace segpref {
namespace {

using testing::flatten;
using testing::is_close;
using testing::Problem;
using testing::ProblemShape;

struct MlpSetup {
  RewardArchitecture architecture;
  ProblemShape shape;
  std::function<void(reference::PreferenceProblem&)> options = [](auto&) {};
};

/// A model, features and a preference problem in float64, with everything the oracle needs.
class MlpProblem {
 public:
  MlpProblem(const MlpSetup& setup, unsigned seed) : architecture(setup.architecture), problem(with_members(setup), seed), model(reference_backend::mlp_model_of(setup.architecture)) {
    setup.options(problem.reference);
    problem.refresh();
    std::mt19937 random(seed + 100);
    std::uniform_real_distribution<float> uniform(-1, 1);
    std::vector<float> start;
    initialize_parameters(architecture, seed, start);
    parameters.assign(start.begin(), start.end());
    for (double& value : parameters) value = static_cast<float>(value * 1.5);
    for (std::int64_t i = 0; i < problem.reference.num_steps * architecture.feature_dim; ++i) features.push_back(uniform(random));
  }

  std::vector<std::vector<double>> reference_rewards() const {
    std::vector<std::vector<double>> rewards(static_cast<std::size_t>(architecture.num_members));
    for (std::int64_t e = 0; e < architecture.num_members; ++e)
      for (std::int64_t t = 0; t < problem.reference.num_steps; ++t) {
        const auto begin = features.begin() + t * architecture.feature_dim;
        rewards[static_cast<std::size_t>(e)].push_back(reference::mlp_reward(model, parameters, e, {begin, begin + architecture.feature_dim}));
      }
    return rewards;
  }
  double reference_loss() const {
    double total = 0;
    for (double loss : reference::preference_loss(problem.reference, reference_rewards()).loss) total += loss;
    return total;
  }

  RewardArchitecture architecture;
  Problem<double> problem;
  reference::MlpModel model;
  std::vector<double> parameters, features;

 private:
  static ProblemShape with_members(const MlpSetup& setup) {
    ProblemShape shape = setup.shape;
    shape.narrow_reals = true;  // f32 labels and the like serve both precisions
    shape.num_members = setup.architecture.num_members;
    return shape;
  }
};

template <typename Real>
struct Outputs {
  std::vector<Real> loss, logits, gradient, features;
};

template <typename Real>
Outputs<Real> run(const MlpProblem& p, int num_threads, const DropoutState& dropout = {}) {
  const auto convert = [](const std::vector<double>& from) { return std::vector<Real>(from.begin(), from.end()); };
  const std::vector<Real> parameters = convert(p.parameters), rows = convert(p.features);
  const std::int64_t members = p.architecture.num_members, steps = p.problem.reference.num_steps;
  Outputs<Real> out;
  out.loss.assign(static_cast<std::size_t>(members), Real(7));
  out.logits.assign(static_cast<std::size_t>(members * p.problem.num_batch_pairs()), Real(7));
  out.gradient.assign(parameters.size(), Real(7));
  out.features.assign(rows.size(), Real(7));
  Features features;
  features.first = view(rows.data(), {steps, p.architecture.feature_dim});
  PreferenceResult result;
  result.loss = view(out.loss);
  result.logits = view(out.logits.data(), {members, p.problem.num_batch_pairs()});
  MlpGradients gradients;
  gradients.parameters = view(out.gradient);
  gradients.features_first = view(out.features.data(), {steps, p.architecture.feature_dim});
  mlp_preference_loss(Context(num_threads), p.architecture, view(parameters), features, p.problem.batch(), p.problem.options(), result, gradients, dropout);
  return out;
}

RewardArchitecture small(std::vector<std::int64_t> hidden, Activation activation = Activation::tanh) {
  RewardArchitecture architecture;
  architecture.feature_dim = 5;
  architecture.hidden = std::move(hidden);
  architecture.num_members = 2;
  architecture.activation = activation;
  return architecture;
}

struct Case {
  const char* name;
  std::function<void(MlpSetup&)> change;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"TanhHidden", [](MlpSetup&) {}},
      {"Relu", [](MlpSetup& s) { s.architecture.activation = Activation::relu; }},
      {"LeakyRelu", [](MlpSetup& s) { s.architecture.activation = Activation::leaky_relu; s.architecture.leaky_slope = 0.1; }},
      {"Silu", [](MlpSetup& s) { s.architecture.activation = Activation::silu; }},
      {"Gelu", [](MlpSetup& s) { s.architecture.activation = Activation::gelu; }},
      {"Linear", [](MlpSetup& s) { s.architecture.hidden = {}; }},
      {"FourLayersOfDifferentWidths", [](MlpSetup& s) { s.architecture.hidden = {9, 16, 3, 17}; }},
      {"WidthOne", [](MlpSetup& s) { s.architecture.hidden = {1}; s.architecture.feature_dim = 1; }},
      {"NoBias", [](MlpSetup& s) { s.architecture.bias = false; }},
      {"TanhOutput", [](MlpSetup& s) { s.architecture.output = Output::tanh; }},
      {"SigmoidOutput", [](MlpSetup& s) { s.architecture.output = Output::sigmoid; }},
      {"ScaledTanh", [](MlpSetup& s) { s.architecture.output = Output::tanh; s.architecture.output_scaled = true; s.architecture.output_lo = -2; s.architecture.output_hi = 5; }},
      {"ScaledSigmoid", [](MlpSetup& s) { s.architecture.output = Output::sigmoid; s.architecture.output_scaled = true; s.architecture.output_lo = -2; s.architecture.output_hi = 5; }},
      {"SharedWindowsOwnOrderWeights", [](MlpSetup& s) { s.shape.windows = s.shape.shared_segments = s.shape.own_order = s.shape.weights = true; }},
      {"MeanDiscountMargins", [](MlpSetup& s) { s.shape.margins = true; s.options = [](auto& p) { p.aggregation = reference::Aggregate::mean; p.discount = 0.9; }; }},
      {"LastSmoothingLapse", [](MlpSetup& s) { s.options = [](auto& p) { p.aggregation = reference::Aggregate::last; p.smoothing = 0.1; p.lapse = 0.1; }; }},
      {"CenteringNormalizer", [](MlpSetup& s) { s.options = [](auto& p) { p.centering = 0.05; p.normalizer = 3.0; }; }},
      {"RaoKupper", [](MlpSetup& s) { s.options = [](auto& p) { p.ties = reference::Ties::rao_kupper; p.tie_parameter = {0.5, 0.75}; }; }},
  };
  return all;
}

class MlpAccuracy : public ::testing::TestWithParam<std::size_t> {
 protected:
  static MlpProblem make() {
    MlpSetup setup;
    setup.architecture = small({7, 6});
    setup.shape.max_length = 12;
    cases()[GetParam()].change(setup);
    return MlpProblem(setup, 3);
  }
};

TEST_P(MlpAccuracy, LossAndLogitsAgreeWithReferenceInF64) {
  const MlpProblem p = make();
  const auto expected = reference::preference_loss(p.problem.reference, p.reference_rewards());
  const auto out = run<double>(p, 2);
  EXPECT_TRUE(is_close(out.loss.data(), expected.loss, {1e-13, 1e-13}));
  EXPECT_TRUE(is_close(out.logits.data(), flatten(expected.logits), {1e-13, 1e-13}));
}

TEST_P(MlpAccuracy, EveryParameterGradientIsTheCentralDifference) {
  MlpProblem p = make();
  const auto out = run<double>(p, 2);
  const double h = 1e-5;
  for (std::size_t i = 0; i < p.parameters.size(); ++i) {
    const double before = p.parameters[i];
    p.parameters[i] = before + h;
    const double above = p.reference_loss();
    p.parameters[i] = before - h;
    const double below = p.reference_loss();
    p.parameters[i] = before;
    EXPECT_NEAR(out.gradient[i], (above - below) / (2 * h), 2e-8) << "parameter " << i;
  }
}

TEST_P(MlpAccuracy, EveryFeatureGradientIsTheCentralDifference) {
  MlpProblem p = make();
  const auto out = run<double>(p, 2);
  const double h = 1e-5;
  for (std::size_t i = 0; i < p.features.size(); i += 3) {
    const double before = p.features[i];
    p.features[i] = before + h;
    const double above = p.reference_loss();
    p.features[i] = before - h;
    const double below = p.reference_loss();
    p.features[i] = before;
    EXPECT_NEAR(out.features[i], (above - below) / (2 * h), 2e-8) << "feature " << i;
  }
}

TEST_P(MlpAccuracy, F32AgreesWithF64) {
  const MlpProblem p = make();
  const auto expected = run<double>(p, 2);
  const auto out = run<float>(p, 2);
  EXPECT_TRUE(is_close(out.loss.data(), expected.loss, {2e-6, 2e-6}));
  EXPECT_TRUE(is_close(out.gradient.data(), expected.gradient, {1e-5, 3e-6}));
  EXPECT_TRUE(is_close(out.features.data(), expected.features, {1e-5, 3e-6}));
}

INSTANTIATE_TEST_SUITE_P(Options, MlpAccuracy, ::testing::Range(std::size_t{0}, cases().size()), [](const auto& info) { return cases()[info.param].name; });

MlpProblem larger() {
  MlpSetup setup;
  setup.architecture = small({70, 33}, Activation::leaky_relu);
  setup.architecture.num_members = 3;
  setup.shape.num_pairs = 40;
  setup.shape.num_segments = 80;
  setup.shape.max_length = 60;  // about 2400 steps: 25 tiles
  setup.shape.weights = true;
  return MlpProblem(setup, 9);
}

TEST(Mlp, SameBitsForAnyNumberOfThreads) {
  const MlpProblem p = larger();
  const auto expected = run<float>(p, 1);
  for (int num_threads : {2, 3, 7, 1}) {
    const auto out = run<float>(p, num_threads);
    EXPECT_EQ(std::memcmp(out.gradient.data(), expected.gradient.data(), out.gradient.size() * sizeof(float)), 0);
    EXPECT_EQ(std::memcmp(out.features.data(), expected.features.data(), out.features.size() * sizeof(float)), 0);
    EXPECT_EQ(out.loss, expected.loss);
  }
}

TEST(Mlp, ManyTilesAgreeWithF64) {
  const MlpProblem p = larger();
  const auto expected = run<double>(p, 2);
  const auto out = run<float>(p, 2);
  EXPECT_TRUE(is_close(out.gradient.data(), expected.gradient, {2e-5, 5e-6}));
  EXPECT_TRUE(is_close(out.loss.data(), expected.loss, {2e-6, 2e-6}));
}

TEST(Mlp, SkippedAndUnweightedPairsWithNanFeaturesLeaveNoTrace) {
  MlpSetup setup;
  setup.architecture = small({8, 8}, Activation::leaky_relu);
  setup.shape.weights = true;
  MlpProblem p(setup, 1);
  p.problem.reference.weights = {{1, 1, 0, 1}, {1, 1, 0, 1}};
  p.problem.reference.skip_nonfinite = true;
  p.problem.reference.segments = {{0, 3}, {3, 6}, {6, 9}, {9, 12}, {12, 15}, {15, 18}, {18, 21}, {21, 24}};
  p.problem.refresh();
  p.features.assign(static_cast<std::size_t>(p.problem.reference.num_steps * 5), 0.25);
  for (std::size_t i = 0; i < p.features.size(); ++i) p.features[i] += 0.01 * static_cast<double>(i % 17);
  p.features[4 * 5 + 1] = std::nan("");   // pair 0: skipped
  p.features[13 * 5 + 1] = std::nan("");  // pair 2: weight 0
  const auto out = run<double>(p, 2);
  MlpProblem without = p;
  without.problem.reference.weights = {{0, 1, 0, 1}, {0, 1, 0, 1}};
  without.problem.refresh();
  const auto expected = run<double>(without, 2);
  EXPECT_EQ(out.loss, expected.loss);
  EXPECT_TRUE(is_close(out.gradient.data(), expected.gradient, {1e-14, 1e-16}));
  for (std::size_t i = 0; i < 6 * 5; ++i) EXPECT_EQ(out.features[i], 0.0);
}

TEST(Mlp, DropoutIsRepeatableScaledAndDifferentEveryCall) {
  MlpSetup setup;
  setup.architecture = small({64}, Activation::tanh);
  setup.architecture.dropout = 0.5;
  const MlpProblem p(setup, 2);
  const auto off = run<double>(p, 1), on = run<double>(p, 1, {true, 11, 1}), again = run<double>(p, 3, {true, 11, 1}), later = run<double>(p, 1, {true, 11, 2});
  EXPECT_EQ(on.loss, again.loss);
  EXPECT_EQ(on.gradient, again.gradient);
  EXPECT_NE(on.loss, later.loss);
  EXPECT_NE(on.loss, off.loss);
  double zeros = 0;  // a dropped unit leaves its column of the output's gradient smaller, not the shape of it
  for (double g : on.gradient) zeros += g == 0.0;
  EXPECT_LT(zeros, 0.2 * static_cast<double>(on.gradient.size()));
}

TEST(Mlp, TwoStandardisedFeatureTensorsEqualOneConcatenated) {
  const MlpProblem p = larger();
  const std::int64_t steps = p.problem.reference.num_steps;
  std::vector<float> parameters(p.parameters.begin(), p.parameters.end()), raw, observations, actions, mean = {0.5f, -1, 2, 0, 3}, std = {2, 0.5f, 1, 4, 0.25f};
  for (std::int64_t t = 0; t < steps; ++t)
    for (std::int64_t i = 0; i < 5; ++i) {
      const float x = static_cast<float>(p.features[static_cast<std::size_t>(t * 5 + i)]);
      raw.push_back((x - mean[static_cast<std::size_t>(i)]) / std[static_cast<std::size_t>(i)]);
      (i < 3 ? observations : actions).push_back(x);
    }
  const auto predict = [&](const Features& features) {
    std::vector<float> out(static_cast<std::size_t>(steps * 3));
    Prediction prediction;
    prediction.members = view(out.data(), {3, steps});
    predict_rewards(Context(2), p.architecture, view(parameters), features, prediction);
    return out;
  };
  Features one, two;
  one.first = view(raw.data(), {steps, 5});
  two.first = view(observations.data(), {steps, 3});
  two.second = view(actions.data(), {steps, 2});
  two.mean = view(mean);
  two.std = view(std);
  EXPECT_EQ(predict(one), predict(two));
}

TEST(PredictRewards, MembersMeanAndStdAgreeWithReference) {
  for (std::int64_t num_steps : {0, 1, 95, 96, 97, 293}) {
    MlpSetup setup;
    setup.architecture = small({20, 9}, Activation::gelu);
    MlpProblem p(setup, 4);
    p.problem.reference.num_steps = num_steps;
    p.features.resize(static_cast<std::size_t>(num_steps * 5), 0.5);
    const auto expected = p.reference_rewards();
    const auto n = static_cast<std::size_t>(num_steps);
    std::vector<double> members(2 * n), mean(n), std(n), expected_mean(n), expected_std(n);
    const std::vector<float> shift = {0.5f, -1.0f}, scale = {2.0f, 4.0f};
    Features features;
    features.first = view(p.features.data(), {num_steps, 5});
    Prediction prediction{view(members.data(), {2, num_steps}), view(mean), view(std)};
    predict_rewards(Context(2), p.architecture, view(p.parameters), features, prediction, {view(shift), view(scale)});
    std::vector<double> flat;
    for (std::size_t e = 0; e < 2; ++e)
      for (double r : expected[e]) flat.push_back((r - static_cast<double>(shift[e])) * static_cast<double>(scale[e]));
    for (std::size_t t = 0; t < n; ++t) {
      expected_mean[t] = (flat[t] + flat[n + t]) / 2;
      expected_std[t] = std::fabs(flat[t] - flat[n + t]) / 2;
    }
    EXPECT_TRUE(is_close(members.data(), flat, {1e-13, 1e-13}));
    EXPECT_TRUE(is_close(mean.data(), expected_mean, {1e-13, 1e-13}));
    EXPECT_TRUE(is_close(std.data(), expected_std, {1e-12, 1e-13}));
  }
}

}  // namespace
}  // namespace segpref
