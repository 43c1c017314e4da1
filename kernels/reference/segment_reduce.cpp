#include "kernels/reference/segment_reduce.hpp"

#include <cmath>

namespace segpref::reference {

long double step_coefficient(Aggregate aggregation, double discount, std::int64_t step_in_segment, std::int64_t length) {
  if (aggregation == Aggregate::last) return step_in_segment == length - 1 ? 1 : 0;
  const long double power = std::pow(static_cast<long double>(discount), static_cast<long double>(step_in_segment));
  return aggregation == Aggregate::mean ? power / static_cast<long double>(length) : power;
}

double segment_score(Aggregate aggregation, double discount, const Segment& segment, const std::vector<double>& step_rewards) {
  const std::int64_t length = segment.end - segment.begin;
  long double sum = 0;
  for (std::int64_t t = aggregation == Aggregate::last && length > 0 ? length - 1 : 0; t < length; ++t)
    sum += step_coefficient(aggregation, discount, t, length) * step_rewards[static_cast<std::size_t>(segment.begin + t)];
  return static_cast<double>(sum);
}

void add_score_gradient(Aggregate aggregation, double discount, const Segment& segment, double grad_score, std::vector<double>& grad_step_rewards) {
  const std::int64_t length = segment.end - segment.begin;
  for (std::int64_t t = aggregation == Aggregate::last && length > 0 ? length - 1 : 0; t < length; ++t)
    grad_step_rewards[static_cast<std::size_t>(segment.begin + t)] +=
        static_cast<double>(step_coefficient(aggregation, discount, t, length) * grad_score);
}

}  // namespace segpref::reference
