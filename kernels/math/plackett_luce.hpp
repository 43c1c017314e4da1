// Plackett-Luce loss of one ranking, in log space: no stage overflows, and no digit is lost where one entry dominates.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/math/host_device.hpp"

namespace segpref::math {

/// max(a, b) + log(1 + e^-|a - b|); `a` may be -infinity, `b` is finite.
SEGPREF_HOST_DEVICE inline double log_add(double a, double b) { return (a > b ? a : b) + std::log1p(std::exp(-std::fabs(a - b))); }

/// sum over stages j < num_stages of (logsumexp_{k >= j} s_k - s_j), s = scores over temperature, best entry first.
/// @param s     [num_entries], finite           @param log_rest  [num_entries], scratch
/// @param grad  [num_entries], out, with respect to s; null: not wanted
/// Each term is softplus(log_rest_j - s_j) where log_rest_j = logsumexp_{k > j} s_k, so nothing cancels when s_j leads by far.
/// The gradient of s_k is the sum over earlier stages of exp(s_k - logsumexp_j), minus sigmoid(log_rest_k - s_k) for its own stage.
SEGPREF_HOST_DEVICE inline double plackett_luce(const double* s, std::int64_t num_entries, std::int64_t num_stages, double* log_rest, double* grad) {
  constexpr double infinity = INFINITY;
  log_rest[num_entries - 1] = -infinity;
  for (std::int64_t k = num_entries - 1; k > 0; --k) log_rest[k - 1] = log_add(log_rest[k], s[k]);

  double loss = 0.0;
  double log_earlier = -infinity;  // log of the sum over stages j < k of exp(-logsumexp_j)
  for (std::int64_t k = 0; k < num_entries; ++k) {
    // The rest's lead over s_k. The last entry has no rest: its stage is certain, loss and gradient 0.
    const double lead = log_rest[k] - s[k];
    const double small = std::exp(-std::fabs(lead));
    if (grad != nullptr) grad[k] = std::exp(s[k] + log_earlier);
    if (k >= num_stages) continue;
    const double stage_loss = (lead > 0.0 ? lead : 0.0) + std::log1p(small);
    loss += stage_loss;
    if (grad == nullptr) continue;
    grad[k] -= (lead >= 0.0 ? 1.0 : small) / (1.0 + small);
    log_earlier = log_add(log_earlier, -(s[k] + stage_loss));
  }
  return loss;
}

}  // namespace segpref::math
