// Central differences of the oracle, in float64.
#pragma once

#include <functional>
#include <vector>

namespace segpref::testing {

/// d(function)/d(variable) to second order in `step`; the variable is left as it was.
inline double central_difference(double& variable, const std::function<double()>& function, double step = 1e-5) {
  const double before = variable;
  variable = before + step;
  const double above = function();
  variable = before - step;
  const double below = function();
  variable = before;
  return (above - below) / (2 * step);
}

inline double sum_of(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) sum += value;
  return sum;
}

}  // namespace segpref::testing
