// Which segments stand in a pair of the batch: one thread per side of a pair. Integers are set, so no order matters.
#pragma once

#include "kernels/cuda/reward_linear/config.cuh"
#include "kernels/cuda/reward_linear/params.hpp"

namespace segpref::cuda {

/// A template, as every kernel here: a header that two sources include defines it once.
template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads) mark_used_segments_kernel(const __grid_constant__ UsedSegmentsParams p) {
  const std::int64_t entry = std::int64_t{blockIdx.x} * Tile::num_threads + threadIdx.x;
  if (entry >= p.num_entries()) return;
  const std::int64_t per_list = 2 * p.batch.num_batch_pairs, list = entry / per_list, position = entry % per_list / 2;
  atomicOr(p.used + p.batch.segment_of(p.batch.pair_at(list, position), static_cast<int>(entry % 2)), 1u);
}

}  // namespace segpref::cuda
