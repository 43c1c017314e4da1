// What the kernels of the linear head are given: plain structs, a shape on every pointer. "Real" is f64 where features are f64, else f32.
//
// One call, in order: mark_used_segments (where pairs are listed) | feature_sums or window_sums | segment_sums, linear_scores (and step_rewards)
// | the pair stage of preference_loss | grad_head_slices, grad_head | expand of segment_reduce, grad_features.
#pragma once

#include "kernels/cuda/reward_linear/segments.hpp"

namespace segpref::cuda {

template <typename Real>
struct LinearWeights {
  std::int64_t num_members = 1, feature_dim = 0;
  const Real* weight = nullptr;      ///< [num_members, feature_dim]
  const Real* bias = nullptr;        ///< [num_members] or [1]; null: 0
  std::int64_t bias_stride = 0;      ///< 0: one bias for all members

  SEGPREF_HOST_DEVICE Real bias_of(std::int64_t member) const { return bias == nullptr ? Real(0) : bias[member * bias_stride]; }
};

/// Elements between the sums of two segments: the coefficient sum stands behind the features' sums, and rows begin at 16 bytes.
SEGPREF_HOST_DEVICE constexpr std::int64_t stride_of_sums(std::int64_t feature_dim) { return (feature_dim + 4) / 4 * 4; }

/// Whether every row begins at a multiple of 16 bytes: then the aligned FeatureTile may be taken, the other always.
SEGPREF_HOST_DEVICE inline bool rows_are_aligned(const void* first, std::int64_t row_bytes) {
  return reinterpret_cast<std::uintptr_t>(first) % 16 == 0 && row_bytes % 16 == 0;
}

/// mark_used_segments_kernel. `used` was set to zeros before.
struct UsedSegmentsParams {
  kernels::Batch batch;
  std::int64_t num_lists = 1;        ///< num_members where every member has its own order, else 1
  std::uint32_t* used = nullptr;     ///< [num_segments], 1 where a pair of the batch has the segment

  SEGPREF_HOST_DEVICE std::int64_t num_entries() const { return num_lists * 2 * batch.num_batch_pairs; }
};

/// feature_sums_kernel and window_sums_kernel: the one reading of the features.
template <typename Element, typename Real>
struct FeatureSumsParams {
  FeatureSegments segments;
  LinearWeights<Real> weights;       ///< the weights themselves are read for step rewards alone
  const Element* features = nullptr; ///< [num_steps, feature_dim]
  std::int64_t row_stride = 0;
  Real* sums = nullptr;              ///< [num_segments, stride_of_sums], 16-byte aligned: of used segments, their first pieces
  Real* partial_sums = nullptr;      ///< [num_partial_sums(), stride_of_sums], 16-byte aligned: further pieces
  Real* reward_parts = nullptr;      ///< [warps over a row, num_members, num_steps]: dot products of the columns of one warp
};

/// segment_sums_kernel and linear_scores_kernel.
template <typename Real>
struct LinearScoresParams {
  FeatureSegments segments;
  LinearWeights<Real> weights;
  const Real* partial_sums = nullptr;  ///< [num_partial_sums(), stride_of_sums]
  Real* sums = nullptr;                ///< [num_segments, stride_of_sums]: first pieces in; sums, divided for a mean, and coefficient sums out
  Real* score_parts = nullptr;         ///< [blocks over a row, num_members, num_segments]
  Real* scores = nullptr;              ///< [num_members, num_segments]; 0 for empty and unused segments
};

/// step_rewards_kernel.
template <typename Real>
struct StepRewardsParams {
  std::int64_t num_steps = 0, num_parts = 0;
  LinearWeights<Real> weights;
  const Real* reward_parts = nullptr;  ///< [num_parts, num_members, num_steps]
  Real* step_rewards = nullptr;        ///< [num_members, num_steps]
};

/// grad_head_slices_kernel and grad_head_kernel. The bias is the weight of one more feature, whose sums are the coefficient sums.
template <typename Real>
struct GradHeadParams {
  FeatureSegments segments;
  std::int64_t num_members = 1, feature_dim = 0;
  const Real* sums = nullptr;          ///< [num_segments, stride_of_sums]
  const Real* grad_scores = nullptr;   ///< [num_members, num_graded]; segments from num_graded on have no gradient
  std::int64_t num_graded = 0;
  const Real* grad_scale = nullptr;    ///< [num_members], a factor of all; null: 1
  Real* slice_sums = nullptr;          ///< [num_slices, num_members, feature_dim + 1]
  Real* grad_weight = nullptr;         ///< [num_members, feature_dim]; null: not wanted
  Real* grad_bias = nullptr;           ///< [num_members] or [1], then the sum over members; null: not wanted
  std::int64_t bias_stride = 0;        ///< 0: one bias for all members
};

/// grad_features_kernel.
template <typename Element, typename Real>
struct GradFeaturesParams {
  std::int64_t num_members = 1, num_steps = 0, feature_dim = 0;
  const Real* weight = nullptr;              ///< [num_members, feature_dim]
  const Real* grad_step_rewards = nullptr;   ///< [num_members, num_steps], scaled: what expand_gradient_kernel or expand_windows_kernel wrote
  Element* grad_features = nullptr;          ///< [num_steps, feature_dim], every element written
};

}  // namespace segpref::cuda
