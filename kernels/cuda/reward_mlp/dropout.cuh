// Dropout's factors, drawn where they are used.
#pragma once

#include "kernels/cuda/primitives/out_of_line.cuh"
#include "kernels/cuda/reward_mlp/params.hpp"
#include "kernels/math/dropout.hpp"

namespace segpref::cuda {

/// What the units `unit` (even) and unit + 1 of a step are multiplied with: 0 or keep_scale. Both draws lie in one block of the generator.
SEGPREF_DEVICE_OUT_OF_LINE float2 dropout_factors(const MlpFormula& formula, std::uint64_t stream, std::int64_t step, int unit) {
  const std::uint64_t index = math::dropout_index(step, unit);
  const math::PhiloxBlock block = math::random_block(formula.dropout_seed, stream, index / 4);
  const bool is_upper = index % 4 >= 2;
  const float first = math::uniform_of(is_upper ? block.word[2] : block.word[0]), second = math::uniform_of(is_upper ? block.word[3] : block.word[1]);
  return float2{math::is_dropped(first, formula.dropout_rate) ? 0.0f : formula.keep_scale, math::is_dropped(second, formula.dropout_rate) ? 0.0f : formula.keep_scale};
}

}  // namespace segpref::cuda
