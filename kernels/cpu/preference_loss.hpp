// Loss and gradient of given step rewards in one sweep: the pairs of a slab are scored, judged and their gradient written while the slab is at
// hand, so that reading, arithmetic and writing overlap.
#pragma once

#include <algorithm>

#include "kernels/cpu/batch_loss.hpp"
#include "kernels/cpu/segment_reduce.hpp"

namespace segpref::cpu {

/// Pairs of one task: as many as hold about 65536 steps, at most a slab of batch_loss.
constexpr std::int64_t pairs_per_sweep(std::int64_t num_steps, std::int64_t num_pairs) {
  const std::int64_t steps_per_pair = num_steps / std::max<std::int64_t>(1, num_pairs) + 1;
  return std::clamp<std::int64_t>(65536 / steps_per_pair, 1, pairs_per_slab);
}
constexpr std::int64_t num_sweep_slabs(std::int64_t num_steps, std::int64_t num_pairs) {
  const std::int64_t size = pairs_per_sweep(num_steps, num_pairs);
  return (num_pairs + size - 1) / size;
}
/// At least num_sweep_slabs of any batch within these capacities, and num_pair_slabs.
constexpr std::int64_t most_sweep_slabs(std::int64_t num_steps, std::int64_t num_pairs) {
  return std::min(num_pairs, num_pair_slabs(num_pairs) + 2 * (num_steps + num_pairs) / 65536 + 1);
}

/// What gradients are multiplied with where a pair's gradient is known as soon as its scores are, else nothing:
/// - segments must follow each other, each in one pair at its own place, with one coefficient for all its steps;
/// - the divisor of the mean must be known before all losses are.
template <typename Real>
std::optional<Real> scale_beforehand(const BatchLossArgs<Real>& args, const AggregationParams<Real>& aggregation);

/// What one_sweep_loss multiplies gradients with, or nothing where one sweep cannot do it: beside scale_beforehand, there must be slabs enough to share
/// among threads.
template <typename Real>
std::optional<Real> one_sweep_scale(const BatchLossArgs<Real>& args, const AggregationParams<Real>& aggregation);

/// Everything batch_loss writes but grad_scores, args.scores into `scores`, and the gradient of every step.
/// args.slab_sums holds num_sweep_slabs per member.
/// @param step_rewards, grad_steps  [num_members, num_steps]
template <typename Element, typename Real>
void one_sweep_loss(const BatchLossArgs<Real>& args, const AggregationParams<Real>& aggregation, Real scale, const Element* step_rewards, Real* scores,
                    Element* grad_steps, ThreadPool& pool);

}  // namespace segpref::cpu
