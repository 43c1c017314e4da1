// What the kernels that check values are given.
#pragma once

#include "kernels/common/value_check.hpp"

namespace segpref::cuda {

/// Rules that one launch looks at.
inline constexpr int max_value_checks = 12;

/// The first offender of all: rules in their order, then positions. Smaller is earlier.
inline constexpr unsigned long long no_offender = ~0ull;
inline constexpr int offender_position_bits = 56;  ///< arrays have fewer than 2^48 rows of 32 members

struct CheckValuesParams {
  int num_checks = 0;
  kernels::ValueCheck checks[max_value_checks];  ///< in the order in which offenders are reported
  unsigned long long* first_offender = nullptr;  ///< no_offender before the launch; then (rule << offender_position_bits) + position, if there is one
};

struct ReadOffenderParams {
  kernels::ValueCheck check;
  std::int64_t position = 0;
  kernels::ValuesAt* values = nullptr;  ///< [1], out
};

}  // namespace segpref::cuda
