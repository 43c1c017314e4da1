// Batches of given rewards so small that one launch does it all (kernels/cuda/preference_loss/small_batch_kernel.cuh).
#pragma once

#include "host/cuda_backend/with_cuda/pair_work.hpp"
#include "host/device/with_cuda/check.hpp"
#include "kernels/cuda/preference_loss/small_batch_launch.hpp"

namespace segpref::cuda_backend {

/// Whether a plan's batches are. The plan decides, not the batch: bits do not depend on how full a plan is.
inline bool is_small(const PreferenceCapacity& capacity) {
  using Limits = cuda::SmallBatchLimits;
  const std::int64_t longest = capacity.max_segment_steps > 0 ? capacity.max_segment_steps : capacity.num_steps;
  return num_batch_pairs(capacity) <= Limits::pairs && capacity.num_segments <= Limits::segments && capacity.num_steps <= Limits::steps && longest <= Limits::segment_steps;
}

/// What a block per member cannot do: overlapping windows, and a gradient that is summed over members.
template <typename Real>
bool fits_small_batch(const PairWork<Real>& pairs) {
  const bool sums_over_members = pairs.result.grad_tie_parameter.present() && pairs.options.tie_parameter.size() == 1 && pairs.batch.num_members > 1;
  return !pairs.batch.windows() && !sums_over_members;
}

template <typename Real>
void run_small_batch(const ConstTensorView& step_rewards, const PairWork<Real>& pairs, const TensorView& grad_step_rewards) {
  cuda::SmallBatchParams<Real> p;
  p.pairs = pairs.pair_params();
  p.sums = pairs.sums_params();
  p.step_rewards = step_rewards.data;
  p.dtype = step_rewards.dtype;
  p.scores = static_cast<Real*>(pairs.result.scores.data);
  p.grad_steps = grad_step_rewards.data;
  p.aggregation = pairs.options.aggregation;
  p.is_discounted = pairs.options.discount != 1.0;
  p.discount = cuda::DiscountPowers::of(pairs.options.discount);
  device::check(cuda::launch_small_batch(p, pairs.stream), "launch_small_batch");
}

}  // namespace segpref::cuda_backend
