// The launchers of one precision: which tile, what grid.
#pragma once

#include <algorithm>

#include "kernels/cuda/primitives/grid_size.hpp"
#include "kernels/cuda/primitives/launch.hpp"
#include "kernels/cuda/reward_mlp/backward_kernel.cuh"
#include "kernels/cuda/reward_mlp/forward_kernel.cuh"
#include "kernels/cuda/reward_mlp/grad_features_kernel.cuh"
#include "kernels/cuda/reward_mlp/launchers.hpp"
#include "kernels/cuda/reward_mlp/pack_kernel.cuh"
#include "kernels/cuda/reward_mlp/weight_grad_kernel.cuh"

namespace segpref::cuda {

/// Calls f(tile) with the chain tile that the widest hidden layer takes.
template <class Operands, class F>
auto with_chain_tile(const MlpShape& shape, F f) {
  const int widest = shape.widest_hidden();
  if (widest <= 64) return f(ChainTileFor<Operands, 64>());
  if (widest <= 128) return f(ChainTileFor<Operands, 128>());
  if (widest <= 256) return f(ChainTileFor<Operands, 256>());
  if (widest <= 512) return f(ChainTileFor<Operands, 512>());
  return f(ChainTileFor<Operands, 1024>());
}

/// Calls f(tile) with the tile of the weight gradients.
template <class Operands, class F>
auto with_weight_grad_tile(const MlpShape& shape, F f) {
  return shape.widest_hidden() <= 64 ? f(SmallWeightGradTile<Operands>()) : f(LargeWeightGradTile<Operands>());
}

/// Allows the kernel the shared memory that its tile takes, and enqueues it.
template <class Tile, class Params>
cudaError_t launch_tile(void (*kernel)(Params), dim3 grid, cudaStream_t stream, const Params& params) {
  constexpr std::size_t shared_bytes = sizeof(typename Tile::SharedStorage);
  const cudaError_t code = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_bytes));
  return code == cudaSuccess ? launch_kernel(kernel, grid, Tile::num_threads, shared_bytes, stream, params) : code;
}

template <class Operands>
std::size_t MlpLaunchers<Operands>::shared_bytes(const MlpShape& shape) {
  const auto bytes_of = [](auto tile) { return sizeof(typename decltype(tile)::SharedStorage); };
  return std::max({with_chain_tile<Operands>(shape, bytes_of), with_weight_grad_tile<Operands>(shape, bytes_of), bytes_of(GradFeaturesTile<Operands>())});
}

template <class Operands>
int MlpLaunchers<Operands>::tile_rows(const MlpShape& shape) {
  return with_chain_tile<Operands>(shape, [](auto tile) { return decltype(tile)::rows; });
}

template <class Operands>
int MlpLaunchers<Operands>::weight_grad_blocks(const MlpShape& shape) {
  return with_weight_grad_tile<Operands>(shape, [&](auto tile) { return cuda::weight_grad_blocks<decltype(tile)>(shape); });
}

template <class Operands>
std::int64_t MlpLaunchers<Operands>::slope_bytes(const MlpShape& shape, bool are_bits, std::int64_t row_capacity) {
  return with_chain_tile<Operands>(shape, [&](auto tile) {
    using Tile = decltype(tile);
    return shape.num_members * shape.num_hidden * Tile::num_tiles(row_capacity) * Tile::slope_bytes(are_bits);
  });
}

template <class Operands>
cudaError_t MlpLaunchers<Operands>::pack_weights(const PackWeightsParams& params, cudaStream_t stream) {
  using Tile = MlpElementsTile;
  const dim3 grid(num_blocks(params.shape.packed_size, Tile::num_threads), static_cast<unsigned>(params.shape.num_members));
  return launch_kernel(pack_weights_kernel<Tile, Operands>, grid, Tile::num_threads, 0, stream, params);
}

template <class Operands>
cudaError_t MlpLaunchers<Operands>::forward(const MlpForwardParams& params, cudaStream_t stream) {
  if (params.rows.row_capacity == 0) return cudaSuccess;
  return with_chain_tile<Operands>(params.shape, [&](auto tile) {
    using Tile = decltype(tile);
    const dim3 grid(num_blocks(params.rows.row_capacity, Tile::rows), static_cast<unsigned>(params.shape.num_members));
    return launch_tile<Tile>(mlp_forward_kernel<Tile>, grid, stream, params);
  });
}

template <class Operands>
cudaError_t MlpLaunchers<Operands>::backward(const MlpBackwardParams& params, cudaStream_t stream) {
  if (params.rows.row_capacity == 0) return cudaSuccess;
  return with_chain_tile<Operands>(params.shape, [&](auto tile) {
    using Tile = decltype(tile);
    const dim3 grid(num_blocks(params.rows.row_capacity, Tile::rows), static_cast<unsigned>(params.shape.num_members));
    return launch_tile<Tile>(mlp_backward_kernel<Tile>, grid, stream, params);
  });
}

template <class Operands>
cudaError_t MlpLaunchers<Operands>::weight_grad(const MlpWeightGradParams& params, cudaStream_t stream) {
  return with_weight_grad_tile<Operands>(params.shape, [&](auto tile) {
    using Tile = decltype(tile);
    const dim3 grid(static_cast<unsigned>(weight_grad_blocks(params.shape)), static_cast<unsigned>(params.num_splits), static_cast<unsigned>(params.shape.num_members));
    return launch_tile<Tile>(mlp_weight_grad_kernel<Tile>, grid, stream, params);
  });
}

template <class Operands>
cudaError_t MlpLaunchers<Operands>::grad_features(const MlpGradFeaturesParams& params, cudaStream_t stream) {
  using Tile = GradFeaturesTile<Operands>;
  if (params.rows.row_capacity == 0) return cudaSuccess;
  const dim3 grid(num_blocks(params.rows.row_capacity, Tile::rows), num_blocks(params.shape.width[0], Tile::columns));
  return launch_tile<Tile>(mlp_grad_features_kernel<Tile>, grid, stream, params);
}

}  // namespace segpref::cuda
