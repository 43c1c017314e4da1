#include "host/cuda_backend/with_cuda/sorted_entries.hpp"

#include "host/device/with_cuda/check.hpp"
#include "kernels/cuda/preference_loss/launch.hpp"
#include "kernels/cuda/primitives/device_algorithms.hpp"

namespace segpref::cuda_backend {

SortedEntriesBuffers book_sorted_entries(std::int64_t num_entries, std::int64_t num_keys, WorkspaceLayout& layout) {
  SortedEntriesBuffers b;
  b.keys = layout.book<std::uint64_t>(num_entries);
  b.sorted_keys = layout.book<std::uint64_t>(num_entries);
  b.entries = layout.book<std::uint32_t>(num_entries);
  b.sorted_entries = layout.book<std::uint32_t>(num_entries);
  b.first_entries = layout.book<std::uint32_t>(num_keys + 1);
  std::size_t sort_bytes = 0;
  device::check(cuda::sort_by_key_bytes(num_entries, cuda::bits_of(num_keys), sort_bytes), "sort_by_key_bytes");
  b.storage = layout.book<std::byte>(static_cast<std::int64_t>(sort_bytes));
  return b;
}

void sort_entries(const SortedEntriesBuffers& buffers, std::int64_t num_entries, std::int64_t num_keys, Workspace workspace, cudaStream_t stream) {
  const cuda::SortArrays sort{buffers.keys.in(workspace), buffers.entries.in(workspace), buffers.sorted_keys.in(workspace), buffers.sorted_entries.in(workspace)};
  const auto storage_bytes = static_cast<std::size_t>(buffers.storage.count);
  device::check(cuda::sort_by_key(buffers.storage.in(workspace), storage_bytes, sort, num_entries, cuda::bits_of(num_keys), stream), "sort_by_key");
  device::check(cuda::launch_first_entries(sort.sorted_keys, num_entries, num_keys, buffers.first_entries.in(workspace), stream), "launch_first_entries");
}

}  // namespace segpref::cuda_backend
