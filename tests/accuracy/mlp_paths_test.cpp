// The two paths of mlp_preference_loss on the same data. Asking for step_rewards forces the steps path (which is compared with the oracle in
// reward_mlp_test.cpp); without it, pairs that share few steps go through the pairs path.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "kernels/cpu/isa.hpp"
#include "kernels/cpu/reward_mlp/loss_call.hpp"
#include "segpref/reward_mlp.hpp"
#include "tests/accuracy/bounds.hpp"
#include "tests/support/compare.hpp"

namespace segpref {
namespace {

using cpu::mlp::max_group_rows;
using cpu::mlp::rows_per_group;
using cpu::mlp::rows_per_tile;
using testing::is_close;

struct PathSetup {
  std::vector<std::int64_t> lengths;  ///< of the segments; pair p is segments 2 p and 2 p + 1
  Activation activation = Activation::tanh;
  std::int64_t feature_dim = 5;
  std::vector<std::int64_t> hidden = {24, 17};
  double dropout = 0.0;
  PreferenceOptions options;
  Compute compute = Compute::standard;
  bool weights = false, margins = false, own_order = false, logits = false;
  std::vector<double> tie_parameter;
  std::function<void(std::vector<double>& rows, std::vector<double>& weights)> damage = [](auto&, auto&) {};
};

template <typename Real>
struct Results {
  std::vector<Real> loss, loss_per_pair, logits, scores, gradient, grad_tie;
  std::vector<double> metrics;
};

enum class Path { steps, pairs };

template <typename Real>
Results<Real> run(const PathSetup& setup, Path path, int num_threads = 2) {
  constexpr std::int64_t members = 3;
  std::mt19937 random(11);
  std::uniform_real_distribution<double> uniform(-1, 1);
  std::vector<std::int64_t> offsets = {0};
  for (std::int64_t length : setup.lengths) offsets.push_back(offsets.back() + length);
  const std::int64_t steps = offsets.back(), segments = static_cast<std::int64_t>(setup.lengths.size()), pairs = segments / 2;
  std::vector<double> wide_rows, wide_weights;
  for (std::int64_t i = 0; i < steps * setup.feature_dim; ++i) wide_rows.push_back(static_cast<float>(uniform(random)));
  for (std::int64_t i = 0; i < members * pairs; ++i) wide_weights.push_back(i % 5 == 3 ? 0.0 : static_cast<float>(1.5 + uniform(random)));
  setup.damage(wide_rows, wide_weights);
  const std::vector<Real> rows(wide_rows.begin(), wide_rows.end()), weights(wide_weights.begin(), wide_weights.end());
  const std::vector<Real> tie(setup.tie_parameter.begin(), setup.tie_parameter.end());
  std::vector<Real> labels, margins;
  for (std::int64_t p = 0; p < pairs; ++p) labels.push_back(static_cast<Real>(p % 4) / 2 > 1 ? Real(0.25) : static_cast<Real>(p % 4) / 2), margins.push_back(static_cast<Real>(p % 3) / 4);
  std::vector<std::int64_t> order;
  for (std::int64_t member = 0; member < members; ++member)
    for (std::int64_t k = 0; k < pairs; ++k) order.push_back((k * (member == 1 ? -1 : 1) + member + 5 * pairs) % pairs);

  RewardArchitecture architecture;
  architecture.feature_dim = setup.feature_dim;
  architecture.hidden = setup.hidden;
  architecture.num_members = members;
  architecture.activation = setup.activation;
  architecture.output = Output::tanh;
  architecture.dropout = setup.dropout;
  std::vector<float> start;
  initialize_parameters(architecture, 3, start);
  const std::vector<Real> parameters(start.begin(), start.end());

  Features features;
  features.first = view(rows.data(), {steps, setup.feature_dim});
  PreferenceBatch batch;
  batch.offsets = view(offsets);
  batch.labels = view(labels);
  if (setup.weights) batch.weights = view(weights.data(), {members, pairs});
  if (setup.margins) batch.margins = view(margins);
  if (setup.own_order) batch.pair_order = view(order.data(), {members, pairs});
  PreferenceOptions options = setup.options;
  if (!tie.empty()) options.tie_parameter = view(tie);

  const auto filled = [](std::int64_t count) { return std::vector<Real>(static_cast<std::size_t>(count), Real(7)); };
  Results<Real> out{filled(members), filled(members * pairs), filled(members * pairs), filled(members * segments), filled(static_cast<std::int64_t>(start.size())), tie,
                    std::vector<double>(members * num_metrics, 7.0)};
  std::vector<Real> step_rewards = filled(members * steps);
  PreferenceResult result;
  if (options.reduction != Reduction::none) result.loss = view(out.loss);
  result.loss_per_pair = view(out.loss_per_pair.data(), {members, pairs});
  result.scores = view(out.scores.data(), {members, segments});
  if (setup.logits) result.logits = view(out.logits.data(), {members, pairs});
  result.metrics = view(out.metrics.data(), {members, std::int64_t{num_metrics}});
  if (!tie.empty()) result.grad_tie_parameter = view(out.grad_tie);
  MlpGradients gradients;
  gradients.parameters = view(out.gradient);
  const DropoutState dropout{setup.dropout > 0, 5, 9};
  const TensorView rewards = path == Path::steps ? view(step_rewards.data(), {members, steps}) : TensorView();
  PreferenceCapacity capacity{members, steps, segments, pairs, 0, 0, dtype_of<Real>::value};
  const MlpLossPlan plan(architecture, capacity, num_threads, setup.compute);
  std::vector<std::byte> memory(plan.workspace_bytes() + 64);
  std::byte* aligned = memory.data() + (64 - reinterpret_cast<std::uintptr_t>(memory.data()) % 64) % 64;
  mlp_preference_loss(Context(num_threads), plan, view(parameters), features, batch, options, result, gradients, dropout, rewards, Workspace(aligned, plan.workspace_bytes()));
  return out;
}

template <typename Real>
void expect_close(const Results<Real>& a, const Results<Real>& b, testing::Bound bound) {
  const auto near = [&](const auto& x, const auto& y, const char* what) {
    EXPECT_TRUE(is_close(x.data(), std::vector<double>(y.begin(), y.end()), bound)) << what;
  };
  near(a.loss, b.loss, "loss");
  near(a.loss_per_pair, b.loss_per_pair, "loss_per_pair");
  near(a.logits, b.logits, "logits");
  near(a.scores, b.scores, "scores");
  near(a.gradient, b.gradient, "gradient");
  near(a.grad_tie, b.grad_tie, "grad_tie");
  near(a.metrics, b.metrics, "metrics");
}

std::vector<std::int64_t> ragged(std::int64_t num_segments, std::int64_t longest) {
  std::vector<std::int64_t> lengths;
  std::mt19937 random(17);
  for (std::int64_t s = 0; s < num_segments; ++s) lengths.push_back(static_cast<std::int64_t>(random() % static_cast<unsigned>(longest + 1)));
  return lengths;
}

struct Case {
  const char* name;
  PathSetup setup;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  const auto add = [&](const char* name, std::vector<std::int64_t> lengths, const std::function<void(PathSetup&)>& change = [](PathSetup&) {}) {
    PathSetup setup;
    setup.lengths = std::move(lengths);
    change(setup);
    all.push_back({name, setup});
  };
  add("OnePair", {7, 4});
  add("OnePairOfEmptySegments", {0, 0});
  add("EmptySegments", {0, 3, 5, 0, 0, 0, 2, 2});
  add("TileEdges", {rows_per_tile - 1, 0, rows_per_tile, 0, rows_per_tile + 1, 0, 3 * rows_per_tile + 5, 1});
  add("GroupEdges", {rows_per_group - 1, 1, rows_per_group, 1, rows_per_group - 1, 0, 2 * rows_per_group, 3});
  add("LargestGroup", {max_group_rows - 40, 40, 3, 3});
  add("TooLongForAGroup", {max_group_rows, 1, 3, 3});
  add("ManyShortPairs", std::vector<std::int64_t>(2600, 1));
  add("ManyEmptyPairs", [] { std::vector<std::int64_t> lengths(2600, 0); lengths[1300] = 5; return lengths; }());
  add("Ragged", ragged(80, 60));
  add("LeakyRelu", ragged(40, 60), [](PathSetup& s) { s.activation = Activation::leaky_relu; });
  add("Silu", ragged(40, 60), [](PathSetup& s) { s.activation = Activation::silu; });
  add("Gelu", ragged(40, 60), [](PathSetup& s) { s.activation = Activation::gelu; });
  add("Linear", ragged(40, 60), [](PathSetup& s) { s.hidden = {}; });
  add("Wide", ragged(20, 60), [](PathSetup& s) { s.hidden = {130}, s.feature_dim = 33; });
  add("Dropout", ragged(40, 60), [](PathSetup& s) { s.dropout = 0.3; });
  add("OwnOrderWeightsMargins", ragged(60, 40), [](PathSetup& s) { s.own_order = s.weights = s.margins = true; });
  add("LogitsOfLeftOutPairs", ragged(60, 40), [](PathSetup& s) { s.weights = s.logits = true; });
  add("SumReduction", ragged(60, 40), [](PathSetup& s) { s.options.reduction = Reduction::sum; });
  add("NoReduction", ragged(60, 40), [](PathSetup& s) { s.options.reduction = Reduction::none, s.weights = true; });
  add("NormalizerMeanDiscount", ragged(60, 40), [](PathSetup& s) { s.options.normalizer = 9.0, s.options.aggregation = Aggregation::mean, s.options.discount = 0.95; });
  add("LastClipLapseCentering", ragged(60, 40), [](PathSetup& s) {
    s.options.aggregation = Aggregation::last, s.options.clip = 0.4, s.options.lapse = 0.1, s.options.centering = 0.01;
  });
  add("SharedTieParameter", ragged(60, 40), [](PathSetup& s) { s.options.tie_model = TieModel::rao_kupper, s.tie_parameter = {0.3}; });
  add("TieParameters", ragged(60, 40), [](PathSetup& s) { s.options.tie_model = TieModel::davidson, s.tie_parameter = {0.3, -0.2, 0.1}; });
  add("AllWeightsZero", ragged(20, 40), [](PathSetup& s) { s.weights = true, s.damage = [](auto&, auto& weights) { weights.assign(weights.size(), 0.0); }; });
  return all;
}

class MlpPaths : public ::testing::TestWithParam<Case> {};

TEST_P(MlpPaths, AgreeInFloat64) {
  const PathSetup& setup = GetParam().setup;
  expect_close(run<double>(setup, Path::pairs), run<double>(setup, Path::steps), {1e-12, 1e-14});
}

TEST_P(MlpPaths, AgreeInFloat32) {
  const PathSetup& setup = GetParam().setup;
  expect_close(run<float>(setup, Path::pairs), run<float>(setup, Path::steps), {1e-4, 5e-5});
}

TEST_P(MlpPaths, SameBitsForAnyNumberOfThreads) {
  const PathSetup& setup = GetParam().setup;
  const auto one = run<float>(setup, Path::pairs, 1);
  for (int threads : {2, 3, 7}) expect_close(run<float>(setup, Path::pairs, threads), one, {0, 0});
}

// What the library says of itself: which calls the pairs path takes.
TEST(MlpPathChoice, FollowsFromTheCall) {
  PathSetup setup;
  setup.lengths = ragged(60, 40);
  const auto pairs = run<float>(setup, Path::pairs), steps = run<float>(setup, Path::steps);
  bool differs = false;  // other tiles, other roundings: proof that two paths ran
  for (std::size_t i = 0; i < pairs.gradient.size(); ++i) differs |= pairs.gradient[i] != steps.gradient[i];
  EXPECT_TRUE(differs);
}

template <typename Real>
void expect_no_trace_of_left_out_pairs(Compute compute) {
  PathSetup setup;
  setup.compute = compute;
  setup.lengths = ragged(40, 50);
  setup.weights = true;
  std::int64_t first_step = 0;
  for (int s = 0; s < 6; ++s) first_step += setup.lengths[static_cast<std::size_t>(s)];
  const auto damaged_rows = setup.lengths[6] + setup.lengths[7];
  const auto leave_out = [](auto& weights) {
    for (std::size_t member = 0; member < 3; ++member) weights[member * 20 + 3] = 0.0;
  };
  setup.damage = [&](auto&, auto& weights) { leave_out(weights); };
  const auto clean = run<Real>(setup, Path::pairs);
  setup.damage = [&](auto& rows, auto& weights) {
    leave_out(weights);
    for (std::int64_t i = first_step * 5; i < (first_step + damaged_rows) * 5; ++i) rows[static_cast<std::size_t>(i)] = std::numeric_limits<double>::quiet_NaN();
  };
  expect_close(run<Real>(setup, Path::pairs), clean, {0, 0});

  // The same pair with its weight, skipped because it is not finite: only `scores` shows what it was.
  setup.options.nonfinite = NonFinite::skip;
  setup.damage = [&](auto& rows, auto&) {
    for (std::int64_t i = first_step * 5; i < (first_step + damaged_rows) * 5; ++i) rows[static_cast<std::size_t>(i)] = std::numeric_limits<double>::quiet_NaN();
  };
  const auto pairs = run<Real>(setup, Path::pairs), steps = run<Real>(setup, Path::steps);
  expect_close(pairs, steps, compute == Compute::bf16 ? testing::Bound{2e-2, 2e-2} : testing::Bound{1e-12, 1e-14});
  for (Real value : pairs.gradient) EXPECT_TRUE(std::isfinite(value));
}

TEST(MlpPairsPath, LeftOutPairsWithNanFeaturesLeaveNoTrace) { expect_no_trace_of_left_out_pairs<double>(Compute::standard); }

TEST(MlpPairsPath, LeftOutPairsWithNanFeaturesLeaveNoTraceInBf16) {
  if (cpu::has_bf16_dot_product()) expect_no_trace_of_left_out_pairs<float>(Compute::bf16);
  else EXPECT_THROW(expect_no_trace_of_left_out_pairs<float>(Compute::bf16), Error);
}

/// |a - b| / |b|, as vectors.
template <typename A, typename B>
double distance(const std::vector<A>& a, const std::vector<B>& b) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
    size += static_cast<double>(b[i]) * b[i];
  }
  return size == 0 ? std::sqrt(difference) : std::sqrt(difference / size);
}

