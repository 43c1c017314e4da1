// The plainest kernel that moves memory: 16 bytes per thread and load, coalesced.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

namespace segpref::bench {

/// @param bytes  a multiple of 16, as both addresses are
cudaError_t launch_copy(const void* from, void* to, std::size_t bytes, cudaStream_t stream);

}  // namespace segpref::bench
