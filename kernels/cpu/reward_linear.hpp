// Linear reward head: sum_t w . x_t = w . (sum_t x_t), so the wide features are summed per segment once, for all members, and scores
// and the gradient of w come from the sums.
#pragma once

#include <algorithm>
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
  const Real* bias = nullptr;      ///< [num_members] or [1]; null: 0
  std::int64_t bias_stride = 0;    ///< 0: one bias for all members

  Real bias_of(std::int64_t member) const { return bias == nullptr ? Real(0) : bias[member * bias_stride]; }
};

/// used[s] = 1 where any member's batch has a pair with segment s, or everywhere when `all`.
void mark_used_segments(const Batch& batch, bool all, std::uint8_t* used);

/// Longer segments are read in pieces of so many rows, which threads share.
inline constexpr std::int64_t rows_per_piece = 256;

/// Pieces beyond the first of their segment that are summed at the same time, each into a row of its own.
constexpr std::int64_t num_partial_sums(std::int64_t num_steps) { return std::min<std::int64_t>(256, num_steps / rows_per_piece); }

template <typename Real>
struct FeatureSums {
  Real* sums = nullptr;                ///< [num_segments, feature_dim]: sum_t d(score)/d(reward t) * x_t
  Real* coefficient_sums = nullptr;    ///< [num_segments]: sum_t d(score)/d(reward t)
  // Scratch
  Real* partial_sums = nullptr;        ///< [num_partial_sums(num_steps), feature_dim]
  std::int64_t* piece_begins = nullptr;  ///< [num_segments + 1]
};

/// Sums of the used segments; the others are left as they are. With `step_rewards` [num_members, num_steps] also w . x_t + b of every step, from
/// the same reading unless windows may overlap or only last steps count.
/// Order: rows in groups of 8, groups into pieces of 256 rows, pieces one after the other.
template <typename Element, typename Real>
void sum_features(const Batch& batch, const AggregationParams<Real>& params, const FeatureRows<Element>& features, const LinearWeights<Real>& head,
                  const std::uint8_t* used, const FeatureSums<Real>& out, Real* step_rewards, ThreadPool& pool);

/// scores[member, s] = w . sums[s] + b * coefficient_sums[s]; 0 for unused segments.
template <typename Real>
void linear_scores(const Batch& batch, const LinearWeights<Real>& head, std::int64_t feature_dim, const std::uint8_t* used,
                   const FeatureSums<Real>& sums, Real* scores, ThreadPool& pool);

/// The score of one segment whose sums are known; an empty one scores 0 whatever the weights hold.
template <typename Real>
Real linear_score(const Batch& batch, const LinearWeights<Real>& head, std::int64_t feature_dim, const FeatureSums<Real>& sums, std::int64_t member,
                  std::int64_t segment);

/// grad_weight[member] = sum over counted segments of grad_score * sums[s], in segment order; a null gradient is not computed.
/// grad_bias has head.bias_stride: one that is shared is summed over members.
template <typename Real>
void linear_grad_head(const Batch& batch, const LinearWeights<Real>& head, std::int64_t feature_dim, const Real* grad_scores,
                      const std::uint8_t* counted, const FeatureSums<Real>& sums, Real* grad_weight, Real* grad_bias, ThreadPool& pool);

/// grad_features[t] = sum over members of w * grad_step_rewards[member, t]; rows of zeros where nothing arrives.
template <typename Element, typename Real>
void linear_grad_features(std::int64_t num_members, std::int64_t num_steps, std::int64_t feature_dim, const Real* weight,
                          const Real* grad_step_rewards, Element* grad_features, ThreadPool& pool);

/// One row of linear_grad_features, from the gradients of its step's reward [num_members].
template <typename Element, typename Real>
void linear_grad_row(std::int64_t num_members, std::int64_t feature_dim, const Real* weight, const Real* grad, Element* grad_row);

}  // namespace segpref::cpu