// bf16 keeps 8 bits: operands are off by up to 0.4 %, products of random signs by about as much. Where the processor lacks the instruction,
// the error that says so is what is tested.
TEST_P(MlpPaths, Bf16StaysNearFloat64) {
  PathSetup setup = GetParam().setup;
  const auto exact = run<double>(setup, Path::steps);
  setup.compute = Compute::bf16;
  if (!cpu::has_bf16_dot_product()) {
    EXPECT_THROW(run<float>(setup, Path::pairs), Error);
    return;
  }
  for (Path path : {Path::pairs, Path::steps}) {
    const auto rounded = run<float>(setup, path);
    const testing::MlpRoundedBounds& bounds = testing::mlp_bf16_bounds;
    EXPECT_TRUE(is_close(rounded.loss.data(), std::vector<double>(exact.loss.begin(), exact.loss.end()), {bounds.losses, bounds.losses}));
    EXPECT_TRUE(is_close(rounded.scores.data(), std::vector<double>(exact.scores.begin(), exact.scores.end()), {1e-2, bounds.scores}));
    EXPECT_LT(distance(rounded.gradient, exact.gradient), setup.activation == Activation::leaky_relu ? bounds.kinked_parameters : bounds.parameters);
  }
}

TEST_P(MlpPaths, Bf16HasTheSameBitsForAnyNumberOfThreads) {
  PathSetup setup = GetParam().setup;
  setup.compute = Compute::bf16;
  if (!cpu::has_bf16_dot_product()) {
    EXPECT_THROW(run<float>(setup, Path::pairs), Error);
    return;
  }
  const auto one = run<float>(setup, Path::pairs, 1);
  for (int threads : {2, 3, 7}) expect_close(run<float>(setup, Path::pairs, threads), one, {0, 0});
}

