// mlp_preference_loss and predict_rewards on the whole grid of architectures: every activation, output, bias, depth, one or two tensors,
// standardisation and dropout, in both precisions, against the oracle.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "kernels/cpu/reward_mlp/network.hpp"
#include "kernels/reference/prediction.hpp"
#include "tests/support/mlp_case.hpp"
#include "tests/support/random_problem.hpp"

namespace segpref {
namespace {

using testing::Backend;
using testing::HostTensor;
using testing::MlpCase;
using testing::MlpSettings;
using testing::Problem;
using testing::ProblemShape;

/// Members, mean and std of every row; the rewards of the model leave as (r - shift) * scale.
template <typename Real>
void expect_predictions(Backend& backend, const MlpCase<Real>& made, bool normalised, testing::WorstUlps& worst) {
  const DType real = dtype_of<Real>::value;
  const std::int64_t members = made.model.num_members, steps = made.problem.reference.num_steps;
  std::vector<double> shift, scale;
  for (std::int64_t e = 0; normalised && e < members; ++e) shift.push_back(0.25 * static_cast<double>(e) - 0.5), scale.push_back(1.5 - 0.25 * static_cast<double>(e % 4));
  const HostTensor shift_tensor = HostTensor::of(DType::f32, shift), scale_tensor = HostTensor::of(DType::f32, scale);
  RewardNormalization normalization;
  if (normalised) normalization = {backend.input(shift_tensor.view()), backend.input(scale_tensor.view())};

  HostTensor all(real, {members, steps}, testing::dirt), mean(real, {steps}, testing::dirt), deviation(real, {steps}, testing::dirt);
  predict_rewards(backend.context(2), made.settings.architecture, backend.input(made.parameters_view()), backend.inputs(made.features()),
                  {backend.output(all.view()), backend.output(mean.view()), backend.output(deviation.view())}, normalization);
  backend.finish();

  const auto expected = reference::predict_rewards(made.predicted_rewards(), shift, scale);
  const std::vector<double> rewards = testing::flatten(expected.members);
  std::vector<double> units, row_units(static_cast<std::size_t>(steps), 0);
  for (std::size_t i = 0; i < rewards.size(); ++i) {
    units.push_back((1 + std::fabs(rewards[i])) * std::max(1.0, made.model.hi - made.model.lo) * 2);  // shift and scale are below 2
    double& widest = row_units[i % static_cast<std::size_t>(steps)];
    widest = std::max(widest, units.back());
  }
  const double bound = testing::predict_rewards_bound, epsilon = testing::epsilon_of(real);
  EXPECT_TRUE(within_ulps("members", all, rewards, units, bound, epsilon, worst));
  EXPECT_TRUE(within_ulps("mean", mean, expected.mean, row_units, bound, epsilon, worst));
  EXPECT_TRUE(within_ulps("std", deviation, expected.deviation, row_units, bound, epsilon, worst));
}

template <typename Real>
MlpCase<Real> small_case(const MlpSettings& settings, unsigned seed) {
  ProblemShape shape;
  shape.num_members = settings.architecture.num_members;
  shape.max_length = 6;
  shape.num_segments = 6;
  shape.num_pairs = 4;
  shape.shared_segments = shape.windows = shape.weights = true;
  return MlpCase<Real>(settings, Problem<Real>(shape, seed), seed);
}

template <typename Real>
void expect_grid_point(Backend& backend, const MlpSettings& settings, unsigned seed, testing::WorstUlps& worst) {
  SCOPED_TRACE(fmt::format("{} {} seed {}: {}", backend.name(), name_of(dtype_of<Real>::value), seed, describe(settings)));
  const MlpCase<Real> made = small_case<Real>(settings, seed);
  testing::MlpOutputs outputs = made.outputs({});
  made.run(backend, 2, outputs);
  made.expect_agreement(outputs, worst);
  expect_predictions(backend, made, seed % 2 == 0, worst);
}

struct OutputKind {
  const char* name;
  Output output;
  bool scaled;
};
constexpr OutputKind output_kinds[] = {{"Identity", Output::identity, false}, {"Tanh", Output::tanh, false}, {"Sigmoid", Output::sigmoid, false},
                                       {"ScaledTanh", Output::tanh, true},    {"ScaledSigmoid", Output::sigmoid, true}};
constexpr const char* activation_names[] = {"Relu", "LeakyRelu", "Tanh", "Silu", "Gelu"};

class MlpGrid : public ::testing::TestWithParam<std::tuple<int, int>> {};

TEST_P(MlpGrid, LossGradientsAndPredictionsAgreeWithTheOracle) {
  const OutputKind& output = output_kinds[std::get<1>(GetParam())];
  const std::vector<std::int64_t> widths = {7, 16, 5, 9};
  testing::WorstUlps worst;
  unsigned seed = 0;
  for (Backend* backend : testing::backends())
    for (std::size_t depth = 0; depth <= 4; ++depth)
      for (int extras = 0; extras < 16; ++extras) {
        MlpSettings settings;
        RewardArchitecture& architecture = settings.architecture;
        architecture.feature_dim = 5;
        architecture.hidden.assign(widths.begin(), widths.begin() + static_cast<std::ptrdiff_t>(depth));
        architecture.num_members = 3;
        architecture.activation = static_cast<Activation>(std::get<0>(GetParam()));
        architecture.leaky_slope = 0.1;
        architecture.output = output.output;
        architecture.output_scaled = output.scaled;
        architecture.output_lo = output.scaled ? -2 : 0;
        architecture.output_hi = output.scaled ? 3 : 1;
        architecture.bias = (extras & 1) != 0;
        settings.two_tensors = (extras & 2) != 0;
        settings.standardised = (extras & 4) != 0;
        architecture.dropout = (extras & 8) != 0 ? 0.25 : 0;
        settings.dropout = {true, 0x123456789abcdef0u + seed, 1 + seed};
        expect_grid_point<float>(*backend, settings, seed, worst);
        expect_grid_point<double>(*backend, settings, seed, worst);
        ++seed;
      }
  for (const auto& [name, ulps] : worst) RecordProperty("worst_ulps_of_" + name, fmt::format("{:.3f}", ulps));
}

INSTANTIATE_TEST_SUITE_P(All, MlpGrid, ::testing::Combine(::testing::Range(0, 5), ::testing::Range(0, 5)), [](const auto& info) {
  return fmt::format("{}{}", activation_names[std::get<0>(info.param)], output_kinds[std::get<1>(info.param)].name);
});

TEST(MlpDropout, SeedCallMemberLayerStepAndUnitAllChooseTheMask) {
  // Large calls reach the upper bits of the stream, large seeds both words of the key.
  testing::WorstUlps worst;
  MlpSettings settings;
  settings.architecture.feature_dim = 3;
  settings.architecture.hidden = {20, 10, 5, 8};
  settings.architecture.num_members = 32;
  settings.architecture.dropout = 0.5;
  unsigned seed = 0;
  for (const std::uint64_t dropout_seed : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}})
    for (const std::uint64_t call : {std::uint64_t{0}, std::uint64_t{1} << 30, (std::uint64_t{1} << 41) + 3}) {
      settings.dropout = {true, dropout_seed, call};
      expect_grid_point<double>(*testing::backends()[0], settings, ++seed, worst);
    }
}

TEST(PredictRewards, EveryNumberOfRowsAroundATile) {
  testing::WorstUlps worst;
  for (const std::int64_t num_steps : testing::around(cpu::mlp::rows_per_tile))
    for (const std::int64_t num_members : {1, 2, 32})
      for (const DType features : {DType::f32, DType::f64, DType::bf16, DType::f16}) {
        SCOPED_TRACE(fmt::format("{} steps, {} members, {}", num_steps, num_members, name_of(features)));
        MlpSettings settings;
        settings.architecture.feature_dim = 4;
        settings.architecture.hidden = {9};
        settings.architecture.num_members = num_members;
        settings.features = features;
        settings.row_padding = 3;
        ProblemShape shape;
        shape.num_members = num_members;
        shape.num_pairs = shape.num_segments = 0;
        Problem<float> problem(shape, 1);
        problem.reference.num_steps = num_steps;
        problem.step_rewards.assign(static_cast<std::size_t>(num_members), std::vector<double>(static_cast<std::size_t>(num_steps)));
        for (Backend* backend : testing::backends()) expect_predictions(*backend, MlpCase<float>(settings, problem, 7), num_members > 1, worst);
      }
}

}  // namespace
}  // namespace segpref
