// Loss and gradient of given step rewards in one sweep: the pairs of a slab are scored, judged and their gradient written while the slab is at
// hand, so that reading, arithmetic and writing overlap.
#pragma once

#include "kernels/cpu/batch_loss.hpp"
#include "kernels/cpu/segment_reduce.hpp"

namespace segpref::cpu {

/// What one_sweep_loss multiplies gradients with, or nothing where one sweep cannot do it:
/// - segments must follow each other, each in one pair at its own place, with one coefficient for all its steps;
/// - the divisor of the mean must be known before the sweep;
/// - there must be slabs enough to share among threads.
template <typename Real>
std::optional<Real> one_sweep_scale(const BatchLossArgs<Real>& args, const AggregationParams<Real>& aggregation);

/// Everything batch_loss writes but grad_scores, args.scores into `scores`, and the gradient of every step.
/// @param step_rewards, grad_steps  [num_members, num_steps]
template <typename Element, typename Real>
void one_sweep_loss(const BatchLossArgs<Real>& args, const AggregationParams<Real>& aggregation, Real scale, const Element* step_rewards, Real* scores,
                    Element* grad_steps, ThreadPool& pool);

}  // namespace segpref::cpu
