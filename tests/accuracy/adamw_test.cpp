#include "segpref/adamw.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

namespace segpref {
namespace {

/// The published update in f64, one loop, written apart from the kernel.
void plain_step(std::vector<double>& p, const std::vector<double>& gradients, std::vector<double>& m, std::vector<double>& v, int step,
                const AdamWOptions& o) {
  for (std::size_t i = 0; i < p.size(); ++i) {
    double g = gradients[i];
    if (o.decoupled) p[i] -= o.learning_rate * o.weight_decay * p[i];
    else g += o.weight_decay * p[i];
    m[i] = o.beta1 * m[i] + (1 - o.beta1) * g;
    v[i] = o.beta2 * v[i] + (1 - o.beta2) * g * g;
    const double m_hat = m[i] / (1 - std::pow(o.beta1, step)), v_hat = v[i] / (1 - std::pow(o.beta2, step));
    p[i] -= o.learning_rate * m_hat / (std::sqrt(v_hat) + o.epsilon);
  }
}

template <typename Real>
struct State {
  std::vector<Real> p, m, v;
  std::mt19937 random{3};

  explicit State(std::size_t n) : p(n), m(n), v(n) {
    for (Real& value : p) value = draw();
  }
  Real draw() { return static_cast<Real>(std::uniform_real_distribution<float>(-1, 1)(random)); }
  /// Takes `steps` steps and the same in f64 beside it; returns the largest difference of a parameter.
  double run(const Context& context, int steps, const AdamWOptions& options) {
    std::vector<double> p64(p.begin(), p.end()), m64(m.begin(), m.end()), v64(v.begin(), v.end());
    std::vector<Real> gradient(p.size());
    for (int step = 1; step <= steps; ++step) {
      for (Real& value : gradient) value = draw();
      adamw_step(context, view(p), view(std::as_const(gradient)), view(m), view(v), step, options);
      plain_step(p64, {gradient.begin(), gradient.end()}, m64, v64, step, options);
    }
    double worst = 0;
    for (std::size_t i = 0; i < p.size(); ++i) worst = std::max(worst, std::fabs(p64[i] - static_cast<double>(p[i])));
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

// f32: a parameter is rounded once per step (6e-8 of a value near 1), and the step itself is 1e-2 with a few roundings.
TEST(AdamW, FollowsThePlainLoopForTwentySteps) {
  const Context context(2);
  for (const AdamWOptions& options : all_options())
    for (std::size_t n : {1, 3, 15, 16, 17, 33, 1000}) {
      EXPECT_LE(State<float>(n).run(context, 20, options), 3e-6) << n;
      EXPECT_LE(State<double>(n).run(context, 20, options), 1e-14) << n;
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
  expected.run(Context(1), 3, all_options()[1]);
  for (int num_threads : {2, 3, 7}) {
    State<float> state(n);
    state.run(Context(num_threads), 3, all_options()[1]);
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

TEST(AdamW, NothingToDoForNoParameters) {
  std::vector<float> none;
  EXPECT_NO_THROW(adamw_step(Context(1), view(none), view(std::as_const(none)), view(none), view(none), 1, {}));
}

}  // namespace
}  // namespace segpref
