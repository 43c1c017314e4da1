#include "kernels/cuda/primitives/device_algorithms.hpp"

#include <cub/device/device_radix_sort.cuh>
#include <cub/device/device_scan.cuh>
#include <cuda/functional>

namespace segpref::cuda {

cudaError_t sort_by_key_bytes(std::int64_t count, int num_bits, std::size_t& bytes) {
  bytes = 0;
  if (count == 0) return cudaSuccess;
  const SortArrays none;
  return cub::DeviceRadixSort::SortPairs(nullptr, bytes, none.keys, none.sorted_keys, none.values, none.sorted_values, static_cast<int>(count), 0, num_bits);
}

cudaError_t sort_by_key(void* storage, std::size_t storage_bytes, const SortArrays& arrays, std::int64_t count, int num_bits, cudaStream_t stream) {
  if (count == 0) return cudaSuccess;
  return cub::DeviceRadixSort::SortPairs(storage, storage_bytes, arrays.keys, arrays.sorted_keys, arrays.values, arrays.sorted_values, static_cast<int>(count), 0, num_bits, stream);
}

cudaError_t running_maximum_bytes(std::int64_t count, std::size_t& bytes) {
  bytes = 0;
  if (count == 0) return cudaSuccess;
  const std::int64_t* in = nullptr;
  std::int64_t* out = nullptr;
  return cub::DeviceScan::InclusiveScan(nullptr, bytes, in, out, ::cuda::maximum<>(), static_cast<int>(count));
}

cudaError_t running_maximum(void* storage, std::size_t storage_bytes, const std::int64_t* in, std::int64_t* out, std::int64_t count, cudaStream_t stream) {
  if (count == 0) return cudaSuccess;
  return cub::DeviceScan::InclusiveScan(storage, storage_bytes, in, out, ::cuda::maximum<>(), static_cast<int>(count), stream);
}

cudaError_t running_sum_bytes(std::int64_t count, std::size_t& bytes) {
  bytes = 0;
  if (count == 0) return cudaSuccess;
  const std::int64_t* in = nullptr;
  std::int64_t* out = nullptr;
  return cub::DeviceScan::InclusiveSum(nullptr, bytes, in, out, static_cast<int>(count));
}

cudaError_t running_sum(void* storage, std::size_t storage_bytes, const std::int64_t* in, std::int64_t* out, std::int64_t count, cudaStream_t stream) {
  if (count == 0) return cudaSuccess;
  return cub::DeviceScan::InclusiveSum(storage, storage_bytes, in, out, static_cast<int>(count), stream);
}

}  // namespace segpref::cuda
