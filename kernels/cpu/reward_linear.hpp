// Linear reward head: sum_t w . x_t = w . (sum_t x_t), so the wide features are summed per segment once, for all members, and scores
// and the gradient of w come from the sums.
#pragma once

#include <cstdint>

#include "host/parallel/thread_pool.hpp"
#include "kernels/cpu/batch.hpp"
#include "kernels/cpu/segment_reduce.hpp"

namespace segpref::cpu {

template <typename Element>
struct FeatureRows {
  const Element* data = nullptr;   ///< [num_steps, feature_dim]
  std::int64_t row_stride = 0, feature_dim = 0;
};

template <typename Real>
struct LinearWeights {
  const Real* weight = nullptr;    ///< [num_members, feature_dim]
  const Real* bias = nullptr;      ///< [num_members]; null: 0
};

/// used[s] = 1 where any member's batch has a pair with segment s, or everywhere when `all`.
void mark_used_segments(const Batch& batch, bool all, std::uint8_t* used);

/// sums[s] = sum_t d(score)/d(reward t) * x_t [num_segments, feature_dim] and coefficient_sums[s] = sum_t d(score)/d(reward t), for
/// used segments; the others are left as they are.
/// Order: rows in groups of 8, groups into slabs of 128 steps, slabs one after the other.
template <typename Element, typename Real>
void sum_features(const Batch& batch, const AggregationParams<Real>& params, const FeatureRows<Element>& features, const std::uint8_t* used,
                  Real* sums, Real* coefficient_sums, ThreadPool& pool);

/// scores[member, s] = w . sums[s] + b * coefficient_sums[s]; 0 for unused segments.
template <typename Real>
void linear_scores(const Batch& batch, const LinearWeights<Real>& head, std::int64_t feature_dim, const std::uint8_t* used, const Real* sums,
                   const Real* coefficient_sums, Real* scores, ThreadPool& pool);

/// grad_weight[member] = sum over counted segments of grad_score * sums[s], in segment order; a null gradient is not computed.
template <typename Real>
void linear_grad_head(const Batch& batch, std::int64_t feature_dim, const Real* grad_scores, const std::uint8_t* counted, const Real* sums,
                      const Real* coefficient_sums, Real* grad_weight, Real* grad_bias, ThreadPool& pool);

/// grad_features[t] = sum over members of w * grad_step_rewards[member, t]; rows of zeros where nothing arrives.
template <typename Element, typename Real>
void linear_grad_features(std::int64_t num_members, std::int64_t num_steps, std::int64_t feature_dim, const Real* weight,
                          const Real* grad_step_rewards, Element* grad_features, ThreadPool& pool);

/// step_rewards[member, t] = w . x_t + b: a second reading of the features.
template <typename Element, typename Real>
void linear_step_rewards(std::int64_t num_members, std::int64_t num_steps, const FeatureRows<Element>& features,
                         const LinearWeights<Real>& head, Real* step_rewards, ThreadPool& pool);

}  // namespace segpref::cpu
