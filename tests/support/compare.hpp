// Comparison of arrays: positions of NaN and infinity must agree first, then values within an absolute plus relative bound.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace segpref::testing {

struct Bound {
  double relative = 0, absolute = 0;
};

/// @param sizes  what the bound is relative to: the size of what was added up, where terms may cancel
template <typename Actual>
::testing::AssertionResult is_close(const Actual* actual, const std::vector<double>& expected, const std::vector<double>& sizes, Bound bound) {
  double worst_excess = 0;
  std::size_t worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double a = static_cast<double>(actual[i]), e = expected[i];
    const bool same_kind = std::isnan(a) == std::isnan(e) && std::isinf(a) == std::isinf(e) && (!std::isinf(a) || a == e);
    if (!same_kind) return ::testing::AssertionFailure() << "at [" << i << "]: got " << a << ", expected " << e;
    if (!std::isfinite(e)) continue;
    const double excess = std::fabs(a - e) - (bound.absolute + bound.relative * std::fabs(sizes[i]));
    if (excess > worst_excess) worst_excess = excess, worst = i;
  }
  if (worst_excess <= 0) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "worst at [" << worst << "]: got " << static_cast<double>(actual[worst]) << ", expected "
                                       << expected[worst] << ", beyond the bound by " << worst_excess;
}

/// Relative to the expected values themselves.
template <typename Actual>
::testing::AssertionResult is_close(const Actual* actual, const std::vector<double>& expected, Bound bound) {
  return is_close(actual, expected, expected, bound);
}

inline std::vector<double> flatten(const std::vector<std::vector<double>>& rows) {
  std::vector<double> flat;
  for (const auto& row : rows) flat.insert(flat.end(), row.begin(), row.end());
  return flat;
}

}  // namespace segpref::testing
