// Gradients of scores where segments stand in several pairs: keys of entries; (a stable sort;) first entry of every key; sums in order.
#pragma once

#include "kernels/cuda/preference_loss/segment_entries.hpp"
#include "kernels/cuda/primitives/warp.cuh"

namespace segpref::cuda {

/// Not measured on a GPU yet.
struct SegmentEntriesTile {
  static constexpr int num_threads = 256;
  static constexpr int lanes_per_segment = 8;  ///< of the sums: most segments stand in few pairs
  static constexpr int segments_per_block = num_threads / lanes_per_segment;
};

/// One thread per entry.
template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads) segment_keys_kernel(const __grid_constant__ SegmentEntriesParams p) {
  const std::int64_t entry = std::int64_t{blockIdx.x} * Tile::num_threads + threadIdx.x;
  if (entry >= p.num_entries()) return;
  const std::int64_t per_list = 2 * p.batch.num_batch_pairs, list = entry / per_list, position = entry % per_list / 2;
  const std::int64_t segment = p.batch.segment_of(p.batch.pair_at(list, position), static_cast<int>(entry % 2));
  p.keys[entry] = static_cast<std::uint64_t>(list * p.batch.num_segments + segment);
  p.entries[entry] = static_cast<std::uint32_t>(entry);
}

/// One thread per key, and one for the end: a binary search in the sorted keys.
template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads)
first_entries_kernel(const std::uint64_t* sorted_keys, std::int64_t num_entries, std::int64_t num_keys, std::uint32_t* first_entries) {
  const std::int64_t key = std::int64_t{blockIdx.x} * Tile::num_threads + threadIdx.x;
  if (key > num_keys) return;
  std::int64_t low = 0, high = num_entries;  // the first entry whose key is not below is in [low, high]
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    if (static_cast<std::int64_t>(sorted_keys[middle]) < key) low = middle + 1;
    else high = middle;
  }
  first_entries[key] = static_cast<std::uint32_t>(low);
}

/// A group of lanes per member and segment.
///   order   lane i adds entries i, i + 8, ... in float64, in the order of the batch; then the lanes, as warp_sum_in_groups does
template <class Tile, typename Source, typename Real>
__global__ void __launch_bounds__(Tile::num_threads) gather_gradients_kernel(const __grid_constant__ GatherGradientsParams<Source, Real> p) {
  const int lane = static_cast<int>(threadIdx.x) % Tile::lanes_per_segment;
  const std::int64_t segment = std::int64_t{blockIdx.x} * Tile::segments_per_block + threadIdx.x / Tile::lanes_per_segment, member = blockIdx.y;
  double sum = 0;
  if (segment < p.num_segments) {
    const bool own_list = p.num_lists > 1;
    const std::int64_t key = (own_list ? member * p.num_segments : 0) + segment;
    const Source* grad_entries = p.grad_entries + (own_list ? 0 : member * p.num_entries);  // entries are numbered through all lists
    const std::int64_t end = p.first_entries[key + 1];
    for (std::int64_t i = std::int64_t{p.first_entries[key]} + lane; i < end; i += Tile::lanes_per_segment) sum += static_cast<double>(grad_entries[p.sorted_entries[i]]);
  }
  sum = warp_sum_in_groups<Tile::lanes_per_segment>(sum);
  if (segment < p.num_segments && lane == 0) p.grad_scores[member * p.num_segments + segment] = static_cast<Real>(sum);
}

}  // namespace segpref::cuda
