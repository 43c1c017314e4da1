// The parts of the weight gradients, added in a fixed order, to the gradients of the flat buffer.
//   reads   num_splits partial sums per parameter      writes  every gradient once; 0 where there are no rows
#pragma once

#include "kernels/cuda/primitives/shared_memory.cuh"
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

/// Grid (parameters, in blocks of Tile::columns). Where there are many parts, threads share those of a parameter: slice k adds parts k, k + slices, ...
template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads) mlp_reduce_grad_kernel(const __grid_constant__ MlpWeightGradParams p) {
  const int slice = static_cast<int>(threadIdx.x) / Tile::columns, column = static_cast<int>(threadIdx.x) % Tile::columns;
  const std::int64_t position = std::int64_t{blockIdx.x} * Tile::columns + column;
  const bool is_parameter = position < p.shape.num_parameters;
  float sum = 0.0f;
  if (is_parameter) {
    SEGPREF_UNROLL_BY(4)
    for (int split = slice; split < p.num_splits; split += Tile::slices) sum += p.partial[split * p.shape.num_parameters + position];
  }
  if constexpr (Tile::slices > 1) {
    using Sums = float[Tile::slices][Tile::columns];
    SEGPREF_SHARED(Sums, sums);
    sums[slice][column] = sum;
    __syncthreads();
    if (slice != 0) return;
    SEGPREF_UNROLL
    for (int other = 1; other < Tile::slices; ++other) sum += sums[other][column];
  }
  if (!is_parameter) return;
  if (p.grad_scale != nullptr) sum *= p.grad_scale[member_of_parameter(p.shape, position)];
  p.gradients[position] = sum;
}

}  // namespace segpref::cuda
