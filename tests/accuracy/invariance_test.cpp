// What must not change a result: threads, runs, alignment, contexts at work side by side, what left-out pairs hold, and which side is first.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <thread>
#include <utility>

#include "segpref/preference_loss.hpp"
#include "segpref/reward_linear.hpp"
#include "tests/support/mlp_case.hpp"

namespace segpref {
namespace {

using testing::Backend;
using testing::HostTensor;
using testing::MlpCase;
using testing::MlpOutputs;
using testing::MlpSettings;
using testing::PreferenceOutputs;
using testing::Problem;
using testing::ProblemShape;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
Backend& backend() { return *testing::backends()[0]; }

ProblemShape large_shape() {
  ProblemShape shape;
  shape.num_members = 3;
  shape.num_pairs = 700;  // more than a slab
  shape.num_segments = 1400;
  shape.max_length = 9;
  shape.weights = true;
  return shape;
}

MlpSettings mlp_settings(Activation activation, double dropout) {
  MlpSettings settings;
  settings.architecture.feature_dim = 6;
  settings.architecture.hidden = {20, 9};
  settings.architecture.num_members = 3;
  settings.architecture.activation = activation;
  settings.architecture.dropout = dropout;
  settings.dropout = {dropout > 0, 5, 6};
  settings.two_tensors = settings.standardised = true;
  return settings;
}

// Given rewards: everything that one call returns.

struct Given {
  PreferenceOutputs outputs;
  HostTensor grad;
  bool same_bits(const Given& other) const { return outputs.same_bits(other.outputs) && grad.same_bits(other.grad); }
};

template <typename Real>
Given run_given(const Context& context, const Problem<Real>& problem, DType dtype, std::int64_t lead) {
  const std::int64_t members = problem.reference.num_members, steps = problem.reference.num_steps;
  HostTensor rewards(dtype, {members, steps}, 0, lead);
  const std::vector<double> flat = testing::flatten(problem.step_rewards);
  for (std::int64_t i = 0; i < rewards.size(); ++i) rewards.set(i, flat[static_cast<std::size_t>(i)]);
  Given given{PreferenceOutputs(problem, lead), HostTensor(dtype, {members, steps}, testing::dirt, lead)};
  preference_loss(context, std::as_const(rewards).view(), problem.batch(), problem.options(), given.outputs.views(), given.grad.view());
  return given;
}

// A linear head.

struct Linear {
  PreferenceOutputs outputs;
  HostTensor grad_weight, grad_bias, grad_features, step_rewards;
  bool same_bits(const Linear& other) const {
    return outputs.same_bits(other.outputs) && grad_weight.same_bits(other.grad_weight) && grad_bias.same_bits(other.grad_bias) &&
           grad_features.same_bits(other.grad_features) && step_rewards.same_bits(other.step_rewards);
  }
};

/// spoil(step) is the feature of every column of a step whose features are spoiled; 0: not.
Linear run_linear(const Context& context, const Problem<float>& problem, std::int64_t lead, const std::function<double(std::int64_t)>& spoil = [](auto) { return 0.0; }) {
  constexpr std::int64_t dim = 19;
  const std::int64_t members = problem.reference.num_members, steps = problem.reference.num_steps;
  testing::Draw draw(8);
  HostTensor features(DType::f32, {steps, dim}, 0, lead), weight(DType::f32, {members, dim}, 0, lead), bias(DType::f32, {members}, 0, lead);
  for (HostTensor* tensor : {&features, &weight, &bias})
    for (std::int64_t i = 0; i < tensor->size(); ++i) tensor->set(i, draw.narrow(-0.5, 0.5));
  for (std::int64_t i = 0; i < features.size(); ++i)
    if (spoil(i / dim) != 0) features.set(i, spoil(i / dim));
  Linear linear{PreferenceOutputs(problem, lead), HostTensor(DType::f32, {members, dim}, testing::dirt, lead), HostTensor(DType::f32, {members}, testing::dirt, lead),
                HostTensor(DType::f32, {steps, dim}, testing::dirt, lead), HostTensor(DType::f32, {members, steps}, testing::dirt, lead)};
  linear_preference_loss(context, {std::as_const(weight).view(), std::as_const(bias).view()}, std::as_const(features).view(), problem.batch(), problem.options(),
                         linear.outputs.views(), {linear.grad_weight.view(), linear.grad_bias.view(), linear.grad_features.view()}, linear.step_rewards.view());
  return linear;
}

template <typename Real>
MlpOutputs run_mlp(const MlpCase<Real>& made, int num_threads) {
  MlpOutputs outputs = made.outputs({});
  made.run(backend(), num_threads, outputs);
  return outputs;
}

TEST(Invariance, MlpGivesTheSameBitsForAnyNumberOfThreadsAndEveryRun) {
  ProblemShape shape = large_shape();
  shape.num_pairs = 60, shape.num_segments = 120, shape.max_length = 20;
  for (Activation activation : {Activation::relu, Activation::leaky_relu, Activation::tanh, Activation::silu, Activation::gelu})
    for (double dropout : {0.0, 0.3}) {
      const MlpCase<float> made(mlp_settings(activation, dropout), Problem<float>(shape, 2), 3);
      const MlpOutputs expected = run_mlp(made, 1);
      for (int num_threads : {2, 3, 7, 1, 7})
        EXPECT_TRUE(run_mlp(made, num_threads).same_bits(expected)) << num_threads << " threads, activation " << static_cast<int>(activation) << ", dropout " << dropout;
    }
}

// Elements of an array are aligned to their size, no more is asked: results must not depend on where a vector begins.
TEST(Invariance, GivenRewardsGiveTheSameBitsAtAnyAlignment) {
  const Context context(2);
  for (bool shared : {false, true}) {
    ProblemShape shape = large_shape();
    shape.shared_segments = shared;
    const auto check = [&](const auto& problem, DType dtype) {
      const Given expected = run_given(context, problem, dtype, 0);
      for (std::int64_t lead = 1; lead < 17; ++lead) EXPECT_TRUE(run_given(context, problem, dtype, lead).same_bits(expected)) << name_of(dtype) << " at " << lead;
    };
    for (DType dtype : {DType::f32, DType::bf16, DType::f16}) check(Problem<float>(shape, 4), dtype);
    check(Problem<double>(shape, 4), DType::f64);
  }
}

TEST(Invariance, LinearAndMlpGiveTheSameBitsAtAnyAlignment) {
  const Context context(2);
  ProblemShape shape = large_shape();
  shape.num_pairs = 20, shape.num_segments = 40;
  const Problem<float> problem(shape, 5);
  const Linear expected = run_linear(context, problem, 0);
  MlpSettings settings = mlp_settings(Activation::leaky_relu, 0);
  const MlpOutputs expected_mlp = run_mlp(MlpCase<float>(settings, problem, 6), 2);
  for (std::int64_t lead = 1; lead < 17; ++lead) {
    EXPECT_TRUE(run_linear(context, problem, lead).same_bits(expected)) << "linear at " << lead;
    settings.lead = lead;
    EXPECT_TRUE(run_mlp(MlpCase<float>(settings, problem, 6), 2).same_bits(expected_mlp)) << "mlp at " << lead;
  }
}

TEST(Invariance, TwoContextsAtWorkSideBySideGiveTheSameBits) {
  const Problem<float> problem(large_shape(), 7);
  ProblemShape small = large_shape();
  small.num_pairs = 30, small.num_segments = 60;
  const MlpCase<float> made(mlp_settings(Activation::tanh, 0.2), Problem<float>(small, 8), 9);
  const Given expected = run_given(Context(1), problem, DType::f32, 0);
  const MlpOutputs expected_mlp = run_mlp(made, 1);
  bool same[2] = {false, false};
  const auto work = [&](int which) {
    const Context context(2);
    same[which] = true;
    for (int run = 0; run < 10; ++run) {
      same[which] &= run_given(context, problem, DType::f32, 0).same_bits(expected);
      MlpOutputs outputs = made.outputs({});
      const RewardArchitecture& architecture = made.settings.architecture;
      mlp_preference_loss(context, architecture, made.parameters_view(), made.features(), made.problem.batch(), made.problem.options(), outputs.preference.views(),
                          {outputs.parameters.view(), outputs.features_first.view(), outputs.features_second.view()}, made.settings.dropout,
                          outputs.step_rewards.view());
      same[which] &= outputs.same_bits(expected_mlp);
    }
  };
  std::thread other(work, 1);
  work(0);
  other.join();
  EXPECT_TRUE(same[0] && same[1]);
}

/// Eight segments of three steps, four pairs; pair 1 has weight 0 and pair 2 is to be spoiled.
template <typename Real>
Problem<Real> left_out_problem(bool skip) {
  ProblemShape shape;
  shape.num_members = 2;
  shape.max_length = 3;
  shape.lengths = {3};
  shape.weights = true;
  Problem<Real> problem(shape, 10);
  problem.reference.weights.assign(2, {1, 0, skip ? 2.0 : 0.0, 0.5});
  problem.reference.skip_nonfinite = skip;
  problem.refresh();
  return problem;
}

/// Steps of pair 1 and, when asked, of pair 2.
template <typename Real>
std::vector<std::int64_t> steps_of_left_out_pairs(const Problem<Real>& problem) {
  std::vector<std::int64_t> steps;
  for (std::size_t segment : {2, 3, 4, 5})
    for (std::int64_t t = problem.reference.segments[segment].begin; t < problem.reference.segments[segment].end; ++t) steps.push_back(t);
  return steps;
}

TEST(Invariance, WhatLeftOutPairsHoldLeavesNoTrace) {
  const Context context(2);
  for (bool skip : {false, true}) {
    // A skipped pair must hold something that is not a number in both runs; a pair of weight 0 may hold anything.
    const double mild = skip ? nan : 0.25;
    SCOPED_TRACE(skip ? "skipped" : "weight 0");
    Problem<float> problem = left_out_problem<float>(skip), wild = problem;
    for (std::int64_t step : steps_of_left_out_pairs(problem))
      for (std::size_t e = 0; e < 2; ++e) {
        problem.step_rewards[e][static_cast<std::size_t>(step)] = mild;
        wild.step_rewards[e][static_cast<std::size_t>(step)] = step % 2 == 0 ? std::numeric_limits<double>::infinity() : nan;
      }
    const Given a = run_given(context, problem, DType::f32, 0), b = run_given(context, wild, DType::f32, 0);
    EXPECT_TRUE(a.outputs.loss.same_bits(b.outputs.loss) && a.outputs.loss_per_pair.same_bits(b.outputs.loss_per_pair) &&
                a.outputs.metrics.same_bits(b.outputs.metrics) && a.grad.same_bits(b.grad));
    EXPECT_TRUE(std::isfinite(a.outputs.loss[0]) && std::isfinite(a.outputs.loss[1]));

    const std::vector<std::int64_t> steps = steps_of_left_out_pairs(problem);
    const auto left_out = [&](std::int64_t step) { return std::find(steps.begin(), steps.end(), step) != steps.end(); };
    const Linear c = run_linear(context, problem, 0, [&](std::int64_t step) { return left_out(step) ? mild : 0; });
    const Linear d = run_linear(context, problem, 0, [&](std::int64_t step) { return left_out(step) ? (step % 2 == 0 ? std::numeric_limits<double>::infinity() : nan) : 0; });
    EXPECT_TRUE(c.outputs.loss.same_bits(d.outputs.loss) && c.grad_weight.same_bits(d.grad_weight) && c.grad_bias.same_bits(d.grad_bias) &&
                c.grad_features.same_bits(d.grad_features));
    EXPECT_TRUE(std::isfinite(c.grad_weight[0]) && std::isfinite(c.outputs.loss[0]));

    for (Activation activation : {Activation::relu, Activation::leaky_relu, Activation::tanh, Activation::silu, Activation::gelu}) {
      MlpSettings settings = mlp_settings(activation, 0);
      settings.architecture.num_members = 2;
      MlpCase<float> tame(settings, left_out_problem<float>(skip), 11), spoiled = tame;
      for (std::int64_t step : steps) {
        for (std::int64_t column = 0; column < settings.architecture.feature_dim; ++column) spoiled.set_feature(step, column, nan);
        tame.set_feature(step, 0, mild);
      }
      const MlpOutputs e = run_mlp(tame, 2), f = run_mlp(spoiled, 2);
      EXPECT_TRUE(e.preference.loss.same_bits(f.preference.loss) && e.preference.metrics.same_bits(f.preference.metrics) && e.parameters.same_bits(f.parameters) &&
                  e.features_first.same_bits(f.features_first) && e.features_second.same_bits(f.features_second) && e.step_rewards.same_bits(f.step_rewards))
          << "activation " << static_cast<int>(activation);
      EXPECT_TRUE(std::isfinite(e.parameters[0]) && std::isfinite(e.preference.loss[0]));
      for (std::int64_t step : steps) EXPECT_EQ(f.features_first[step * 3], 0);
    }
  }
}

TEST(Invariance, SwappingSidesAndLabelsKeepsLossesAndParameterGradients) {
  ProblemShape shape;
  shape.num_members = 3;
  shape.shared_segments = shape.windows = true;
  shape.num_pairs = 30;
  for (const reference::Ties ties : {reference::Ties::none, reference::Ties::davidson}) {
    Problem<double> problem(shape, 12);
    problem.reference.lapse = 0.1;
    problem.reference.centering = 0.02;
    problem.reference.clip = 50;
    problem.reference.ties = ties;
    if (ties != reference::Ties::none) problem.reference.tie_parameter = {0.25, -0.5, 1};
    problem.refresh();
    const MlpCase<double> made(mlp_settings(Activation::gelu, 0), problem, 13);
    MlpCase<double> swapped = made;
    for (reference::Pair& pair : swapped.problem.reference.pairs) std::swap(pair.first, pair.second);
    for (double& label : swapped.problem.reference.labels) label = 1 - label;
    swapped.problem.refresh();
    const MlpOutputs a = run_mlp(made, 2), b = run_mlp(swapped, 2);
    for (std::int64_t i = 0; i < a.preference.loss_per_pair.size(); ++i) {
      EXPECT_NEAR(a.preference.loss_per_pair[i], b.preference.loss_per_pair[i], 1e-13);
      EXPECT_NEAR(a.preference.logits[i], -b.preference.logits[i], 1e-13);
    }
    for (std::int64_t i = 0; i < a.parameters.size(); ++i) EXPECT_NEAR(a.parameters[i], b.parameters[i], 1e-13);
  }
}

// A thousand contributions to the gradient of one segment.
TEST(Invariance, OneSegmentInAThousandPairsAgreesWithTheOracle) {
  ProblemShape shape;
  shape.num_members = 2;
  shape.num_segments = 3;
  shape.num_pairs = 1000;
  shape.shared_segments = shape.weights = true;
  shape.lengths = {13};
  testing::WorstUlps worst;
  for (Activation activation : {Activation::leaky_relu, Activation::tanh}) {
    MlpSettings settings = mlp_settings(activation, 0);
    settings.architecture.num_members = 2;
    const MlpCase<float> narrow(settings, Problem<float>(shape, 14), 15);
    narrow.expect_agreement(run_mlp(narrow, 3), worst);
    const MlpCase<double> wide(settings, Problem<double>(shape, 14), 15);
    wide.expect_agreement(run_mlp(wide, 3), worst);
  }
}

}  // namespace
}  // namespace segpref