INSTANTIATE_TEST_SUITE_P(Options, MlpPaths, ::testing::ValuesIn(cases()), [](const auto& info) { return info.param.name; });

TEST(MlpBf16, FeatureGradientsAndPredictionsStayNearFloat64) {
  constexpr std::int64_t steps = 133, dim = 7, members = 2;
  std::mt19937 random(5);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> rows(steps * dim), labels = {1.0f, 0.0f};
  for (float& value : rows) value = uniform(random);
  const std::vector<double> wide_rows(rows.begin(), rows.end()), wide_labels(labels.begin(), labels.end());
  const std::vector<std::int64_t> offsets = {0, 30, 61, 100, steps};
  for (Activation activation : {Activation::leaky_relu, Activation::gelu}) {
    RewardArchitecture architecture;
    architecture.feature_dim = dim;
    architecture.hidden = {40, 25};
    architecture.num_members = members;
    architecture.activation = activation;
    std::vector<float> parameters;
    initialize_parameters(architecture, 3, parameters);
    const std::vector<double> wide_parameters(parameters.begin(), parameters.end());

    const auto run_both = [&](const auto& x, const auto& y, const auto& p, Compute compute, auto& grad_features, auto& mean) {
      using Real = typename std::decay_t<decltype(x)>::value_type;
      grad_features.assign(x.size(), Real(7));
      mean.assign(steps, Real(7));
      Features features;
      features.first = view(x.data(), {steps, dim});
      PreferenceBatch batch;
      batch.offsets = view(offsets);
      batch.labels = view(y);
      MlpGradients gradients;
      gradients.features_first = view(grad_features.data(), {steps, dim});
      const Context context(2);
      const MlpLossPlan plan(architecture, {members, steps, 4, 2, 0, 0, dtype_of<Real>::value}, 2, compute);
      std::vector<std::byte> memory(plan.workspace_bytes() + 64);
      std::byte* aligned = memory.data() + (64 - reinterpret_cast<std::uintptr_t>(memory.data()) % 64) % 64;
      mlp_preference_loss(context, plan, view(p), features, batch, {}, {}, gradients, {}, {}, Workspace(aligned, plan.workspace_bytes()));
      Prediction prediction;
      prediction.mean = view(mean);
      predict_rewards(context, architecture, view(p), features, prediction, {}, compute);
    };
    std::vector<double> exact_features, exact_mean;
    std::vector<float> features, mean;
    run_both(wide_rows, wide_labels, wide_parameters, Compute::standard, exact_features, exact_mean);
    if (!cpu::has_bf16_dot_product()) {
      EXPECT_THROW(run_both(rows, labels, parameters, Compute::bf16, features, mean), Error);
      continue;
    }
    run_both(rows, labels, parameters, Compute::bf16, features, mean);
    EXPECT_LT(distance(features, exact_features), activation == Activation::leaky_relu ? testing::mlp_bf16_bounds.kinked_features : testing::mlp_bf16_bounds.features);
    EXPECT_LT(distance(mean, exact_mean), 1e-2);
    EXPECT_GT(distance(mean, exact_mean), 1e-6);  // f32 products would be closer
  }
}

