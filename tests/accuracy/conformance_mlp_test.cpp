// Seeded random MLPs and preference problems, on every back end, against the float64 oracle: mlp_preference_loss with every option.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <cstdlib>
#include <limits>
#include <tuple>

#include "kernels/cpu/reward_mlp/network.hpp"
#include "segpref/error.hpp"
#include "tests/support/mlp_case.hpp"
#include "tests/support/random_problem.hpp"

namespace segpref {
namespace {

using testing::Backend;
using testing::Draw;
using testing::MlpCase;
using testing::MlpSettings;
using testing::Problem;
using testing::SizeMenu;
using testing::Words;

/// Few pairs of segments around a tile of rows: the oracle takes every row of every member by itself.
SizeMenu menu_of_mlp() {
  SizeMenu menu;
  menu.num_members = {1, 1, 2, 3, 5, 32};
  menu.num_pairs = {0, 1, 2, 3, 5, 8, 20};
  menu.lengths = {0, 1, 2, 3, 5, 10, 31};
  for (std::int64_t length : testing::around(cpu::mlp::rows_per_tile)) menu.lengths.push_back(length);
  menu.most_steps = 400;
  return menu;
}

MlpSettings draw_settings(Draw& draw, std::int64_t num_members, Words& words) {
  MlpSettings settings;
  RewardArchitecture& architecture = settings.architecture;
  architecture.feature_dim = draw.one_of<std::int64_t>({1, 2, 3, 5, 15, 16, 17, 24});
  for (std::int64_t depth = draw.below(5); depth > 0; --depth) architecture.hidden.push_back(draw.one_of<std::int64_t>({1, 3, 8, 15, 16, 17, 33}));
  architecture.num_members = num_members;
  architecture.activation = static_cast<Activation>(draw.below(5));
  architecture.leaky_slope = draw.one_of<double>({0, 0.01, 0.25});
  architecture.output = static_cast<Output>(draw.below(3));
  architecture.output_scaled = architecture.output != Output::identity && draw.chance(50);
  if (architecture.output_scaled) architecture.output_lo = -1.5, architecture.output_hi = 2;
  architecture.bias = draw.chance(75);
  architecture.dropout = draw.one_of<double>({0, 0, 0.1, 0.5});
  settings.dropout = {draw.chance(75), draw.seed(), static_cast<std::uint64_t>(draw.below(1000))};
  settings.two_tensors = architecture.feature_dim > 1 && draw.chance(50);
  settings.standardised = draw.chance(50);
  settings.features = draw.one_of<DType>({DType::f32, DType::f64, DType::bf16, DType::f16});
  settings.row_padding = draw.chance(30) ? draw.below(7) : 0;
  words.push_back(describe(settings));
  return settings;
}

template <typename Real>
void mlp_case(Backend& backend, std::uint64_t seed, testing::WorstUlps& worst) {
  Draw draw(seed);
  Words words;
  const Problem<Real> problem = testing::draw_problem<Real>(draw, menu_of_mlp(), words);
  MlpSettings settings = draw_settings(draw, problem.reference.num_members, words);
  const bool is_cuda = backend.device().kind == Device::Kind::cuda;
  if (is_cuda && settings.architecture.hidden.empty()) settings.architecture.hidden = {8};  // an MLP on CUDA has hidden layers
  MlpCase<Real> made(settings, problem, draw.seed());
  // f32 rewards of deep networks are known to about 1e-5.
  testing::keep_clip_away(made.problem.reference, made.problem.step_rewards, 1e-3);
  const std::int64_t steps = problem.reference.num_steps;
  // Not with `last`: whether a step that it does not read may hold a NaN is not settled on the CPU.
  if (problem.reference.aggregation != reference::Aggregate::last && draw.chance(40)) {
    words.push_back("nans");
    for (std::int64_t n = 1 + draw.below(4); n > 0; --n)
      made.set_feature(draw.below(steps), draw.below(settings.architecture.feature_dim), std::numeric_limits<double>::quiet_NaN());
  }
  SCOPED_TRACE(fmt::format("{} seed {}: {}", backend.name(), seed, testing::sentence(words)));

  testing::MlpOutputs outputs = made.outputs({draw.chance(80), draw.chance(60), draw.chance(60), draw.chance(50)});
  for (testing::HostTensor* result : outputs.preference.all())
    if (draw.chance(20)) *result = {};
  const int num_threads = draw.one_of<int>({1, 2, 3});
  PreferenceCapacity capacity = testing::draw_capacity(draw, problem, dtype_of<Real>::value);
  capacity.device = backend.device();
  if (is_cuda && sizeof(Real) == 8) {  // f64 is the CPU's
    EXPECT_THROW(MlpLossPlan(settings.architecture, capacity, num_threads), Error);
    return;
  }
  made.run(backend, num_threads, MlpLossPlan(settings.architecture, capacity, num_threads + static_cast<int>(draw.below(2))), outputs);
  made.expect_agreement(outputs, worst);
}

class ConformanceMlp : public ::testing::TestWithParam<std::tuple<bool, int>> {};

constexpr int num_blocks = 8;
std::uint64_t cases_per_block() { return std::getenv("SEGPREF_LONG_TESTS") != nullptr ? 150 : 8; }

TEST_P(ConformanceMlp, AgreesWithTheOracle) {
  const auto [wide, block] = GetParam();
  testing::WorstUlps worst;
  for (Backend* backend : testing::backends())
    for (std::uint64_t i = 0; i < cases_per_block(); ++i) {
      const std::uint64_t seed = 1000 * static_cast<std::uint64_t>(block) + i;
      if (wide) mlp_case<double>(*backend, seed, worst);
      else mlp_case<float>(*backend, seed, worst);
      if (HasFatalFailure() || HasNonfatalFailure()) break;  // the first case that fails says enough
    }
  for (const auto& [name, ulps] : worst) RecordProperty("worst_ulps_of_" + name, fmt::format("{:.3f}", ulps));
}

INSTANTIATE_TEST_SUITE_P(Random, ConformanceMlp, ::testing::Combine(::testing::Bool(), ::testing::Range(0, num_blocks)),
                         [](const auto& info) { return fmt::format("{}Block{}", std::get<0>(info.param) ? "F64" : "F32", std::get<1>(info.param)); });

}  // namespace
}  // namespace segpref
