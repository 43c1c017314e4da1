// Seeded random problems over every option, on every back end, against the float64 oracle: preference_loss and linear_preference_loss.
// A few hundred cases every day; thousands with SEGPREF_LONG_TESTS=1. A failure prints the seed and every choice of its case.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "kernels/cpu/batch_loss.hpp"
#include "kernels/reference/reward_linear.hpp"
#include "segpref/preference_loss.hpp"
#include "segpref/reward_linear.hpp"
#include "tests/support/backend.hpp"
#include "tests/support/preference_outputs.hpp"
#include "tests/support/random_problem.hpp"

namespace segpref {
namespace {

using testing::Backend;
using testing::Draw;
using testing::HostTensor;
using testing::PreferenceOutputs;
using testing::Problem;
using testing::SizeMenu;
using testing::Words;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::vector<std::int64_t> joined(std::initializer_list<std::vector<std::int64_t>> lists) {
  std::vector<std::int64_t> all;
  for (const auto& list : lists) all.insert(all.end(), list.begin(), list.end());
  return all;
}

/// Pairs per slab, pairs gathered at a time (256) and pairs of a group (64); lanes of each target and the eight vectors of a chunk.
SizeMenu menu_of_rewards() {
  SizeMenu menu;
  menu.num_members = {1, 1, 2, 3, 5, 32};
  menu.num_pairs = joined({{2, 3, 5, 8, 17}, testing::around(64), testing::around(256), testing::around(cpu::pairs_per_slab)});
  menu.lengths = joined({{0, 1, 2, 3, 5, 10, 20}, testing::around(4), testing::around(8), testing::around(16), testing::around(32), testing::around(64),
                         testing::around(128), {1000, 4096, 4097}});
  return menu;
}

/// Spoils a few values in [0, size): NaN, or one infinity. Returns whether it did.
template <typename Set>
bool spoil(Draw& draw, std::int64_t size, bool infinities, Words& words, Set set) {
  if (size == 0 || !draw.chance(30)) return false;
  if (infinities && draw.chance(40)) {
    set(draw.below(size), draw.chance(50) ? infinity : -infinity);
    words.push_back("an-infinity");
    return true;
  }
  for (std::int64_t n = 1 + draw.below(4); n > 0; --n) set(draw.below(size), nan);
  words.push_back("nans");
  return true;
}

/// |values|, and 0 where they are not finite.
std::vector<std::vector<double>> sizes_of(const std::vector<std::vector<double>>& rewards) {
  std::vector<std::vector<double>> sizes = rewards;
  for (auto& row : sizes)
    for (double& value : row) value = std::isfinite(value) ? std::fabs(value) : 0;
  return sizes;
}

template <typename Real>
void given_case(Backend& backend, std::uint64_t seed, DType dtype, testing::WorstUlps& worst) {
  Draw draw(seed);
  Words words;
  Problem<Real> problem = testing::draw_problem<Real>(draw, menu_of_rewards(), words);
  const std::int64_t members = problem.reference.num_members, steps = problem.reference.num_steps;
  HostTensor rewards(dtype, {members, steps});
  const auto at = [&](std::int64_t i) -> double& { return problem.step_rewards[static_cast<std::size_t>(i / steps)][static_cast<std::size_t>(i % steps)]; };
  for (std::int64_t i = 0; i < rewards.size(); ++i) {
    rewards.set(i, at(i));
    at(i) = rewards[i];
  }
  testing::keep_clip_away(problem.reference, problem.step_rewards, 1e-4);
  // A discount that underflows makes a NaN of an infinity, which both are: neither is a number.
  spoil(draw, rewards.size(), problem.reference.discount == 1, words, [&](std::int64_t i, double value) { rewards.set(i, value), at(i) = value; });
  const bool flat = members == 1 && draw.chance(50);
  if (flat) words.push_back("one-axis");
  const int num_threads = draw.one_of<int>({1, 2, 3});
  SCOPED_TRACE(fmt::format("{} seed {}: {} {}", backend.name(), seed, name_of(dtype), testing::sentence(words)));

  PreferenceOutputs outputs(problem, draw);
  HostTensor grad;
  if (draw.chance(85)) grad = HostTensor(dtype, flat ? std::vector<std::int64_t>{steps} : std::vector<std::int64_t>{members, steps}, testing::dirt);
  ConstTensorView rewards_view = backend.input(std::as_const(rewards).view());
  if (flat) rewards_view.rank = 1, rewards_view.shape = {steps}, rewards_view.strides = {1};
  PreferenceCapacity capacity = testing::draw_capacity(draw, problem, dtype);
  capacity.device = backend.device();
  const PreferenceLossPlan plan(capacity);
  preference_loss(backend.context(num_threads), plan, rewards_view, backend.inputs(problem.batch()), backend.inputs(problem.options()),
                  backend.outputs(outputs.views()), backend.output(grad.view()), backend.workspace(plan.workspace_bytes()));
  backend.finish();

  const auto expected = reference::preference_loss(problem.reference, problem.step_rewards);
  const auto units = testing::error_units(problem.reference, sizes_of(problem.step_rewards), expected);
  outputs.expect(expected, units, testing::preference_loss_bounds, worst);
  EXPECT_TRUE(within_ulps("grad_step_rewards", grad, testing::flatten(expected.grad_step_rewards), testing::flatten(units.grad_step_rewards),
                          testing::preference_loss_bounds.gradients, testing::epsilon_of(dtype), worst, testing::rounding_of(dtype)));
}

template <typename Real>
void linear_case(Backend& backend, std::uint64_t seed, DType dtype, testing::WorstUlps& worst) {
  Draw draw(seed);
  Words words;
  SizeMenu menu = menu_of_rewards();
  menu.most_steps = 4000;
  menu.num_members = {1, 1, 2, 3, 32};
  menu.num_pairs = {0, 1, 2, 5, 17, 65, 257, 513};
  Problem<Real> problem = testing::draw_problem<Real>(draw, menu, words);
  const DType real = dtype_of<Real>::value;
  const std::int64_t members = problem.reference.num_members, steps = problem.reference.num_steps;
  const auto dim = draw.one_of<std::int64_t>({1, 3, 7, 8, 9, 16, 17, 33, 65});
  const std::int64_t stride = dim + (draw.chance(30) ? draw.below(9) : 0);
  words.push_back(fmt::format("feature_dim={} stride={}", dim, stride));
  const auto index = [](std::int64_t i) { return static_cast<std::size_t>(i); };

  HostTensor features(dtype, {steps, stride}, nan), weight(real, {members, dim}), bias(real, {members});  // between rows is nothing to be read
  reference::LinearModel model;
  const double size = 1 / std::sqrt(static_cast<double>(dim));
  for (std::int64_t e = 0; e < members; ++e) {
    model.weight.emplace_back();
    for (std::int64_t c = 0; c < dim; ++c) {
      model.weight.back().push_back(draw.narrow(-size, size));
      weight.set(e * dim + c, model.weight.back().back());
    }
    model.bias.push_back(draw.chance(20) ? 0 : draw.narrow(-1, 1));
    bias.set(e, model.bias.back());
  }
  const bool has_bias = draw.chance(80);
  if (!has_bias) model.bias.assign(index(members), 0.0), words.push_back("no-bias");
  std::vector<std::vector<double>> rows(index(steps), std::vector<double>(index(dim)));
  const auto set = [&](std::int64_t i, double value) {
    features.set(i / dim * stride + i % dim, value);
    rows[index(i / dim)][index(i % dim)] = features[i / dim * stride + i % dim];
  };
  for (std::int64_t i = 0; i < steps * dim; ++i) set(i, draw.narrow(-1, 1));
  problem.step_rewards = linear_preference_loss(problem.reference, model, rows).step_rewards;
  testing::keep_clip_away(problem.reference, problem.step_rewards, 1e-4);
  spoil(draw, steps * dim, problem.reference.discount == 1, words, set);
  const int num_threads = draw.one_of<int>({1, 2, 3});
  SCOPED_TRACE(fmt::format("{} seed {}: {} {}", backend.name(), seed, name_of(dtype), testing::sentence(words)));

  PreferenceOutputs outputs(problem, draw);
  const auto maybe = [&](HostTensor made) { return draw.chance(80) ? made : HostTensor(); };
  HostTensor grad_weight = maybe({real, {members, dim}, testing::dirt}), grad_bias = has_bias ? maybe({real, {members}, testing::dirt}) : HostTensor();
  HostTensor grad_features = maybe({dtype, {steps, dim}, testing::dirt}), step_rewards = maybe({real, {members, steps}, testing::dirt});
  ConstTensorView features_view = backend.input(std::as_const(features).view());
  features_view.shape[1] = dim;
  LinearHead head{backend.input(std::as_const(weight).view()), {}};
  if (has_bias) head.bias = backend.input(std::as_const(bias).view());
  PreferenceCapacity capacity = testing::draw_capacity(draw, problem, dtype);
  capacity.device = backend.device();
  const LinearLossPlan plan(capacity, dim + draw.below(3));
  linear_preference_loss(backend.context(num_threads), plan, head, features_view, backend.inputs(problem.batch()), backend.inputs(problem.options()),
                         backend.outputs(outputs.views()),
                         {backend.output(grad_weight.view()), backend.output(grad_bias.view()), backend.output(grad_features.view())},
                         backend.output(step_rewards.view()), backend.workspace(plan.workspace_bytes()));
  backend.finish();

  // Units: a reward is a sum of |w x| and |b|; a gradient is a sum of |gradient of a step reward| times what it is multiplied with.
  const auto expected = reference::linear_preference_loss(problem.reference, model, rows);
  std::vector<std::vector<double>> reward_units(index(members), std::vector<double>(index(steps)));
  for (std::size_t e = 0; e < reward_units.size(); ++e)
    for (std::size_t t = 0; t < rows.size(); ++t) {
      double sum = std::fabs(model.bias[e]);
      for (std::size_t c = 0; c < rows[t].size(); ++c) sum += std::fabs(model.weight[e][c] * rows[t][c]);
      reward_units[e][t] = std::isfinite(sum) ? sum : 0;
    }
  const auto units = testing::error_units(problem.reference, reward_units, expected.preference);
  std::vector<double> weight_units, bias_units, feature_units(index(steps * dim));
  for (std::size_t e = 0; e < reward_units.size(); ++e) {
    double sum = 0;
    for (std::size_t t = 0; t < rows.size(); ++t) {
      sum += units.grad_step_rewards[e][t];
      for (std::size_t c = 0; c < index(dim); ++c) feature_units[t * index(dim) + c] += units.grad_step_rewards[e][t] * std::fabs(model.weight[e][c]);
    }
    bias_units.push_back(sum);
    weight_units.insert(weight_units.end(), index(dim), sum);
  }
  const auto& bounds = testing::linear_preference_loss_bounds;
  const double epsilon = testing::epsilon_of(real);
  outputs.expect(expected.preference, units, bounds, worst);
  const auto check = [&](const char* name, const HostTensor& actual, const std::vector<double>& values, const std::vector<double>& sizes, double ulps) {
    EXPECT_TRUE(within_ulps(name, actual, values, sizes, ulps, epsilon, worst, testing::rounding_of(actual.dtype())));
  };
  check("step_rewards", step_rewards, testing::flatten(expected.step_rewards), testing::flatten(reward_units), bounds.scores);
  check("grad_weight", grad_weight, testing::flatten(expected.grad_weight), weight_units, bounds.gradients);
  check("grad_bias", grad_bias, expected.grad_bias, bias_units, bounds.gradients);
  check("grad_features", grad_features, testing::flatten(expected.grad_features), feature_units, bounds.gradients);
}

using Case = void (*)(Backend&, std::uint64_t, DType, testing::WorstUlps&);
struct Subject {
  const char* name;
  Case run;
  DType dtype;
};
const Subject subjects[] = {
    {"GivenF32", given_case<float>, DType::f32},    {"GivenF64", given_case<double>, DType::f64},   {"GivenBf16", given_case<float>, DType::bf16},
    {"GivenF16", given_case<float>, DType::f16},    {"LinearF32", linear_case<float>, DType::f32},  {"LinearF64", linear_case<double>, DType::f64},
    {"LinearBf16", linear_case<float>, DType::bf16}, {"LinearF16", linear_case<float>, DType::f16},
};

constexpr std::size_t num_given_subjects = 4;  // the first ones

/// Subjects, and blocks of seeds of each.
class Conformance : public ::testing::TestWithParam<std::tuple<std::size_t, int>> {};

constexpr int num_blocks = 4;
std::uint64_t cases_per_block() { return std::getenv("SEGPREF_LONG_TESTS") != nullptr ? 150 : 8; }
std::uint64_t seed_of(std::size_t subject_idx, int block, std::uint64_t i) { return 1000000 * subject_idx + 1000 * static_cast<std::uint64_t>(block) + i; }

TEST_P(Conformance, AgreesWithTheOracle) {
  const auto [subject_idx, block] = GetParam();
  const Subject& subject = subjects[subject_idx];
  testing::WorstUlps worst;
  for (Backend* backend : testing::backends())
    for (std::uint64_t i = 0; i < cases_per_block(); ++i) {
      subject.run(*backend, seed_of(subject_idx, block, i), subject.dtype, worst);
      if (HasFatalFailure() || HasNonfatalFailure()) break;  // the first case that fails says enough
    }
  for (const auto& [name, ulps] : worst) RecordProperty("worst_ulps_of_" + name, fmt::format("{:.3f}", ulps));
}

INSTANTIATE_TEST_SUITE_P(Random, Conformance, ::testing::Combine(::testing::Range(std::size_t{0}, std::size(subjects)), ::testing::Range(0, num_blocks)),
                         [](const auto& info) { return fmt::format("{}Block{}", subjects[std::get<0>(info.param)].name, std::get<1>(info.param)); });

// The suite proves nothing about an option that its seeds never draw: these are its own, of each type of given rewards.
TEST(ConformanceCases, EveryOptionIsDrawn) {
  std::map<std::string, std::set<std::size_t>> met;  // in cases of which subjects
  for (std::size_t subject_idx = 0; subject_idx < num_given_subjects; ++subject_idx)
    for (int block = 0; block < num_blocks; ++block)
      for (std::uint64_t i = 0; i < cases_per_block(); ++i) {
        Draw draw(seed_of(subject_idx, block, i));
        Words words;
        testing::draw_problem<float>(draw, menu_of_rewards(), words);
        for (const std::string& word : words) met[word.substr(0, word.find('='))].insert(subject_idx);
      }
  for (const char* word :
       {"pairs", "windows", "own-order", "shared-order", "weights", "weights-of-all", "margins", "margins-of-all", "i64", "f32-labels", "empty-segments",
        "rao-kupper", "davidson", "scalar-tie", "tie-per-member", "sum-of-steps", "mean-of-steps", "last-step", "discount", "temperature", "clip", "lapse",
        "centering", "smoothing", "mean", "sum", "no-reduction", "normalizer", "skip"})
    EXPECT_EQ(met[word].size(), num_given_subjects) << word;
}

}  // namespace
}  // namespace segpref
