// What expand_gradient_kernel is given.
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

}  // namespace segpref::cuda
