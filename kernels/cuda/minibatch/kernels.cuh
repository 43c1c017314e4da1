// An epoch's minibatches, drawn where the data lies: with the bits of the CPU's trainer (kernels/cpu/random.hpp), whose permutation is a sort as well.
//   order  of a list: its positions by 64-bit draws, equal draws by position. All lists are sorted at once: by draw, then, stably, by list
//   reads  no data but the pairs' indices
#pragma once

#include "kernels/cuda/minibatch/params.hpp"
#include "kernels/cuda/primitives/compiler.cuh"
#include "kernels/math/epoch_stream.hpp"

namespace segpref::cuda {

/// A thread per entry.
struct MinibatchTile {
  static constexpr int num_threads = 256;
};

template <class Tile>
SEGPREF_DEVICE std::int64_t entry_of_thread() {
  return std::int64_t{blockIdx.x} * Tile::num_threads + static_cast<int>(threadIdx.x);
}

/// Grid (num_lists * num_pairs).
template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads) bootstrap_pairs_kernel(const __grid_constant__ BootstrapParams p) {
  const std::int64_t entry = entry_of_thread<Tile>();
  if (entry >= p.num_lists * p.num_pairs) return;
  const std::int64_t list = entry / p.num_pairs, position = entry % p.num_pairs;
  const std::uint64_t stream = math::epoch_stream(math::RandomPurpose::bootstrap, p.draws.number(), list);
  const std::uint64_t drawn = math::random_below(p.draws.seed, stream, static_cast<std::uint64_t>(position), static_cast<std::uint64_t>(p.num_pairs));
  p.drawn[entry] = p.pairs[drawn];
}

/// Before the sort by draw. Grid (num_entries).
template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads) permutation_keys_kernel(const __grid_constant__ EpochOrderParams p) {
  const std::int64_t entry = entry_of_thread<Tile>();
  if (entry >= p.num_entries()) return;
  const std::int64_t list = entry / p.num_pairs, position = entry % p.num_pairs;
  const std::uint64_t stream = math::epoch_stream(math::RandomPurpose::permutation, p.draws.number(), list);
  p.keys[entry] = math::random_bits64(p.draws.seed, stream, static_cast<std::uint64_t>(position));
  p.entries[entry] = static_cast<std::uint32_t>(entry);
}

/// Between the sorts: the list of each entry, in the order of the draws. Grid (num_entries).
template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads) list_keys_kernel(const __grid_constant__ EpochOrderParams p) {
  const std::int64_t rank = entry_of_thread<Tile>();
  if (rank < p.num_entries()) p.keys[rank] = static_cast<std::uint64_t>(p.sorted_entries[rank] / p.num_pairs);
}

/// Behind the sorts. Grid (num_entries).
/// @param entries  [num_entries], by list, then by draw
template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads) minibatch_order_kernel(const __grid_constant__ EpochOrderParams p, const std::uint32_t* entries) {
  const std::int64_t rank = entry_of_thread<Tile>();
  if (rank >= p.num_entries()) return;
  const std::int64_t list = rank / p.num_pairs, in_list = rank % p.num_pairs, batch = in_list / p.batch_pairs, in_batch = in_list % p.batch_pairs;
  const std::int64_t entry = entries[rank], pair = p.pairs[p.has_own_pairs ? entry : entry - list * p.num_pairs];
  p.order[p.batch_begin(batch) + list * p.batch_size(batch) + in_batch] = pair;
}

}  // namespace segpref::cuda
