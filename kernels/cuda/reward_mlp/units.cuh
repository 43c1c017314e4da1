// Hidden units of every kind: any activation, and dropout, drawn where it is used.
#pragma once

#include "kernels/cuda/reward_mlp/activations.cuh"
#include "kernels/math/dropout.hpp"

namespace segpref::cuda {

/// What two neighbouring units (the first one even) of a step are multiplied with: 0 or keep_scale. Both draws lie in one block of the generator.
SEGPREF_DEVICE float2 dropout_factors(const MlpFormula& formula, std::uint64_t stream, std::int64_t step, int unit) {
  const std::uint64_t index = math::dropout_index(step, unit);
  const math::PhiloxBlock block = math::random_block(formula.dropout_seed, stream, index / 4);
  const bool is_upper = index % 4 >= 2;
  const float first = math::uniform_of(is_upper ? block.word[2] : block.word[0]), second = math::uniform_of(is_upper ? block.word[3] : block.word[1]);
  return float2{math::is_dropped(first, formula.dropout_rate) ? 0.0f : formula.keep_scale, math::is_dropped(second, formula.dropout_rate) ? 0.0f : formula.keep_scale};
}

struct UnitPair {
  float2 values, slopes;
};

/// Two neighbouring units from their pre-activations. Long: to be called in one place.
/// @param stream  math::dropout_stream of call, member and layer
SEGPREF_DEVICE UnitPair unit_pair(const MlpFormula& formula, std::uint64_t stream, std::int64_t step, int unit, float2 z) {
  ValueAndSlope x = activate(formula.activation, formula.leaky_slope, z.x), y = activate(formula.activation, formula.leaky_slope, z.y);
  if (formula.dropout_rate > 0) {
    const float2 factors = dropout_factors(formula, stream, step, unit);
    x.value *= factors.x, x.slope *= factors.x;
    y.value *= factors.y, y.slope *= factors.y;
  }
  return {float2{x.value, y.value}, float2{x.slope, y.slope}};
}

}  // namespace segpref::cuda
