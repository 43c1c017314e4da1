// Plackett-Luce loss of one ranking. Sums of exponentials are kept as sum * e^top, top the largest exponent: no stage overflows, no digit is lost where
// one entry dominates, and a sum of 64 terms is rounded as such. (A sum kept as its logarithm is rounded in units of log 64 at every stage.)
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/math/host_device.hpp"

namespace segpref::math {

/// sum over stages j < num_stages of (logsumexp_{k >= j} s_k - s_j), s = scores over temperature, best entry first.
/// @param s     [num_entries], finite and <= 0    @param rest_tops  [num_entries], scratch
/// @param grad  [num_entries], out, with respect to s; null: not wanted
/// A stage is softplus(logsumexp_{k > j} s_k - s_j), so nothing cancels when s_j leads by far. The gradient of s_k is e^s_k times the sum over earlier stages of
/// e^-logsumexp_j, minus the share of the rest in its own stage.
SEGPREF_HOST_DEVICE inline double plackett_luce(const double* s, std::int64_t num_entries, std::int64_t num_stages, double* rest_tops, double* grad) {
  // From the last entry on: the rest behind entry k is rest * e^rest_top. The last one has none: its stage is certain, loss and gradient 0.
  double loss = 0.0, rest = 0.0, rest_top = -INFINITY;
  for (std::int64_t k = num_entries - 1; k >= 0; --k) {
    const double lead = rest_top - s[k], ratio = std::exp(-std::fabs(lead));
    if (k < num_stages) loss += lead > 0.0 ? lead + std::log1p((rest - 1.0) + ratio) : std::log1p(rest * ratio);
    if (grad != nullptr) {
      rest_tops[k] = rest_top;
      grad[k] = rest;  // for the way back
    }
    rest = lead >= 0.0 ? rest + ratio : rest * ratio + 1.0;
    if (lead < 0.0) rest_top = s[k];
  }
  if (grad == nullptr) return loss;

  // From the first entry on: the sum over earlier stages of e^-logsumexp_j is earlier * e^-earlier_top. Tops of stages do not increase.
  double earlier = 0.0, earlier_top = 0.0;
  for (std::int64_t k = 0; k < num_entries; ++k) {
    const double from_earlier = earlier * std::exp(s[k] - earlier_top);
    if (k >= num_stages) {
      grad[k] = from_earlier;
      continue;
    }
    const double lead = rest_tops[k] - s[k], ratio = std::exp(-std::fabs(lead)), top = lead > 0.0 ? rest_tops[k] : s[k];
    const double of_rest = lead > 0.0 ? grad[k] : grad[k] * ratio, of_entry = lead > 0.0 ? ratio : 1.0, sum = of_entry + of_rest;
    grad[k] = from_earlier - of_rest / sum;
    earlier = earlier * std::exp(top - earlier_top) + 1.0 / sum;
    earlier_top = top;
  }
  return loss;
}

}  // namespace segpref::math
