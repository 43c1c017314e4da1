// Hidden activations and outputs of an MLP with their derivatives, over arrays.
#pragma once

#include <cmath>
#include <cstdint>

#include "segpref/reward_model.hpp"

namespace segpref::cpu::mlp {

/// In place: values[i] -> activation(values[i]); slopes[i] = activation'(values[i]) where slopes is not null.
/// relu and leaky_relu are done inside the matrix product; here they are needed only together with slopes.
template <typename Real>
void activate(Activation activation, Real leaky_slope, Real* values, Real* slopes, std::int64_t count) {
  const Real inv_sqrt2 = Real(0.70710678118654752440), inv_sqrt_2pi = Real(0.39894228040143267794);
  for (std::int64_t i = 0; i < count; ++i) {
    const Real z = values[i];
    Real value = z, slope = 1;
    switch (activation) {
      case Activation::relu:
        value = z > 0 ? z : z * Real(0);  // NaN stays NaN
        slope = z > 0 ? Real(1) : Real(0);
        break;
      case Activation::leaky_relu:
        value = z > 0 ? z : z * leaky_slope;
        slope = z > 0 ? Real(1) : leaky_slope;
        break;
      case Activation::tanh:
        value = std::tanh(z);
        slope = 1 - value * value;
        break;
      case Activation::silu: {
        const Real sigmoid = 1 / (1 + std::exp(-z));
        value = z * sigmoid;
        slope = sigmoid * (1 + z * (1 - sigmoid));
        break;
      }
      case Activation::gelu: {
        const Real cdf = Real(0.5) * (1 + std::erf(z * inv_sqrt2));
        value = z * cdf;
        slope = cdf + z * inv_sqrt_2pi * std::exp(Real(-0.5) * z * z);
        break;
      }
    }
    values[i] = value;
    if (slopes != nullptr) slopes[i] = slope;
  }
}

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
