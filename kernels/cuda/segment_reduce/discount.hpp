// discount^t without a table over t and without pow per step.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/math/host_device.hpp"

namespace segpref::cuda {

/// The powers discount^(2^k), each rounded once: t has at most as many factors as bits.
struct DiscountPowers {
  static constexpr int num_squares = 48;  ///< more than any t has bits
  double squares[num_squares];

  /// On the host.
  static DiscountPowers of(double discount) {
    DiscountPowers powers;
    for (int k = 0; k < num_squares; ++k) powers.squares[k] = static_cast<double>(std::pow(static_cast<long double>(discount), std::ldexp(1.0L, k)));
    return powers;
  }

  SEGPREF_HOST_DEVICE double operator()(std::int64_t t) const {
    double power = 1.0;
    for (int k = 0; t > 0; ++k, t /= 2)
      if (t % 2 != 0) power *= squares[k];
    return power;
  }
};

}  // namespace segpref::cuda
