// What the optimiser's kernels read and write.
#pragma once

#include <cstdint>

#include "kernels/math/adamw.hpp"

namespace segpref::cuda {

/// One step of AdamW, or of Adam with coupled L2. All arrays are [num_parameters].
template <typename Real>
struct AdamWParams {
  Real* parameters;       ///< in place
  const Real* gradients;
  Real* first_moment;     ///< in place
  Real* second_moment;    ///< in place
  std::int64_t num_parameters;
  math::AdamWCoefficients<Real> coefficients;
};

/// The same where the number of the step lies on the device: coefficients are the kernel's to compute.
template <typename Real>
struct CountedAdamWParams {
  AdamWParams<Real> arrays;  ///< but for the coefficients, which are not looked at
  math::AdamWRates rates;
  std::int64_t* step;        ///< [1], >= 1: of this step; the launcher advances it
};

}  // namespace segpref::cuda
