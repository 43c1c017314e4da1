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

/// @param allowed  the largest difference of each
template <typename Actual>
::testing::AssertionResult is_within(const Actual* actual, const std::vector<double>& expected, const std::vector<double>& allowed) {
  double worst_excess = 0;
  std::size_t worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double a = static_cast<double>(actual[i]), e = expected[i];
    const bool same_kind = std::isnan(a) == std::isnan(e) && std::isinf(a) == std::isinf(e) && (!std::isinf(a) || a == e);
    if (!same_kind) return ::testing::AssertionFailure() << "at [" << i << "]: got " << a << ", expected " << e;
    if (!std::isfinite(e)) continue;
    const double excess = std::fabs(a - e) - allowed[i];
    if (excess > worst_excess) worst_excess = excess, worst = i;
  }
  if (worst_excess <= 0) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "worst at [" << worst << "]: got " << static_cast<double>(actual[worst]) << ", expected "
                                       << expected[worst] << ", beyond the bound by " << worst_excess;
}

template <typename Actual>
::testing::AssertionResult is_close(const Actual* actual, const std::vector<double>& expected, Bound bound) {
  std::vector<double> allowed;
  for (double e : expected) allowed.push_back(bound.absolute + bound.relative * std::fabs(e));
  return is_within(actual, expected, allowed);
}

inline std::vector<double> flatten(const std::vector<std::vector<double>>& rows) {
  std::vector<double> flat;
  for (const auto& row : rows) flat.insert(flat.end(), row.begin(), row.end());
  return flat;
}

}  // namespace segpref::testing
