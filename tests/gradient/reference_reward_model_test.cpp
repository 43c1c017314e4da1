// The oracle's gradients of the linear and the MLP reward against central differences of its own loss.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <tuple>

#include "kernels/reference/reward_linear.hpp"
#include "kernels/reference/reward_mlp.hpp"
#include "tests/support/finite_difference.hpp"
#include "tests/support/problems.hpp"

namespace segpref {
namespace {

using reference::Hidden;
using reference::MlpModel;
using reference::Out;
using testing::central_difference;
using testing::Problem;
using testing::ProblemShape;
using testing::sum_of;

constexpr std::int64_t feature_dim = 3;

struct Setting {
  reference::PreferenceProblem problem;
  std::vector<std::vector<double>> features;
};

Setting setting(unsigned seed) {
  ProblemShape shape;
  shape.num_members = 2;
  shape.windows = shape.shared_segments = shape.own_order = shape.weights = true;
  shape.max_length = 4;
  Setting made{Problem<double>(shape, seed).reference, {}};
  made.problem.centering = 0.02;
  std::mt19937 random(seed);
  for (std::int64_t t = 0; t < made.problem.num_steps; ++t) {
    made.features.emplace_back();
    for (std::int64_t i = 0; i < feature_dim; ++i) made.features.back().push_back(std::uniform_real_distribution<double>(-1, 1)(random));
  }
  return made;
}

TEST(ReferenceLinearGradient, WeightBiasAndFeaturesFaceCentralDifferences) {
  auto [problem, features] = setting(3);
  reference::LinearModel model{{{0.5, -0.25, 1}, {-1, 0.75, 0.125}}, {0.3, -0.6}};
  const auto loss = [&] { return sum_of(reference::linear_preference_loss(problem, model, features).preference.loss); };
  const auto solution = reference::linear_preference_loss(problem, model, features);
  for (std::size_t e = 0; e < 2; ++e) {
    for (std::size_t i = 0; i < feature_dim; ++i)
      EXPECT_NEAR(solution.grad_weight[e][i], central_difference(model.weight[e][i], loss), 2e-9);
    EXPECT_NEAR(solution.grad_bias[e], central_difference(model.bias[e], loss), 2e-9);
  }
  for (std::size_t t = 0; t < features.size(); ++t)
    for (std::size_t i = 0; i < feature_dim; ++i)
      EXPECT_NEAR(solution.grad_features[t][i], central_difference(features[t][i], loss), 2e-9) << t;
}

struct OutputCase {
  const char* name;
  Out out;
  bool scaled;
};
constexpr OutputCase outputs[] = {{"Identity", Out::identity, false}, {"Tanh", Out::tanh, false}, {"Sigmoid", Out::sigmoid, false},
                                  {"ScaledTanh", Out::tanh, true},    {"ScaledSigmoid", Out::sigmoid, true}};
constexpr const char* activations[] = {"Relu", "LeakyRelu", "Tanh", "Silu", "Gelu"};

/// activation, output, what else is on: 0 nothing, 1 no bias, 2 standardised features, 3 dropout
class ReferenceMlpGradient : public ::testing::TestWithParam<std::tuple<int, int, int>> {};

TEST_P(ReferenceMlpGradient, ParametersAndFeaturesFaceCentralDifferences) {
  const auto [hidden, out, extra] = GetParam();
  auto [problem, features] = setting(7);
  MlpModel model;
  model.num_members = 2;
  model.widths = {feature_dim, 4, 3};
  model.hidden = static_cast<Hidden>(hidden);
  model.leaky_slope = 0.2;
  model.out = outputs[out].out;
  model.scaled = outputs[out].scaled;
  model.lo = -1.5;
  model.hi = 2;
  model.bias = extra != 1;
  if (extra == 2) model.mean = {0.1, -0.2, 0.3}, model.std = {0.5, 2, 1.5};
  reference::DropoutMask mask;
  if (extra == 3) mask = [](auto member, auto layer, auto step, auto unit) { return (member + layer + step + unit) % 3 == 0 ? 0.0 : 1.5; };
  std::vector<double> parameters(static_cast<std::size_t>(reference::num_parameters(model)));
  EXPECT_EQ(parameters.size(), model.bias ? 2u * (3 * 4 + 4 + 4 * 3 + 3 + 3 + 1) : 2u * (3 * 4 + 4 * 3 + 3));
  std::mt19937 random(2);
  for (double& value : parameters) value = std::uniform_real_distribution<double>(-1, 1)(random);

  const auto loss = [&] { return sum_of(reference::mlp_preference_loss(problem, model, parameters, features, mask).preference.loss); };
  const auto solution = reference::mlp_preference_loss(problem, model, parameters, features, mask);
  double largest = 0;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    EXPECT_NEAR(solution.grad_parameters[i], central_difference(parameters[i], loss, 1e-6), 2e-8) << "parameter " << i;
    largest = std::max(largest, std::fabs(solution.grad_parameters[i]));
  }
  EXPECT_GT(largest, 1e-3);
  for (std::size_t t = 0; t < features.size(); t += 2)
    for (std::size_t i = 0; i < feature_dim; ++i)
      EXPECT_NEAR(solution.grad_features[t][i], central_difference(features[t][i], loss, 1e-6), 2e-8) << "step " << t;
}

std::string name_of(const ::testing::TestParamInfo<std::tuple<int, int, int>>& info) {
  constexpr const char* extras[] = {"", "NoBias", "Standardised", "Dropout"};
  const auto [hidden, out, extra] = info.param;
  return std::string(activations[hidden]) + outputs[out].name + extras[extra];
}

INSTANTIATE_TEST_SUITE_P(All, ReferenceMlpGradient, ::testing::Combine(::testing::Range(0, 5), ::testing::Range(0, 5), ::testing::Range(0, 4)),
                         name_of);

}  // namespace
}  // namespace segpref
