// Entries of segments, in pairs or rankings, sorted by segment in the plan's workspace: a segment then adds up what it got in the order of the batch.
#pragma once

#include <cuda_runtime_api.h>

#include "host/plan/workspace_layout.hpp"

namespace segpref::cuda_backend {

struct SortedEntriesBuffers {
  Booked<std::uint64_t> keys, sorted_keys;        ///< [num_entries]
  Booked<std::uint32_t> entries, sorted_entries;  ///< [num_entries]
  Booked<std::uint32_t> first_entries;            ///< [num_keys + 1]
  Booked<std::byte> storage;
};

/// For up to so many entries and keys. The current device is the plan's.
SortedEntriesBuffers book_sorted_entries(std::int64_t num_entries, std::int64_t num_keys, WorkspaceLayout& layout);

/// Keys and entries were written to their buffers by kernels on the stream; after it sorted_entries and first_entries are filled. Equal keys keep their order.
void sort_entries(const SortedEntriesBuffers& buffers, std::int64_t num_entries, std::int64_t num_keys, Workspace workspace, cudaStream_t stream);

}  // namespace segpref::cuda_backend
