// The constants of one step of AdamW, or of Adam with coupled L2: with the same bits on the host and on a device, where the number of the step may lie.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/math/host_device.hpp"

namespace segpref::math {

/// What all steps have in common.
struct AdamWRates {
  double learning_rate = 0, beta1 = 0, beta2 = 0, epsilon = 0, weight_decay = 0;
  bool decoupled = true;
};

/// What one step does to an element, computed in f64 and rounded once:
///   g += coupled_decay * p;  m = beta1 m + rest1 g;  v = beta2 v + rest2 g^2;  p = keep * p - step_size * m / (sqrt(v) * root_scale + epsilon)
template <typename Real>
struct AdamWCoefficients {
  Real beta1 = 0, rest1 = 0;  ///< rest: 1 - beta
  Real beta2 = 0, rest2 = 0;
  Real epsilon = 0;
  Real step_size = 0;      ///< learning_rate / (1 - beta1^step)
  Real root_scale = 0;     ///< 1 / sqrt(1 - beta2^step)
  Real keep = 1;           ///< 1 - learning_rate * weight_decay when decoupled, else 1
  Real coupled_decay = 0;  ///< weight_decay when coupled, else 0
};

/// 1 - beta^step, step >= 1. With d = 1 - beta^k, 1 - beta^2k is d (2 - d) and 1 - beta^(k + 1) is d + (1 - d)(1 - beta): doubled and counted up along the
/// bits of `step`, nothing cancels, and no function of a library makes host and device differ.
SEGPREF_HOST_DEVICE inline double bias_correction(double beta, std::int64_t step) {
  int bit = 0;
  while (step >> bit > 1) ++bit;
  double rest = 0;
  for (; bit >= 0; --bit) {
    rest = rest * (2 - rest);
    if ((step >> bit & 1) != 0) rest = rest + (1 - rest) * (1 - beta);
  }
  return rest;
}

template <typename Real>
SEGPREF_HOST_DEVICE AdamWCoefficients<Real> adamw_coefficients(const AdamWRates& rates, std::int64_t step) {
  AdamWCoefficients<Real> c;
  c.beta1 = static_cast<Real>(rates.beta1);
  c.rest1 = static_cast<Real>(1 - rates.beta1);
  c.beta2 = static_cast<Real>(rates.beta2);
  c.rest2 = static_cast<Real>(1 - rates.beta2);
  c.epsilon = static_cast<Real>(rates.epsilon);
  c.step_size = static_cast<Real>(rates.learning_rate / bias_correction(rates.beta1, step));
  c.root_scale = static_cast<Real>(1 / std::sqrt(bias_correction(rates.beta2, step)));
  c.keep = static_cast<Real>(rates.decoupled ? 1 - rates.learning_rate * rates.weight_decay : 1);
  c.coupled_decay = static_cast<Real>(rates.decoupled ? 0 : rates.weight_decay);
  return c;
}

}  // namespace segpref::math
