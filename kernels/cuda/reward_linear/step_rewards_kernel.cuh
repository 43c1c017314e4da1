// Rewards of steps: the parts that feature_sums_kernel left, one per warp over a row, and the bias.
//   reads   a part per warp over a row, coalesced along the steps: 4096 bf16 columns are 16 parts of 4 bytes, beside 8 KiB of features
//   order   parts in the order of columns, in float64; how a row is cut into parts depends on the alignment of the features, and with it the last bit
// Nothing was measured on a GPU.
#pragma once

#include "kernels/cuda/reward_linear/config.cuh"
#include "kernels/cuda/reward_linear/params.hpp"

namespace segpref::cuda {

/// Grid (steps, members).
template <class Tile, typename Real>
__global__ void __launch_bounds__(Tile::num_threads) step_rewards_kernel(const __grid_constant__ StepRewardsParams<Real> p) {
  const std::int64_t step = std::int64_t{blockIdx.x} * Tile::num_threads + threadIdx.x, member = blockIdx.y;
  if (step >= p.num_steps) return;
  double reward = 0;
  SEGPREF_UNROLL_BY(4)
  for (std::int64_t part = 0; part < p.num_parts; ++part) reward += static_cast<double>(p.reward_parts[(part * p.weights.num_members + member) * p.num_steps + step]);
  p.step_rewards[member * p.num_steps + step] = static_cast<Real>(reward + static_cast<double>(p.weights.bias_of(member)));
}

}  // namespace segpref::cuda
