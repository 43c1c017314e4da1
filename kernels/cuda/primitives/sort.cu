#include "kernels/cuda/primitives/sort.hpp"

#include <cub/device/device_radix_sort.cuh>

namespace segpref::cuda {

template <typename Key>
cudaError_t sort_by_key_bytes(std::int64_t count, int num_bits, std::size_t& bytes) {
  bytes = 0;
  if (count == 0) return cudaSuccess;
  const std::uint32_t* values = nullptr;
  return cub::DeviceRadixSort::SortPairs(nullptr, bytes, static_cast<const Key*>(nullptr), static_cast<Key*>(nullptr), values, static_cast<std::uint32_t*>(nullptr), count, 0, num_bits);
}

template <typename Key>
cudaError_t sort_by_key(void* storage, std::size_t storage_bytes, const SortArrays<Key>& arrays, std::int64_t count, int num_bits, cudaStream_t stream) {
  if (count == 0) return cudaSuccess;
  return cub::DeviceRadixSort::SortPairs(storage, storage_bytes, arrays.keys, arrays.sorted_keys, arrays.values, arrays.sorted_values, count, 0, num_bits, stream);
}

#define SEGPREF_INSTANTIATE(Key)                                                                                                               \
  template cudaError_t sort_by_key_bytes<Key>(std::int64_t, int, std::size_t&);                                                                \
  template cudaError_t sort_by_key(void*, std::size_t, const SortArrays<Key>&, std::int64_t, int, cudaStream_t);
SEGPREF_INSTANTIATE(std::uint32_t)
SEGPREF_INSTANTIATE(std::int64_t)
#undef SEGPREF_INSTANTIATE

}  // namespace segpref::cuda
