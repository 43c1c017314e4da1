// What other kernels of this family want beforehand: powers of the discount, and windows in the order of their begins.
#pragma once

#include "kernels/cuda/primitives/thread.cuh"
#include "kernels/cuda/segment_reduce/prepare_params.hpp"

namespace segpref::cuda {

/// Not measured on a GPU yet.
struct PrepareTile {
  static constexpr int num_threads = 256;
};

/// One thread per power.
template <typename Real>
__global__ void __launch_bounds__(PrepareTile::num_threads) discount_powers_kernel(const __grid_constant__ DiscountPowersParams<Real> p) {
  const std::int64_t t = std::int64_t{blockIdx.x} * PrepareTile::num_threads + threadIdx.x;
  if (t < p.count) p.powers[t] = static_cast<Real>(p.discount(t));
}

/// One thread per window, before the sort.
template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads) window_keys_kernel(const __grid_constant__ WindowOrderParams p) {
  const std::int64_t window = std::int64_t{blockIdx.x} * Tile::num_threads + threadIdx.x;
  if (window >= p.num_segments) return;
  p.keys[window] = static_cast<std::uint64_t>(p.begins[window]);
  p.windows[window] = static_cast<std::uint32_t>(window);
}

/// One thread per place in the order, after the sort.
template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads) window_ends_kernel(const __grid_constant__ WindowOrderParams p) {
  const std::int64_t place = std::int64_t{blockIdx.x} * Tile::num_threads + threadIdx.x;
  if (place < p.num_segments) p.ends[place] = static_cast<std::int64_t>(p.sorted_begins[place]) + p.lengths[p.by_begin[place]];
}

}  // namespace segpref::cuda
