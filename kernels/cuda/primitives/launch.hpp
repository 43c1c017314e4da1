// Starting kernels from the host. Launchers use this instead of <<< >>>, so that a host compiler understands them too and the harness's
// CUDA runtime can run them (docs/simt_harness.md).
#pragma once

#if defined(__CUDACC__)
#include <cuda_runtime.h>
#else
#include "tests/simt/cuda_runtime/cuda_runtime.hpp"
#endif

#include <cstddef>
#include <utility>

namespace segpref::cuda {

/// Enqueues kernel(arguments...) on the stream and returns what the runtime says of the launch itself.
/// @param shared_bytes  dynamic shared memory; above 48 KiB the kernel must have been allowed it (cudaFuncSetAttribute)
template <typename... Parameters, typename... Arguments>
cudaError_t launch_kernel(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream, Arguments&&... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  return cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...);
}

}  // namespace segpref::cuda
