// Hidden activations and outputs of an MLP with their derivatives.
#pragma once

#include <cmath>
#include <cstdint>

#include "segpref/reward_model.hpp"

namespace segpref::cpu::mlp {

/// In place: values[i] -> activation(values[i]); slopes[i] = activation'(values[i]) where slopes is not null. count is a multiple of
/// lane_padding. f32 is vectorised (values and slopes within 1e-6 of the larger of 1 and the argument's size, tests/accuracy/activations_test.cpp);
/// f64 goes element by element through the standard library.
void activate(Activation activation, float leaky_slope, float* values, float* slopes, std::int64_t count);
void activate(Activation activation, double leaky_slope, double* values, double* slopes, std::int64_t count);

/// The step reward of a raw output, and d(reward)/d(raw).
template <typename Real>
Real output_of(const RewardArchitecture& architecture, Real raw, Real& slope) {
  Real value = raw, scale = 1, shift = 0;
  slope = 1;
  const Real lo = static_cast<Real>(architecture.output_lo), range = static_cast<Real>(architecture.output_hi - architecture.output_lo);
  if (architecture.output == Output::tanh) {
    value = std::tanh(raw);
    slope = (1 - value) * (1 + value);
    if (architecture.output_scaled) scale = range / 2, shift = lo + range / 2;  // u = (tanh + 1) / 2
  } else if (architecture.output == Output::sigmoid) {
    value = raw >= 0 ? 1 / (1 + std::exp(-raw)) : std::exp(raw) / (1 + std::exp(raw));
    slope = value * (1 - value);
    if (architecture.output_scaled) scale = range, shift = lo;
  }
  slope *= scale;
  return shift + scale * value;
}

}  // namespace segpref::cpu::mlp
