// Optimiser steps against the oracle: sizes around a pack and a block, both types, aligned and not, every option.
#include "kernels/cuda/adamw/kernel.cuh"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <type_traits>

#include "kernels/cuda/counter/kernel.cuh"
#include "kernels/reference/adamw.hpp"
#include "tests/simt/support/kernel_test.hpp"

namespace segpref::simt {
namespace {

constexpr double adamw_bound = 4;  // ulps of the parameter plus the step: tests/accuracy/bounds.hpp

math::AdamWRates rates_of(const reference::AdamW& o) { return {o.learning_rate, o.beta1, o.beta2, o.epsilon, o.weight_decay, o.decoupled}; }

/// Three steps of `n` parameters that begin `shift` elements into their arrays, each compared with the oracle's from the same state.
template <template <typename> class TileOf, typename Real>
void check(const reference::AdamW& options, std::size_t n, std::size_t shift) {
  using Tile = TileOf<Real>;
  const double epsilon = std::is_same_v<Real, float> ? 0x1p-23 : 0x1p-52;
  std::mt19937 random(5);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<Real> p(n + shift), g(n + shift), m(n + shift), v(n + shift);
  for (Real& value : p) value = uniform(random);
  for (std::int64_t step = 1; step <= 3; ++step) {
    for (Real& value : g) value = uniform(random);
    const Buffer<Real> d_p(p), d_g(g), d_m(m), d_v(v);
    cuda::AdamWParams<Real> params{};
    params.coefficients = math::adamw_coefficients<Real>(rates_of(options), step);
    params.parameters = d_p.get() + shift;
    params.gradients = d_g.get() + shift;
    params.first_moment = d_m.get() + shift;
    params.second_moment = d_v.get() + shift;
    params.num_parameters = static_cast<std::int64_t>(n);
    constexpr std::size_t per_block = std::size_t{Tile::num_threads} * Tile::elements_per_thread;
    launch(cuda::adamw_kernel<Tile, Real>, static_cast<unsigned>((n + per_block - 1) / per_block), Tile::num_threads, 0, params);

    std::vector<double> p64(p.begin(), p.end()), m64(m.begin(), m.end()), v64(v.begin(), v.end());
    const std::vector<Real> before = p;
    reference::adamw_step(options, step, {g.begin(), g.end()}, p64, m64, v64);
    p = d_p.to_host();
    m = d_m.to_host();
    v = d_v.to_host();
    const double term = 1 + options.weight_decay;  // a moment is a sum of terms below it; a step is as wrong as its moments, over the root
    for (std::size_t i = shift; i < n + shift; ++i) {
      const double moved = std::fabs(p64[i] - static_cast<double>(before[i])), root = std::sqrt(v64[i]) + options.epsilon;
      EXPECT_LE(std::fabs(static_cast<double>(m[i]) - m64[i]), adamw_bound * epsilon * term) << i;
      EXPECT_LE(std::fabs(static_cast<double>(v[i]) - v64[i]), adamw_bound * epsilon * term * term) << i;
      EXPECT_LE(std::fabs(static_cast<double>(p[i]) - p64[i]),
                adamw_bound * epsilon * (std::fabs(p64[i]) + moved + options.learning_rate * term / (root * (1 - options.beta1))))
          << i;
    }
    for (std::size_t i = 0; i < shift; ++i) EXPECT_EQ(p[i], before[i]) << "an element before the array was written";
  }
}

std::vector<reference::AdamW> all_options() {
  reference::AdamW plain, decayed, coupled, no_momentum;
  plain.learning_rate = decayed.learning_rate = coupled.learning_rate = no_momentum.learning_rate = 1e-2;
  decayed.weight_decay = coupled.weight_decay = 0.1;
  coupled.decoupled = false;
  no_momentum.beta1 = no_momentum.beta2 = 0;
  return {plain, decayed, coupled, no_momentum};
}

TEST(AdamW, AlignedStepsAreThePublishedOnes) {
  for (const reference::AdamW& options : all_options())
    for (std::size_t n : {1, 3, 4, 5, 1023, 1024, 1029}) {
      check<cuda::AlignedAdamWTile, float>(options, n, 0);
      check<cuda::AlignedAdamWTile, double>(options, n, 0);
    }
}

TEST(AdamW, UnalignedStepsAreThePublishedOnes) {
  for (const reference::AdamW& options : all_options())
    for (std::size_t n : {1, 255, 257}) {
      check<cuda::UnalignedAdamWTile, float>(options, n, 1);
      check<cuda::UnalignedAdamWTile, double>(options, n, 1);
    }
}

TEST(AdamW, AnElementsBitsDoNotDependOnItsPlace) {
  using Tile = cuda::AlignedAdamWTile<float>;
  const Buffer<float> p(39, 0.5f), g(39, 0.3f), m(39, 0.1f), v(39, 0.2f);
  cuda::AdamWParams<float> params{};
  params.coefficients = math::adamw_coefficients<float>(rates_of(all_options()[1]), 7);
  params.parameters = p.get();
  params.gradients = g.get();
  params.first_moment = m.get();
  params.second_moment = v.get();
  params.num_parameters = 39;
  launch(cuda::adamw_kernel<Tile, float>, 1, Tile::num_threads, 0, params);
  for (float value : p.to_host()) EXPECT_EQ(value, p.to_host()[0]);
}

/// Two blocks and a tail of both kernels, from the same state: one is given the coefficients, the other finds the step's number on the device.
template <class Tile, typename Real>
void check_counted(const reference::AdamW& options, std::int64_t step) {
  constexpr std::size_t n = 2 * std::size_t{Tile::num_threads} * Tile::elements_per_thread + 3;
  std::mt19937 random(7);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<Real> p(n), g(n), m(n), v(n);
  for (std::vector<Real>* values : {&p, &g, &m}) std::generate(values->begin(), values->end(), [&] { return uniform(random); });
  for (std::size_t i = 0; i < n; ++i) v[i] = m[i] * m[i];
  const Buffer<std::int64_t> d_step(std::vector<std::int64_t>{step});
  std::vector<Real> results[2][3];
  for (const bool is_counted : {false, true}) {
    const Buffer<Real> d_p(p), d_g(g), d_m(m), d_v(v);
    cuda::AdamWParams<Real> params{d_p.get(), d_g.get(), d_m.get(), d_v.get(), static_cast<std::int64_t>(n), {}};
    if (is_counted) {
      launch(cuda::counted_adamw_kernel<Tile, Real>, 3, Tile::num_threads, 0, cuda::CountedAdamWParams<Real>{params, rates_of(options), d_step.get()});
    } else {
      params.coefficients = math::adamw_coefficients<Real>(rates_of(options), step);
      launch(cuda::adamw_kernel<Tile, Real>, 3, Tile::num_threads, 0, params);
    }
    std::vector<Real>* const result = results[is_counted ? 1 : 0];
    result[0] = d_p.to_host(), result[1] = d_m.to_host(), result[2] = d_v.to_host();
  }
  for (int array = 0; array < 3; ++array) EXPECT_EQ(results[1][array], results[0][array]) << "step " << step;
  EXPECT_EQ(d_step.to_host()[0], step) << "only the kernel behind advances it";
}

TEST(CountedAdamW, HasTheBitsOfCoefficientsFromTheHost) {
  for (const reference::AdamW& options : all_options())
    for (const std::int64_t step : {1, 2, 3, 1000}) {
      check_counted<cuda::AlignedAdamWTile<float>, float>(options, step);
      check_counted<cuda::UnalignedAdamWTile<double>, double>(options, step);
    }
}

TEST(Counter, IsAdvancedByOne) {
  const Buffer<std::int64_t> counter(std::vector<std::int64_t>{(std::int64_t{1} << 32) - 1, 7});
  launch(cuda::advance_counter_kernel<cuda::CounterTile>, 1, cuda::CounterTile::num_threads, 0, counter.get());
  EXPECT_EQ(counter.to_host(), (std::vector<std::int64_t>{std::int64_t{1} << 32, 7}));
}

}  // namespace
}  // namespace segpref::simt
