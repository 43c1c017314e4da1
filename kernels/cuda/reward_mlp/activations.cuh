// Hidden activations and outputs with their slopes, in f32: values and slopes within 1e-6 of the larger of 1 and the argument's size, as on the CPU.
#pragma once

#include <cmath>

#include "kernels/cuda/primitives/fast_divide.cuh"
#include "kernels/cuda/primitives/thread.cuh"
#include "kernels/cuda/reward_mlp/params.hpp"

namespace segpref::cuda {

struct ValueAndSlope {
  float value, slope;
};

/// relu has slope 0. A NaN stays one, and an infinity does not become a finite value.
SEGPREF_DEVICE float leaky(float z, float leaky_slope) { return z > 0 ? z : z * leaky_slope; }

/// Neither form of the sigmoid overflows or cancels; `rest` is 1 - sigmoid.
SEGPREF_DEVICE float sigmoid_of(float z, float& rest) {
  const float e = expf(-fabsf(z)), inverse = fast_divide(1.0f, 1.0f + e), other = e * inverse;
  rest = z >= 0 ? other : inverse;
  return z >= 0 ? inverse : other;
}

SEGPREF_DEVICE ValueAndSlope tanh_of(float z) {
  const float value = tanhf(z);
  return {value, (1.0f - value) * (1.0f + value)};
}

/// Any activation.
SEGPREF_DEVICE ValueAndSlope activate(Activation activation, float leaky_slope, float z) {
  switch (activation) {
    case Activation::relu:
    case Activation::leaky_relu: return {leaky(z, leaky_slope), z > 0 ? 1.0f : leaky_slope};
    case Activation::tanh: return tanh_of(z);
    case Activation::silu: {
      float rest;
      const float sigmoid = sigmoid_of(z, rest);
      return {z * sigmoid, multiply_add(z * sigmoid, rest, sigmoid)};
    }
    case Activation::gelu: break;
  }
  const float distribution = 0.5f * erfcf(z * -0.70710678f);  // of the normal distribution, without cancellation for negative z
  return {z * distribution, multiply_add(z * 0.39894228f, expf(z * z * -0.5f), distribution)};
}

/// Reward and d(reward)/d(raw).
SEGPREF_DEVICE ValueAndSlope output_of(const MlpFormula& formula, float raw) {
  ValueAndSlope unit = {raw, 1.0f};
  if (formula.output == Output::tanh) {
    unit = tanh_of(raw);
  } else if (formula.output == Output::sigmoid) {
    float rest;
    unit.value = sigmoid_of(raw, rest);
    unit.slope = unit.value * rest;
  }
  return {formula.output_shift + formula.output_scale * unit.value, formula.output_scale * unit.slope};
}

}  // namespace segpref::cuda
