// Rewards of an ensemble to its prediction: members normalised, their mean, and their standard deviation.
//   reads   every reward twice, the second time from the caches      writes  what is asked for, once
//   order   members in order
#pragma once

#include "kernels/cuda/reward_mlp/config.cuh"
#include "kernels/cuda/reward_mlp/params.hpp"

namespace segpref::cuda {

/// Grid (rows).
template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads) mlp_prediction_kernel(const __grid_constant__ MlpPredictionParams p) {
  const std::int64_t row = std::int64_t{blockIdx.x} * Tile::num_threads + threadIdx.x;
  if (row >= p.num_rows) return;
  const auto reward_of = [&](int member) {
    const float reward = p.rewards[member * p.row_capacity + row];
    return p.shift == nullptr ? reward : (reward - p.shift[member]) * p.scale[member];
  };
  float sum = 0.0f;
  SEGPREF_UNROLL_BY(4)
  for (int member = 0; member < p.num_members; ++member) {
    const float reward = reward_of(member);
    if (p.members != nullptr) p.members[member * p.member_stride + row] = reward;
    sum += reward;
  }
  const auto count = static_cast<float>(p.num_members);
  const float mean = divide(sum, count);
  if (p.mean != nullptr) p.mean[row] = mean;
  if (p.std == nullptr) return;
  float squares = 0.0f;
  SEGPREF_UNROLL_BY(4)
  for (int member = 0; member < p.num_members; ++member) {
    const float difference = reward_of(member) - mean;
    squares += difference * difference;
  }
  p.std[row] = square_root(divide(squares, count));
}

}  // namespace segpref::cuda
