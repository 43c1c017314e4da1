#include "kernels/cuda/minibatch/launch.hpp"

#include <algorithm>

#include "kernels/cuda/minibatch/kernels.cuh"
#include "kernels/cuda/primitives/device_algorithms.hpp"
#include "kernels/cuda/primitives/grid_size.hpp"
#include "kernels/cuda/primitives/launch.hpp"

namespace segpref::cuda {
namespace {

using Tile = MinibatchTile;
constexpr int draw_bits = 64;

template <typename... Parameters, typename... Arguments>
cudaError_t launch_entries(void (*kernel)(Parameters...), std::int64_t num_entries, cudaStream_t stream, const Arguments&... arguments) {
  return launch_kernel(kernel, num_blocks(num_entries, Tile::num_threads), Tile::num_threads, 0, stream, arguments...);
}

}  // namespace

cudaError_t epoch_order_storage_bytes(std::int64_t num_lists, std::int64_t num_pairs, std::size_t& bytes) {
  std::size_t by_draw = 0, by_list = 0;
  if (const cudaError_t code = sort_by_key_bytes(num_lists * num_pairs, draw_bits, by_draw); code != cudaSuccess) return code;
  const cudaError_t code = num_lists > 1 ? sort_by_key_bytes(num_lists * num_pairs, bits_of(num_lists - 1), by_list) : cudaSuccess;
  bytes = std::max(by_draw, by_list);
  return code;
}

cudaError_t launch_bootstrap_pairs(const BootstrapParams& params, cudaStream_t stream) {
  if (params.num_pairs == 0) return cudaSuccess;
  return launch_entries(bootstrap_pairs_kernel<Tile>, params.num_lists * params.num_pairs, stream, params);
}

cudaError_t launch_epoch_order(const EpochOrderParams& params, void* storage, std::size_t storage_bytes, cudaStream_t stream) {
  const std::int64_t count = params.num_entries();
  if (count == 0) return cudaSuccess;
  if (const cudaError_t code = launch_entries(permutation_keys_kernel<Tile>, count, stream, params); code != cudaSuccess) return code;
  const SortArrays by_draw{params.keys, params.entries, params.sorted_keys, params.sorted_entries};
  if (const cudaError_t code = sort_by_key(storage, storage_bytes, by_draw, count, draw_bits, stream); code != cudaSuccess) return code;
  if (params.num_lists == 1) return launch_entries(minibatch_order_kernel<Tile>, count, stream, params, params.sorted_entries);

  if (const cudaError_t code = launch_entries(list_keys_kernel<Tile>, count, stream, params); code != cudaSuccess) return code;
  const SortArrays by_list{params.keys, params.sorted_entries, params.sorted_keys, params.entries};
  if (const cudaError_t code = sort_by_key(storage, storage_bytes, by_list, count, bits_of(params.num_lists - 1), stream); code != cudaSuccess) return code;
  return launch_entries(minibatch_order_kernel<Tile>, count, stream, params, params.entries);
}

}  // namespace segpref::cuda
