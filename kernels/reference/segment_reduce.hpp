// The oracle of segment scores: what a step of a segment counts, and the sum.
#pragma once

#include <cstdint>
#include <vector>

namespace segpref::reference {

enum class Aggregate { sum, mean, last };

struct Segment {
  std::int64_t begin = 0, end = 0;
};

/// d(score)/d(reward) of the step at `step_in_segment`: discount^t, divided by the length (mean), or 1 for the last step alone (last).
long double step_coefficient(Aggregate aggregation, double discount, std::int64_t step_in_segment, std::int64_t length);

/// Sum of coefficient times reward; an empty segment scores 0. Steps that count nothing are not read.
double segment_score(Aggregate aggregation, double discount, const Segment& segment, const std::vector<double>& step_rewards);

/// Adds coefficient * grad_score to the gradient of every step of the segment that counts.
void add_score_gradient(Aggregate aggregation, double discount, const Segment& segment, double grad_score, std::vector<double>& grad_step_rewards);

}  // namespace segpref::reference
