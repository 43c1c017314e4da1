// Which hidden units dropout takes: a pure function of (seed, call, member, layer, step, unit), so that CPU and CUDA drop the same ones.
#pragma once

#include <cstdint>

#include "kernels/math/philox.hpp"

namespace segpref::math {

/// One stream per call, member and layer; within it a draw is named by step and unit.
SEGPREF_HOST_DEVICE constexpr std::uint64_t dropout_stream(std::uint64_t call, std::uint64_t member, std::uint64_t layer) {
  constexpr std::uint64_t max_members = 32, max_layers = 4;
  const std::uint64_t number = (call * max_members + member) * max_layers + layer;
  return random_stream(RandomPurpose::dropout, number & ((std::uint64_t{1} << 48) - 1));
}

/// Draw of a unit: four neighbouring units share a block.
SEGPREF_HOST_DEVICE constexpr std::uint64_t dropout_index(std::int64_t step, std::int64_t unit) {
  return static_cast<std::uint64_t>(step) * 1024u + static_cast<std::uint64_t>(unit);
}

/// Whether a draw takes its unit. The rate is compared as f32, the precision of the draws.
SEGPREF_HOST_DEVICE inline bool is_dropped(float uniform, float rate) { return uniform < rate; }

}  // namespace segpref::math
