// What query_scores_kernel is given.
#pragma once

#include "kernels/common/batch.hpp"

namespace segpref::cuda {

template <typename Real>
struct QueryScoresParams {
  std::int64_t num_members = 1, num_segments = 0, num_pairs = 0;
  double temperature = 1.0;
  kernels::IndexArray pairs;         ///< [num_pairs, 2]
  const Real* scores = nullptr;      ///< [num_members, num_segments]
  // [num_pairs] each; null: not wanted
  Real* mean_probability = nullptr;
  Real* disagreement = nullptr;
  Real* entropy_of_mean = nullptr;
  Real* mean_entropy = nullptr;
};

}  // namespace segpref::cuda
