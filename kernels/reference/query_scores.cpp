#include "kernels/reference/query_scores.hpp"

#include <cmath>

namespace segpref::reference {
namespace {

long double entropy(long double p, long double one_minus_p) {
  const auto term = [](long double q) { return q > 0 ? -q * std::log(q) : 0.0L; };
  // log of a probability near 1 keeps its digits only through the small one.
  if (p > 0.5L) return -p * std::log1p(-one_minus_p) + term(one_minus_p);
  return -one_minus_p * std::log1p(-p) + term(p);
}

}  // namespace

std::vector<QueryScore> query_scores(const std::vector<std::vector<double>>& scores, const std::vector<Pair>& pairs, double temperature) {
  const auto members = static_cast<long double>(scores.size());
  std::vector<QueryScore> result;
  for (const Pair& pair : pairs) {
    std::vector<long double> second, first;  // P(second preferred), P(first preferred), per member
    for (const std::vector<double>& of_member : scores) {
      const long double gap = static_cast<long double>(of_member[static_cast<std::size_t>(pair.second)]) - of_member[static_cast<std::size_t>(pair.first)];
      second.push_back(1 / (1 + std::exp(-gap / temperature)));
      first.push_back(1 / (1 + std::exp(gap / temperature)));
    }
    long double mean_second = 0, mean_first = 0, mean_entropy = 0, variance = 0;
    for (std::size_t e = 0; e < scores.size(); ++e) {
      mean_second += second[e] / members;
      mean_first += first[e] / members;
      mean_entropy += entropy(second[e], first[e]) / members;
    }
    for (long double p : second) variance += (p - mean_second) * (p - mean_second) / members;
    result.push_back({static_cast<double>(mean_second), static_cast<double>(variance), static_cast<double>(entropy(mean_second, mean_first)),
                      static_cast<double>(mean_entropy)});
  }
  return result;
}

}  // namespace segpref::reference
