// Linear head with the gradient of the features in one sweep: a pair is scored when its last row has been read, and rows of its gradient are written
// while rows of later pairs are read, so that memory reads and writes at the same time.
#pragma once

#include <optional>

#include "kernels/cpu/batch_loss.hpp"
#include "kernels/cpu/reward_linear.hpp"

namespace segpref::cpu {

/// What linear_sweep multiplies gradients with, or nothing where one sweep cannot do it or is not worth it. Beside scale_beforehand:
/// - rows of the gradient must be whole lines long, and of some size;
/// - the gradient must be too large for the caches, and of several pairs;
/// - the partial sums must have room for a pair's pieces.
/// Either way gives the same bits.
template <typename Element, typename Real>
std::optional<Real> linear_sweep_scale(const BatchLossArgs<Real>& args, const AggregationParams<Real>& params, std::int64_t feature_dim);

/// What sum_features, linear_scores and, after the loss, linear_grad_features write. args gives the batch and its loss.
/// @param grad_features  [num_steps, feature_dim]
/// @param pieces_left    scratch [num_pairs]
template <typename Element, typename Real>
void linear_sweep(const BatchLossArgs<Real>& args, const AggregationParams<Real>& params, Real scale, const FeatureRows<Element>& features,
                  const LinearWeights<Real>& head, const std::uint8_t* used, const FeatureSums<Real>& out, Real* step_rewards, Real* scores,
                  Element* grad_features, std::int64_t* pieces_left, ThreadPool& pool);

}  // namespace segpref::cpu
