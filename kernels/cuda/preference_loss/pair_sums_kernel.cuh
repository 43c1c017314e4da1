// The end of the pair stage, one block: adds up the blocks' sums, and says what they mean: reduced loss, metrics, gradient of the tie
// parameter, and what gradients are multiplied with.
//   order   a lane adds every 32nd block's sums, then warp_sum; a shared tie parameter's members are added in their order
#pragma once

#include "kernels/cuda/preference_loss/config.cuh"
#include "kernels/cuda/primitives/shared_memory.cuh"
#include "kernels/cuda/primitives/warp.cuh"

namespace segpref::cuda {

template <typename Real>
SEGPREF_DEVICE double gradient_scale(const PairSumsParams<Real>& p, double weight_sum) {
  if (!p.is_mean) return 1.0;
  const double divisor = p.normalizer != 0.0 ? p.normalizer : weight_sum;
  return divisor == 0.0 ? 0.0 : 1.0 / divisor;
}

/// One member's loss, metrics and scale from the sums over its pairs, by one thread. Returns the scale.
template <typename Real>
SEGPREF_DEVICE double store_totals(const PairSumsParams<Real>& p, std::int64_t member, const double (&sums)[num_pair_sums]) {
  const double scale = gradient_scale(p, sums[metric_weight_sum]);
  const double total = sums[metric_loss_sum] + sums[metric_centering_sum];
  if (p.reduced_loss != nullptr) p.reduced_loss[member] = static_cast<Real>(scale == 0.0 ? 0.0 : total * scale);
  if (p.metrics != nullptr) {
    SEGPREF_UNROLL
    for (int metric = 0; metric < num_metrics; ++metric) p.metrics[member * num_metrics + metric] = sums[metric];
  }
  if (p.grad_scale != nullptr) p.grad_scale[member] = static_cast<Real>(scale);
  return scale;
}

template <typename Real>
__global__ void __launch_bounds__(PairSumsTile::num_threads) pair_sums_kernel(const __grid_constant__ PairSumsParams<Real> p) {
  SEGPREF_SHARED(Real[PairSumsTile::max_members], grad_tie);
  const int lane = lane_of_thread();
  for (std::int64_t member = warp_of_thread(); member < p.num_members; member += PairSumsTile::num_warps) {
    // Reduce
    double sums[num_pair_sums] = {};
    for (std::int64_t block = lane; block < p.num_blocks; block += threads_per_warp) {
      const double* row = p.block_sums + (member * p.num_blocks + block) * num_pair_sums;
      SEGPREF_UNROLL
      for (int i = 0; i < num_pair_sums; ++i) sums[i] += row[i];
    }
    SEGPREF_UNROLL
    for (int i = 0; i < num_pair_sums; ++i) sums[i] = warp_sum(sums[i]);
    if (lane != 0) continue;

    // Finish and store
    const double scale = store_totals(p, member, sums);
    grad_tie[member] = static_cast<Real>(sums[num_metrics] * scale);
  }
  __syncthreads();
  if (p.grad_tie_parameter == nullptr || threadIdx.x != 0) return;
  Real sum = 0;
  for (std::int64_t member = 0; member < p.num_members; ++member) {
    sum += grad_tie[member];
    if (!p.shared_tie_parameter) p.grad_tie_parameter[member] = grad_tie[member];
  }
  if (p.shared_tie_parameter) p.grad_tie_parameter[0] = sum;
}

}  // namespace segpref::cuda
