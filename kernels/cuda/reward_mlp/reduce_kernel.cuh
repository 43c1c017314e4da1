// The parts of the weight gradients, added in a fixed order, to the gradients of the flat buffer.
//   reads   num_splits partial sums per parameter      writes  every gradient once; 0 where there are no rows
#pragma once

#include <type_traits>

#include "kernels/cuda/primitives/shared_memory.cuh"
#include "kernels/cuda/reward_mlp/config.cuh"
#include "kernels/cuda/reward_mlp/parameter_place.cuh"
#include "kernels/cuda/reward_mlp/params.hpp"

namespace segpref::cuda {

/// What the slices of a block tell each other; nothing where there is one.
template <class Tile>
using SliceSums = std::conditional_t<(Tile::slices > 1), float[Tile::slices][Tile::columns], char>;

/// The parameter of a thread. Threads of other slices than the first have it too.
template <class Tile>
SEGPREF_DEVICE std::int64_t reduced_position() {
  return std::int64_t{blockIdx.x} * Tile::columns + static_cast<int>(threadIdx.x) % Tile::columns;
}
/// Whether a thread gets a whole gradient.
template <class Tile>
SEGPREF_DEVICE bool gets_gradient(const MlpShape& shape, std::int64_t position) {
  return static_cast<int>(threadIdx.x) < Tile::columns && position < shape.num_parameters;
}

/// The gradient of a thread's parameter, where it gets one. All threads of the block come: slice k adds parts k, k + slices, ..., and slice 0 adds the slices.
template <class Tile>
SEGPREF_DEVICE float reduced_gradient(const MlpWeightGradParams& p, std::int64_t position, SliceSums<Tile>& sums) {
  const int slice = static_cast<int>(threadIdx.x) / Tile::columns, column = static_cast<int>(threadIdx.x) % Tile::columns;
  float sum = 0.0f;
  if (position < p.shape.num_parameters) {
    SEGPREF_UNROLL_BY(4)
    for (int split = slice; split < p.num_splits; split += Tile::slices) sum += p.partial[split * p.shape.num_parameters + position];
  }
  if constexpr (Tile::slices > 1) {
    sums[slice][column] = sum;
    __syncthreads();
    if (slice != 0) return sum;
    SEGPREF_UNROLL
    for (int other = 1; other < Tile::slices; ++other) sum += sums[other][column];
  }
  if (p.grad_scale == nullptr || position >= p.shape.num_parameters) return sum;
  return sum * p.grad_scale[ParameterPlace::of(p.shape, position).member];
}

/// Grid (parameters, in blocks of Tile::columns).
template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads) mlp_reduce_grad_kernel(const __grid_constant__ MlpWeightGradParams p) {
  SEGPREF_SHARED(SliceSums<Tile>, sums);
  const std::int64_t position = reduced_position<Tile>();
  const float gradient = reduced_gradient<Tile>(p, position, sums);
  if (gets_gradient<Tile>(p.shape, position)) p.gradients[position] = gradient;
}

}  // namespace segpref::cuda
