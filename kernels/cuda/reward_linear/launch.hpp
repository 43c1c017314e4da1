// What the host sees of the linear head. Every launcher enqueues on the stream, does not wait, and returns the runtime's code; where there is
// nothing to do, nothing is enqueued. Which kernels a call needs, and in which order: params.hpp.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/cuda/reward_linear/params.hpp"

namespace segpref::cuda {

// ---- What a plan asks: the most that a batch within given numbers takes, however its rows are aligned

/// Blocks of the largest grid; max_grid_blocks can be launched.
template <typename Element>
std::int64_t most_linear_blocks(std::int64_t num_steps, std::int64_t num_segments, std::int64_t feature_dim);
inline constexpr std::int64_t max_grid_blocks = (std::int64_t{1} << 31) - 1;

/// Parts of a step's reward: rows of FeatureSumsParams::reward_parts.
template <typename Element>
std::int64_t most_reward_parts(std::int64_t feature_dim);

/// Parts of a score: rows of LinearScoresParams::score_parts.
std::int64_t num_score_parts(std::int64_t feature_dim);

/// Slices of GradHeadParams::slice_sums.
std::int64_t most_grad_slices(std::int64_t num_segments);

/// Columns that a block reads of aligned rows, for descriptions.
template <typename Element>
std::int64_t columns_per_block();

// ---- What a run enqueues

/// Zeros, then ones.
cudaError_t launch_mark_used_segments(const UsedSegmentsParams& params, cudaStream_t stream);

/// The one reading of the features: num_steps * feature_dim elements, 16 bytes at a time where rows are aligned. With reward_parts rows of all steps
/// are read, and leave num_reward_parts(params) dot products each; windows and Aggregation::last take one more reading for them.
template <typename Element, typename Real>
cudaError_t launch_feature_sums(const FeatureSumsParams<Element, Real>& params, cudaStream_t stream);
template <typename Element, typename Real>
std::int64_t num_reward_parts(const FeatureSumsParams<Element, Real>& params);

template <typename Real>
cudaError_t launch_linear_scores(const LinearScoresParams<Real>& params, cudaStream_t stream);

template <typename Real>
cudaError_t launch_step_rewards(const StepRewardsParams<Real>& params, cudaStream_t stream);

/// Runs without segments too: gradients are zeros then.
template <typename Real>
cudaError_t launch_grad_head(const GradHeadParams<Real>& params, cudaStream_t stream);

/// num_steps * feature_dim elements are written, each once.
template <typename Element, typename Real>
cudaError_t launch_grad_features(const GradFeaturesParams<Element, Real>& params, cudaStream_t stream);

}  // namespace segpref::cuda
