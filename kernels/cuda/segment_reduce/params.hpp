// What the kernels that turn step rewards into scores read and write.
#pragma once

#include <cstdint>

#include "segpref/preference_options.hpp"

namespace segpref::cuda {

/// Element: f32, f64, bf16 or f16; Real: f64 for f64, else f32; Index: int32 or int64.
template <typename Element, typename Real, typename Index>
struct SegmentScoresParams {
  const Element* step_rewards;  ///< [num_members, num_steps]
  const Index* offsets;         ///< [num_segments + 1]; null: windows
  const Index* begins;          ///< [num_segments], windows only
  const Index* lengths;         ///< [num_segments], windows only
  const Real* discount_powers;  ///< [longest segment], discount^t, each rounded once; null: discount 1
  Real* scores;                 ///< [num_members, num_segments]
  std::int64_t num_steps, num_segments;
  int num_members;
  Aggregation aggregation;
};

/// Which kernel suits the segments: a plan decides by their mean length.
enum class SegmentRegime : std::uint8_t { short_segments, long_segments };

}  // namespace segpref::cuda
