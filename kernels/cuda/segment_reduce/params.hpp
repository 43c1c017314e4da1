// What the kernels that turn step rewards into scores read and write.
#pragma once

#include <cstdint>

#include "kernels/common/batch.hpp"
#include "segpref/preference_options.hpp"

namespace segpref::cuda {

/// Element: f32, f64, bf16 or f16; Real: f64 for f64, else f32.
template <typename Element, typename Real>
struct SegmentScoresParams {
  const Element* step_rewards;  ///< [num_members, num_steps]
  kernels::IndexArray offsets;  ///< [num_segments + 1]; absent: windows
  kernels::IndexArray begins;   ///< [num_segments], windows only
  kernels::IndexArray lengths;  ///< [num_segments], windows only
  const Real* discount_powers;  ///< [longest segment], discount^t, each rounded once; null: discount 1
  Real* scores;                 ///< [num_members, num_segments]
  Real* piece_sums;             ///< [num_members, num_stretches, 2], scratch of the mixed regime
  std::int64_t num_steps, num_segments;
  int num_members;
  Aggregation aggregation;
};

/// How the segments are shared among warps and blocks; a plan decides.
enum class SegmentRegime : std::uint8_t {
  short_segments,  ///< by warps: four short segments at a time, a longer one alone
  long_segments,   ///< a block per segment
  mixed_lengths    ///< the same for segments of up to steps_per_piece steps; longer ones by as many blocks as they have pieces. Offsets only
};

/// Longer segments are cut into pieces of so many steps, counted from their own first step; the whole array of steps into stretches of as many.
/// A piece belongs to the stretch that holds its first step. Of the segments longer than a piece, at most two have a piece there: the one that
/// holds the stretch's first step (slot 0), and one that begins later and then reaches beyond the stretch (slot 1).
inline constexpr std::int64_t steps_per_piece = 4096;

SEGPREF_HOST_DEVICE constexpr std::int64_t num_stretches(std::int64_t num_steps) { return (num_steps + steps_per_piece - 1) / steps_per_piece; }

}  // namespace segpref::cuda
