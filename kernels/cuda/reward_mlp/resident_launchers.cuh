// The launchers of the resident kernel in one precision: which tile, what grid.
#pragma once

#include "kernels/cuda/primitives/launch.hpp"
#include "kernels/cuda/reward_mlp/resident_kernel.cuh"
#include "kernels/cuda/reward_mlp/resident_launchers.hpp"

namespace segpref::cuda {

/// Calls f(tile) with the tile for so many hidden layers: their weights' gradients are registers, hence a kernel for few and one for all.
template <class Operands, class F>
auto with_resident_tile(int num_hidden, bool has_bit_slopes, F f) {
  if (num_hidden <= 2) return has_bit_slopes ? f(ResidentTile<Operands, 2, true>()) : f(ResidentTile<Operands, 2, false>());
  return has_bit_slopes ? f(ResidentTile<Operands, max_hidden_layers, true>()) : f(ResidentTile<Operands, max_hidden_layers, false>());
}

template <class Operands>
std::size_t MlpResidentLaunchers<Operands>::shared_bytes(int num_hidden, bool has_bit_slopes) {
  return with_resident_tile<Operands>(num_hidden, has_bit_slopes, [](auto tile) { return sizeof(typename decltype(tile)::SharedStorage); });
}

template <class Operands>
int MlpResidentLaunchers<Operands>::blocks_per_multiprocessor(int num_hidden) {
  return with_resident_tile<Operands>(num_hidden, true, [](auto tile) { return decltype(tile)::least_blocks; });
}

template <class Operands>
cudaError_t MlpResidentLaunchers<Operands>::step(const MlpResidentParams& params, cudaStream_t stream) {
  return with_resident_tile<Operands>(params.shape.num_hidden, params.formula.has_bit_slopes(), [&](auto tile) {
    using Tile = decltype(tile);
    constexpr std::size_t shared_bytes = sizeof(typename Tile::SharedStorage);
    if constexpr (shared_bytes > max_shared_bytes) {
      return cudaErrorInvalidValue;  // why_not_resident says so before
    } else {
      const auto kernel = mlp_resident_kernel<Tile>;
      const cudaError_t code = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_bytes));
      if (code != cudaSuccess) return code;
      const dim3 grid(static_cast<unsigned>(params.grid.num_blocks), static_cast<unsigned>(params.shape.num_members));
      return launch_kernel(kernel, grid, Tile::num_threads, shared_bytes, stream, params);
    }
  });
}

}  // namespace segpref::cuda
