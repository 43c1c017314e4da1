#include "segpref/adamw.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/reference/adamw.hpp"
#include "tests/accuracy/bounds.hpp"

namespace segpref {
namespace {

template <typename Real>
struct State {
  std::vector<Real> p, m, v;
  std::mt19937 random{3};

  explicit State(std::size_t n) : p(n), m(n), v(n) {
    for (Real& value : p) value = draw();
  }
  Real draw() { return static_cast<Real>(std::uniform_real_distribution<float>(-1, 1)(random)); }
  /// Takes steps and, from the state before each one, the oracle's; returns the largest error of any step, in ulps of what it is made of.
  double run(const Context& context, int first_step, int steps, const AdamWOptions& options) {
    const double epsilon = std::is_same_v<Real, float> ? 0x1p-23 : 0x1p-52;
    const reference::AdamW published{options.learning_rate, options.beta1, options.beta2, options.epsilon, options.weight_decay, options.decoupled};
    std::vector<Real> gradient(p.size());
    double worst = 0;
    for (int step = first_step; step < first_step + steps; ++step) {
      for (Real& value : gradient) value = draw();
      std::vector<double> p64(p.begin(), p.end()), m64(m.begin(), m.end()), v64(v.begin(), v.end());
      const std::vector<Real> before = p;
      adamw_step(context, view(p), view(std::as_const(gradient)), view(m), view(v), step, options);
      reference::adamw_step(published, step, {gradient.begin(), gradient.end()}, p64, m64, v64);
      const auto note = [&](Real actual, double expected, double size) { worst = std::max(worst, std::fabs(static_cast<double>(actual) - expected) / (epsilon * size)); };
      for (std::size_t i = 0; i < p.size(); ++i) {
        // A moment is a sum of terms below 1 + weight_decay; a step is as wrong as its moments are, over the root.
        const double moved = std::fabs(p64[i] - static_cast<double>(before[i])), term = 1 + options.weight_decay;
        const double root = std::sqrt(v64[i]) + options.epsilon;
        note(m[i], m64[i], term);
        note(v[i], v64[i], term * term);
        note(p[i], p64[i], std::fabs(p64[i]) + moved + options.learning_rate * term / (root * (1 - options.beta1)));
      }
    }
    return worst;
  }
};

std::vector<AdamWOptions> all_options() {
  AdamWOptions plain, decayed, coupled, no_momentum;
  plain.learning_rate = decayed.learning_rate = coupled.learning_rate = no_momentum.learning_rate = 1e-2;
  decayed.weight_decay = coupled.weight_decay = 0.1;
  coupled.decoupled = false;
  no_momentum.beta1 = 0;
  no_momentum.beta2 = 0;
  return {plain, decayed, coupled, no_momentum};
}

TEST(AdamW, EveryStepIsThePublishedOne) {
  const Context context(2);
  for (const AdamWOptions& options : all_options())
    for (std::size_t n : {1, 3, 15, 16, 17, 33, 1000})
      for (int first_step : {1, 1000, 1000000}) {
        EXPECT_LE(State<float>(n).run(context, first_step, 20, options), testing::adamw_bound) << n << " elements, f32, from step " << first_step;
        EXPECT_LE(State<double>(n).run(context, first_step, 20, options), testing::adamw_bound) << n << " elements, f64, from step " << first_step;
      }
}

TEST(AdamW, FirstStepMovesByTheLearningRateAgainstTheSignOfTheGradient) {
  std::vector<double> p = {1, 1, 1}, m(3), v(3);
  const std::vector<double> g = {1e-3, -5, 0};
  AdamWOptions options;
  options.learning_rate = 0.5;
  options.epsilon = 1e-30;
  adamw_step(Context(1), view(p), view(g), view(m), view(v), 1, options);
  EXPECT_NEAR(p[0], 0.5, 1e-14);
  EXPECT_NEAR(p[1], 1.5, 1e-14);
  EXPECT_EQ(p[2], 1.0);
}

TEST(AdamW, SameBitsForAnyNumberOfThreads) {
  constexpr std::size_t n = 3 * 32768 + 5;
  State<float> expected(n);
  expected.run(Context(1), 1, 3, all_options()[1]);
  for (int num_threads : {2, 3, 7}) {
    State<float> state(n);
    state.run(Context(num_threads), 1, 3, all_options()[1]);
    EXPECT_EQ(std::memcmp(state.p.data(), expected.p.data(), n * sizeof(float)), 0);
    EXPECT_EQ(std::memcmp(state.v.data(), expected.v.data(), n * sizeof(float)), 0);
  }
}

TEST(AdamW, AnElementsBitsDoNotDependOnItsPlace) {
  std::vector<float> p(37, 0.5f), m(37, 0.1f), v(37, 0.2f);
  const std::vector<float> g(37, 0.3f);
  adamw_step(Context(1), view(p), view(g), view(m), view(v), 7, {});
  for (float value : p) EXPECT_EQ(value, p[0]);
}

template <typename Real>
void expect_the_bits_of_numbered_steps(const Context& context, std::int64_t first_step) {
  for (const AdamWOptions& options : all_options()) {
    State<Real> numbered(37), counted(37);
    const std::vector<Real> gradient(37, Real(0.3));
    std::int64_t next = first_step;
    for (std::int64_t step = first_step; step < first_step + 3; ++step) {
      adamw_step(context, view(numbered.p), view(gradient), view(numbered.m), view(numbered.v), step, options);
      adamw_step(context, view(counted.p), view(gradient), view(counted.m), view(counted.v), view(&next, {1}), options);
      EXPECT_EQ(next, step + 1);
    }
    EXPECT_EQ(counted.p, numbered.p);
    EXPECT_EQ(counted.m, numbered.m);
    EXPECT_EQ(counted.v, numbered.v);
  }
}

TEST(AdamW, CountedStepsHaveTheBitsOfNumberedOnes) {
  for (const std::int64_t first_step : {1, 1000}) {
    expect_the_bits_of_numbered_steps<float>(Context(2), first_step);
    expect_the_bits_of_numbered_steps<double>(Context(2), first_step);
  }
}

TEST(AdamW, NothingToDoForNoParameters) {
  std::vector<float> none;
  EXPECT_NO_THROW(adamw_step(Context(1), view(none), view(std::as_const(none)), view(none), view(none), 1, {}));
  std::int64_t next = 5;
  adamw_step(Context(1), view(none), view(std::as_const(none)), view(none), view(none), view(&next, {1}), {});
  EXPECT_EQ(next, 6) << "a step all the same";
}

}  // namespace
}  // namespace segpref
