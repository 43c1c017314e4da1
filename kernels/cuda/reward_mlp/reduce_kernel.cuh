// The parts of the weight gradients, added in order, to the gradients of the flat buffer.
//   reads   num_splits partial sums per parameter      writes  every gradient once; 0 where there are no rows
#pragma once

#include "kernels/cuda/reward_mlp/config.cuh"
#include "kernels/cuda/reward_mlp/parameter_place.cuh"
#include "kernels/cuda/reward_mlp/params.hpp"

namespace segpref::cuda {

/// The gradient of one parameter.
SEGPREF_DEVICE float reduced_gradient(const MlpWeightGradParams& p, std::int64_t position) {
  float sum = 0.0f;
  SEGPREF_UNROLL_BY(4)
  for (int split = 0; split < p.num_splits; ++split) sum += p.partial[split * p.shape.num_parameters + position];
  return p.grad_scale == nullptr ? sum : sum * p.grad_scale[ParameterPlace::of(p.shape, position).member];
}

/// Grid (parameters).
template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads) mlp_reduce_grad_kernel(const __grid_constant__ MlpWeightGradParams p) {
  const std::int64_t position = std::int64_t{blockIdx.x} * Tile::num_threads + threadIdx.x;
  if (position < p.shape.num_parameters) p.gradients[position] = reduced_gradient(p, position);
}

}  // namespace segpref::cuda