TEST(MlpBf16, TakesParametersOfF32) {
  PathSetup setup;
  setup.lengths = {3, 3};
  setup.compute = Compute::bf16;
  try {
    run<double>(setup, Path::pairs);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_type);
    EXPECT_STREQ(error.what(), "compute bf16 takes parameters of f32; f64 is computed in f64");
  }
}

TEST(MlpPairsPath, StepsThatLastDoesNotReadLeaveNoTrace) {
  PathSetup setup;
  setup.lengths = {4, 4, 4, 4};
  setup.options.aggregation = Aggregation::last;
  setup.damage = [](auto& rows, auto&) { rows[5 * 9 + 2] = std::numeric_limits<double>::quiet_NaN(); };  // the second step of the third segment
  for (Path path : {Path::pairs, Path::steps}) {
    const auto out = run<double>(setup, path);
    for (double value : out.loss) EXPECT_TRUE(std::isfinite(value));
    for (double value : out.gradient) EXPECT_TRUE(std::isfinite(value));
  }
}

TEST(MlpPairsPath, InfiniteFeatureMakesItsPairsLossNan) {
  PathSetup setup;
  setup.lengths = {4, 4, 4, 4};
  setup.damage = [](auto& rows, auto&) { rows[5 * 9 + 2] = std::numeric_limits<double>::infinity(); };  // tanh would make 1 of it
  for (Path path : {Path::pairs, Path::steps}) {
    const auto out = run<float>(setup, path);
    for (std::size_t member = 0; member < 3; ++member) {
      EXPECT_TRUE(std::isfinite(out.loss_per_pair[2 * member]));
      EXPECT_TRUE(std::isnan(out.loss_per_pair[2 * member + 1]));
      EXPECT_TRUE(std::isnan(out.loss[member]));
    }
  }
}

}  // namespace
}  // namespace segpref
