// The parts of the weight gradients, added in order, to the gradients of the flat buffer.
//   reads   num_splits partial sums per parameter      writes  every gradient once; 0 where there are no rows
#pragma once

#include "kernels/cuda/reward_mlp/config.cuh"
#include "kernels/cuda/reward_mlp/params.hpp"

namespace segpref::cuda {

/// The member that an element of the flat buffer belongs to.
SEGPREF_DEVICE std::int64_t member_of_parameter(const MlpShape& shape, std::int64_t position) {
  int layer = shape.num_hidden;
  while (position < shape.weight[layer]) --layer;
  const std::int64_t in_layer = position - shape.weight[layer], num_weights = std::int64_t{shape.num_out(layer)} * shape.width[layer];
  const std::int64_t in_biases = in_layer - shape.num_members * num_weights;
  return in_biases < 0 ? in_layer / num_weights : in_biases / shape.num_out(layer);
}

/// Grid (parameters).
template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads) mlp_reduce_grad_kernel(const __grid_constant__ MlpWeightGradParams p) {
  const std::int64_t position = std::int64_t{blockIdx.x} * Tile::num_threads + threadIdx.x;
  if (position >= p.shape.num_parameters) return;
  float sum = 0.0f;
  SEGPREF_UNROLL_BY(4)
  for (int split = 0; split < p.num_splits; ++split) sum += p.partial[split * p.shape.num_parameters + position];
  if (p.grad_scale != nullptr) sum *= p.grad_scale[member_of_parameter(p.shape, position)];
  p.gradients[position] = sum;
}

}  // namespace segpref::cuda
