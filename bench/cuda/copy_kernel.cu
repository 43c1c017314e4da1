#include "bench/cuda/copy_kernel.hpp"

namespace segpref::bench {
namespace {

constexpr int threads_per_block = 256, packs_per_thread = 4;

/// Four independent loads per thread before the first store: enough in flight to hide the memory's latency.
__global__ void __launch_bounds__(threads_per_block) copy_kernel(const uint4* __restrict__ from, uint4* __restrict__ to, std::size_t num_packs) {
  const std::size_t first = std::size_t{blockIdx.x} * threads_per_block * packs_per_thread + threadIdx.x;
  uint4 packs[packs_per_thread];
#pragma unroll
  for (int i = 0; i < packs_per_thread; ++i) {
    const std::size_t pack_idx = first + i * threads_per_block;
    if (pack_idx < num_packs) packs[i] = from[pack_idx];
  }
#pragma unroll
  for (int i = 0; i < packs_per_thread; ++i) {
    const std::size_t pack_idx = first + i * threads_per_block;
    if (pack_idx < num_packs) to[pack_idx] = packs[i];
  }
}

}  // namespace

cudaError_t launch_copy(const void* from, void* to, std::size_t bytes, cudaStream_t stream) {
  const std::size_t num_packs = bytes / sizeof(uint4), packs_per_block = threads_per_block * packs_per_thread;
  if (num_packs == 0) return cudaSuccess;
  const auto num_blocks = static_cast<unsigned>((num_packs + packs_per_block - 1) / packs_per_block);
  copy_kernel<<<num_blocks, threads_per_block, 0, stream>>>(static_cast<const uint4*>(from), static_cast<uint4*>(to), num_packs);
  return cudaGetLastError();
}

}  // namespace segpref::bench
