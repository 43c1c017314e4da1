// Stands in for the algorithms of CUB: operations of the stream that work on copies, with the same promises (a stable sort; nothing outside the
// storage, of which it asks for a little so that callers must book and pass it on).
#include "kernels/cuda/primitives/device_algorithms.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "tests/simt/cuda_runtime/cuda_runtime.hpp"
#include "tests/simt/cuda_runtime/failures.hpp"
#include "tests/simt/cuda_runtime/streams.hpp"
#include "tests/simt/harness/core/arena.hpp"
#include "tests/simt/harness/core/memory_check.hpp"

namespace segpref::simt {
namespace {

constexpr std::size_t storage_needed = 256;

template <typename T>
std::vector<T> read(const T* device, std::int64_t count) {
  std::vector<T> values(static_cast<std::size_t>(count));
  check_transfer(device, values.size() * sizeof(T), Access::read, "device algorithm (input)");
  arena::read_to_host(values.data(), device, values.size() * sizeof(T));
  return values;
}

template <typename T>
void write(T* device, const std::vector<T>& values) {
  check_transfer(device, values.size() * sizeof(T), Access::write, "device algorithm (output)");
  arena::write_from_host(device, values.data(), values.size() * sizeof(T));
}

bool fits(const void* storage, std::size_t bytes) { return bytes >= storage_needed && arena::is_device_range(storage, storage_needed); }

void sort(const cuda::SortArrays& arrays, std::int64_t count, int num_bits) {
  const std::vector<std::uint64_t> keys = read(arrays.keys, count);
  const std::vector<std::uint32_t> values = read(arrays.values, count);
  std::vector<std::size_t> order(keys.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::uint64_t mask = num_bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << num_bits) - 1;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return (keys[a] & mask) < (keys[b] & mask); });
  std::vector<std::uint64_t> sorted_keys;
  std::vector<std::uint32_t> sorted_values;
  for (const std::size_t i : order) {
    sorted_keys.push_back(keys[i]);
    sorted_values.push_back(values[i]);
  }
  write(arrays.sorted_keys, sorted_keys);
  write(arrays.sorted_values, sorted_values);
}

/// out[i] = combine(out[i - 1], in[i])
template <class Combine>
void scan(const std::int64_t* in, std::int64_t* out, std::int64_t count, Combine combine) {
  std::vector<std::int64_t> values = read(in, count);
  for (std::size_t i = 1; i < values.size(); ++i) values[i] = combine(values[i - 1], values[i]);
  write(out, values);
}

std::size_t storage_for(std::int64_t count) { return count == 0 ? 0 : storage_needed; }

template <class Combine>
cudaError_t enqueue_scan(void* storage, std::size_t storage_bytes, const std::int64_t* in, std::int64_t* out, std::int64_t count, cudaStream_t stream, Combine combine) {
  if (count == 0) return cudaSuccess;
  if (!fits(storage, storage_bytes)) return returned(cudaErrorInvalidValue);
  if (const cudaError_t code = failure_of_launch(current_device()); code != cudaSuccess) return returned(code);
  enqueue(stream, {[=] { scan(in, out, count, combine); }, {}, {}, {}, {}});
  return cudaSuccess;
}

}  // namespace
}  // namespace segpref::simt

namespace segpref::cuda {

cudaError_t sort_by_key_bytes(std::int64_t count, int, std::size_t& bytes) {
  bytes = simt::storage_for(count);
  return cudaSuccess;
}

cudaError_t sort_by_key(void* storage, std::size_t storage_bytes, const SortArrays& arrays, std::int64_t count, int num_bits, cudaStream_t stream) {
  if (count == 0) return cudaSuccess;
  if (!simt::fits(storage, storage_bytes)) return simt::returned(cudaErrorInvalidValue);
  if (const cudaError_t code = simt::failure_of_launch(simt::current_device()); code != cudaSuccess) return simt::returned(code);
  simt::enqueue(stream, {[=] { simt::sort(arrays, count, num_bits); }, {}, {}, {}, {}});
  return cudaSuccess;
}

cudaError_t running_maximum_bytes(std::int64_t count, std::size_t& bytes) {
  bytes = simt::storage_for(count);
  return cudaSuccess;
}

cudaError_t running_maximum(void* storage, std::size_t storage_bytes, const std::int64_t* in, std::int64_t* out, std::int64_t count, cudaStream_t stream) {
  return simt::enqueue_scan(storage, storage_bytes, in, out, count, stream, [](std::int64_t a, std::int64_t b) { return std::max(a, b); });
}

cudaError_t running_sum_bytes(std::int64_t count, std::size_t& bytes) {
  bytes = simt::storage_for(count);
  return cudaSuccess;
}

cudaError_t running_sum(void* storage, std::size_t storage_bytes, const std::int64_t* in, std::int64_t* out, std::int64_t count, cudaStream_t stream) {
  return simt::enqueue_scan(storage, storage_bytes, in, out, count, stream, [](std::int64_t a, std::int64_t b) { return a + b; });
}

}  // namespace segpref::cuda
