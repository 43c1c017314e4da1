// The constants of an optimiser's step, against the library's own logarithms in extended precision.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/math/adamw.hpp"

namespace segpref {
namespace {

TEST(BiasCorrection, KeepsItsDigitsForEveryBetaAndStep) {
  const std::int64_t steps[] = {1, 2, 3, 7, 8, 9, 100, 1023, 1024, 123456789, std::int64_t{1} << 40, std::numeric_limits<std::int64_t>::max()};
  for (const double beta : {0.1, 0.5, 0.9, 0.99, 0.999, 0.999999, 1 - 0x1p-53})
    for (const std::int64_t step : steps) {
      const long double expected = -std::expm1(static_cast<long double>(step) * std::log(static_cast<long double>(beta)));
      const double error = static_cast<double>((math::bias_correction(beta, step) - expected) / expected);
      EXPECT_LE(std::fabs(error), 4 * 0x1p-52) << "beta " << beta << ", step " << step;
    }
}

TEST(BiasCorrection, IsOneWithoutMemory) {
  for (const std::int64_t step : {1, 2, 5, 1000}) EXPECT_EQ(math::bias_correction(0, step), 1.0);
}

TEST(BiasCorrection, OfTheFirstStepIsExact) {
  for (const double beta : {0.9, 0.999}) EXPECT_EQ(math::bias_correction(beta, 1), 1 - beta);
}

TEST(AdamWCoefficients, DecayIsEitherDecoupledOrCoupled) {
  math::AdamWRates rates{0.5, 0.9, 0.999, 1e-8, 0.25, true};
  EXPECT_EQ(math::adamw_coefficients<double>(rates, 3).keep, 1 - 0.5 * 0.25);
  EXPECT_EQ(math::adamw_coefficients<double>(rates, 3).coupled_decay, 0);
  rates.decoupled = false;
  EXPECT_EQ(math::adamw_coefficients<double>(rates, 3).keep, 1);
  EXPECT_EQ(math::adamw_coefficients<double>(rates, 3).coupled_decay, 0.25);
}

}  // namespace
}  // namespace segpref
