// Algorithms over whole arrays in device memory, inside the caller's storage. The only place that knows CUB; the harness has its own version.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

namespace segpref::cuda {

/// Keys and values before and after a sort; the four arrays do not overlap.
struct SortArrays {
  const std::uint64_t* keys = nullptr;    ///< [count]
  const std::uint32_t* values = nullptr;  ///< [count]
  std::uint64_t* sorted_keys = nullptr;   ///< [count], out
  std::uint32_t* sorted_values = nullptr; ///< [count], out
};

/// Most elements of an array: CUB counts in 32 bits here, which halves its code.
inline constexpr std::int64_t max_sorted = std::int64_t{1} << 30;

/// Bytes of storage that sort_by_key needs on the current device.
cudaError_t sort_by_key_bytes(std::int64_t count, int num_bits, std::size_t& bytes);

/// Enqueues a stable sort by the lowest num_bits bits of the keys; the bits above are 0. Fewer bits are fewer passes.
cudaError_t sort_by_key(void* storage, std::size_t storage_bytes, const SortArrays& arrays, std::int64_t count, int num_bits, cudaStream_t stream);

/// Bytes of storage that running_maximum needs on the current device.
cudaError_t running_maximum_bytes(std::int64_t count, std::size_t& bytes);

/// Enqueues out[i] = max(in[0], ..., in[i]). The arrays do not overlap.
cudaError_t running_maximum(void* storage, std::size_t storage_bytes, const std::int64_t* in, std::int64_t* out, std::int64_t count, cudaStream_t stream);

/// Bytes of storage that running_sum needs on the current device.
cudaError_t running_sum_bytes(std::int64_t count, std::size_t& bytes);

/// Enqueues out[i] = in[0] + ... + in[i]. The arrays do not overlap.
cudaError_t running_sum(void* storage, std::size_t storage_bytes, const std::int64_t* in, std::int64_t* out, std::int64_t count, cudaStream_t stream);

/// Bits that the numbers 0 to largest take, at least 1.
constexpr int bits_of(std::int64_t largest) {
  int bits = 1;
  while (largest >> bits != 0) ++bits;
  return bits;
}

}  // namespace segpref::cuda
