// What the two kernels that turn gradients of scores into gradients of steps are given.
#pragma once

#include "kernels/common/batch.hpp"
#include "kernels/cuda/segment_reduce/discount.hpp"
#include "segpref/preference_options.hpp"

namespace segpref::cuda {

/// "Real" is f64 where the elements are f64, else f32.
template <typename Element, typename Real>
struct ExpandParams {
  std::int64_t num_members = 1, num_steps = 0, num_segments = 0;
  kernels::IndexArray offsets;          ///< [num_segments + 1]
  Aggregation aggregation = Aggregation::sum;
  bool is_discounted = false;
  DiscountPowers discount;
  const Real* grad_scores = nullptr;    ///< [num_members, num_graded]; segments from num_graded on have no gradient
  std::int64_t num_graded = 0;
  const Real* grad_scale = nullptr;     ///< [num_members], a factor of all; null: 1
  Element* grad_steps = nullptr;        ///< [num_members, num_steps], every element written
};

/// Windows may overlap: a step's gradient is the sum over all that hold it.
template <typename Element, typename Real>
struct ExpandWindowsParams {
  std::int64_t num_members = 1, num_steps = 0, num_segments = 0;
  const std::uint32_t* by_begin = nullptr;    ///< [num_segments] segments in the order of their begins, equal ones by index
  const std::int64_t* begins = nullptr;       ///< [num_segments] in that order
  const std::int64_t* ends = nullptr;         ///< [num_segments] in that order
  const std::int64_t* reach = nullptr;        ///< [num_segments] in that order: the largest end so far
  Aggregation aggregation = Aggregation::sum;
  bool is_discounted = false;
  DiscountPowers discount;
  const Real* grad_scores = nullptr;          ///< [num_members, num_graded]; segments from num_graded on have no gradient
  std::int64_t num_graded = 0;
  const Real* grad_scale = nullptr;           ///< [num_members], a factor of all; null: 1
  Element* grad_steps = nullptr;              ///< [num_members, num_steps], every element written
};

}  // namespace segpref::cuda
