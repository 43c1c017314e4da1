#include "bench/cuda/matrix_kernel.hpp"
#include "kernels/cuda/primitives/matrix.cuh"
#include "kernels/cuda/primitives/thread.cuh"

namespace segpref::bench {
namespace {

constexpr int threads_per_block = 512, blocks_per_multiprocessor = 2, num_sums = 8, num_rounds = 1024;
constexpr double flop_of_round = 2.0 * 16 * 8 * 16;  // of a warp and sum: one product with k = 16, or two with k = 8

/// Eight independent sums per warp: no product waits for the one before.
template <bool is_bf16>
__global__ void __launch_bounds__(threads_per_block) products_kernel(float* sink) {
  float sums[num_sums][4] = {};
  const std::uint32_t a[4] = {threadIdx.x, threadIdx.x + 1, threadIdx.x + 2, threadIdx.x + 3}, b = blockIdx.x;
#pragma unroll 1
  for (int round = 0; round < num_rounds; ++round) {
#pragma unroll
    for (int i = 0; i < num_sums; ++i) {
      if constexpr (is_bf16) {
        cuda::mma_bf16_16x8x16(sums[i], a, b, b);
      } else {
        cuda::mma_tf32_16x8x8(sums[i], a, b, b);
        cuda::mma_tf32_16x8x8(sums[i], a, b, b);
      }
    }
  }
  float sum = 0;
#pragma unroll
  for (int i = 0; i < num_sums; ++i) sum += sums[i][0] + sums[i][1] + sums[i][2] + sums[i][3];
  if (sum == 1.2345f) *sink = sum;  // of numbers near zero: never
}

}  // namespace

double flop_of_products(int num_multiprocessors) {
  return flop_of_round * num_sums * num_rounds * (threads_per_block / cuda::threads_per_warp) * blocks_per_multiprocessor * num_multiprocessors;
}

cudaError_t launch_products(MatrixOperands operands, int num_multiprocessors, float* sink, cudaStream_t stream) {
  const auto num_blocks = static_cast<unsigned>(blocks_per_multiprocessor * num_multiprocessors);
  if (operands == MatrixOperands::bf16) products_kernel<true><<<num_blocks, threads_per_block, 0, stream>>>(sink);
  else products_kernel<false><<<num_blocks, threads_per_block, 0, stream>>>(sink);
  return cudaGetLastError();
}

}  // namespace segpref::bench
