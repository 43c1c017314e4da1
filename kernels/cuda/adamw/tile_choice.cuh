// Which tile a step's arrays allow, and its grid.
#pragma once

#include <cstdint>

#include "kernels/cuda/adamw/config.cuh"
#include "kernels/cuda/adamw/params.hpp"
#include "kernels/cuda/primitives/grid_size.hpp"

namespace segpref::cuda {

/// Calls f(tile, number of blocks).
template <typename Real, class F>
auto with_adamw_tile(const AdamWParams<Real>& p, F f) {
  const auto is_aligned = [](const void* array) { return reinterpret_cast<std::uintptr_t>(array) % 16 == 0; };
  const auto call = [&](auto tile) { return f(tile, num_blocks(p.num_parameters, std::int64_t{tile.num_threads} * tile.elements_per_thread)); };
  const bool are_aligned = is_aligned(p.parameters) && is_aligned(p.gradients) && is_aligned(p.first_moment) && is_aligned(p.second_moment);
  return are_aligned ? call(AlignedAdamWTile<Real>()) : call(UnalignedAdamWTile<Real>());
}

}  // namespace segpref::cuda
