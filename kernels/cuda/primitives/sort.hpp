// Sorting in device memory, inside the caller's storage.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

namespace segpref::cuda {

/// Keys and values before and after a sort; the four arrays do not overlap.
template <typename Key>
struct SortArrays {
  const Key* keys = nullptr;              ///< [count]
  const std::uint32_t* values = nullptr;  ///< [count]
  Key* sorted_keys = nullptr;             ///< [count], out
  std::uint32_t* sorted_values = nullptr; ///< [count], out
};

/// Bytes of storage that sort_by_key needs on the current device.
template <typename Key>
cudaError_t sort_by_key_bytes(std::int64_t count, int num_bits, std::size_t& bytes);

/// Enqueues a stable sort by the lowest num_bits bits of non-negative keys; the bits above are 0. Key: uint32 or int64.
template <typename Key>
cudaError_t sort_by_key(void* storage, std::size_t storage_bytes, const SortArrays<Key>& arrays, std::int64_t count, int num_bits, cudaStream_t stream);

/// Bits that the numbers 0 to largest take, at least 1.
constexpr int bits_of(std::int64_t largest) {
  int bits = 1;
  while (largest >> bits != 0) ++bits;
  return bits;
}

}  // namespace segpref::cuda
