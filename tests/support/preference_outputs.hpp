// The results of one call, some wanted and some not, and their comparison with the oracle.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "segpref/preference_options.hpp"
#include "tests/accuracy/bounds.hpp"
#include "tests/support/compare.hpp"
#include "tests/support/draw.hpp"
#include "tests/support/error_units.hpp"
#include "tests/support/host_tensor.hpp"
#include "tests/support/problems.hpp"

namespace segpref::testing {

/// The largest error met, in ulps of the natural size, by result.
using WorstUlps = std::map<std::string, double>;

/// Compares a result with the oracle: the same kind of number everywhere, and at most `ulps` * `epsilon` * unit away, plus the rounding of a
/// 16-bit result. A failure prints the worst position and both values. An absent result is fine.
::testing::AssertionResult within_ulps(const std::string& name, const HostTensor& actual, const std::vector<double>& expected,
                                       const std::vector<double>& units, double ulps, double epsilon, WorstUlps& worst, Bound rounding = {});

/// Rounding of a result stored as `dtype`.
Bound rounding_of(DType dtype);
double epsilon_of(DType real);

/// What outputs hold before a call: whatever is left of it afterwards was not written.
inline constexpr double dirt = 777;

class PreferenceOutputs {
 public:
  /// Everything that the options allow.
  template <typename Real>
  explicit PreferenceOutputs(const Problem<Real>& problem, std::int64_t lead = 0);
  /// A random part of it.
  template <typename Real>
  PreferenceOutputs(const Problem<Real>& problem, Draw& draw) : PreferenceOutputs(problem) {
    for (HostTensor* result : all())
      if (draw.chance(20)) *result = HostTensor();
  }

  PreferenceResult views();
  void expect(const reference::PreferenceSolution& expected, const ErrorUnits& units, const Bounds& bounds, WorstUlps& worst) const;
  std::vector<HostTensor*> all() { return {&loss, &loss_per_pair, &scores, &logits, &metrics, &grad_tie_parameter}; }
  bool same_bits(const PreferenceOutputs& other) const;

  HostTensor loss, loss_per_pair, scores, logits, metrics, grad_tie_parameter;

 private:
  DType real_;
};

}  // namespace segpref::testing
