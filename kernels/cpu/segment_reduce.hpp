// Segments and their steps: step rewards to scores, and gradients of scores back to steps.
#pragma once

#include "host/parallel/thread_pool.hpp"
#include "kernels/cpu/batch.hpp"
#include "segpref/preference_options.hpp"

namespace segpref::cpu {

/// Outputs larger than this are written past the caches: nothing reads them again soon.
inline constexpr std::int64_t stream_from_bytes = std::int64_t{4} << 20;

/// How the steps of a segment become its score.
template <typename Real>
struct AggregationParams {
  Aggregation aggregation = Aggregation::sum;
  const Real* discount_powers = nullptr;  ///< [longest segment], discount^t; null: discount 1
};

/// Steps of the longest segment.
std::int64_t longest_segment(const Batch& batch);

/// Fills powers[t] = discount^t for t in [0, count).
template <typename Real>
void discount_powers(double discount, std::int64_t count, Real* powers);

/// d(score)/d(step reward) of step t of a segment with `length` steps.
template <typename Real>
Real step_coefficient(const AggregationParams<Real>& params, std::int64_t step_in_segment, std::int64_t length) {
  if (params.aggregation == Aggregation::last) return step_in_segment == length - 1 ? Real(1) : Real(0);
  const Real power = params.discount_powers == nullptr ? Real(1) : params.discount_powers[step_in_segment];
  return params.aggregation == Aggregation::mean ? power / static_cast<Real>(length) : power;
}

/// The steps of a segment that its score depends on.
inline StepRange read_steps(const Batch& batch, std::int64_t segment, Aggregation aggregation) {
  const std::int64_t begin = batch.segment_begin(segment), end = batch.segment_end(segment);
  return {aggregation == Aggregation::last && end > begin ? end - 1 : begin, end};
}

/// scores[member, segment] of all segments.
template <typename Element, typename Real>
void segment_scores(const Batch& batch, const AggregationParams<Real>& params, const Element* step_rewards, Real* scores, ThreadPool& pool);

/// Segments by begin, for finding those that reach into a range of steps. With offsets the segments are in order already.
struct SegmentOrder {
  const std::int64_t* by_begin = nullptr;     ///< [num_segments] segment indices; null: identity
  const std::int64_t* reach = nullptr;        ///< [num_segments] largest end of this and all earlier ones
};

/// Sorts windows into the two arrays of num_segments elements; nothing to do for offsets.
SegmentOrder order_segments(const Batch& batch, std::int64_t* by_begin, std::int64_t* reach);

/// grad_steps[member, step] = sum over segments that hold the step of grad_scores * d(score)/d(step), added in the order of
/// segment begins; 0 where there is none. A segment with `counted` 0 leaves no trace. Every element is written.
template <typename Element, typename Real>
void expand_gradient(const Batch& batch, const AggregationParams<Real>& params, const SegmentOrder& order, const Real* grad_scores,
                     const std::uint8_t* counted, Element* grad_steps, ThreadPool& pool);

}  // namespace segpref::cpu
