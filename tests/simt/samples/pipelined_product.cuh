// A sample for the harness's tests: c[rows][16] = a[rows][k] * b[16][k]^T in bf16 with f32 sums, the way the large kernels work: slabs of k
// through a ring of two shared buffers that asynchronous copies fill, ldmatrix, tensor-core products. Rows beyond the end count as zeros.
#pragma once

#include "kernels/cuda/primitives/async_copy.cuh"
#include "kernels/cuda/primitives/block.cuh"
#include "kernels/cuda/primitives/matrix.cuh"
#include "segpref/dtype.hpp"

namespace segpref::cuda {

struct ProductTile {
  static constexpr int num_threads = 64, rows = 32, cols = 16, slab = 16, stages = 2;
  static constexpr int stride = slab + 8;  // padded: eight rows of one ldmatrix lie in eight different bank groups
  struct SharedStorage {
    alignas(16) bf16 a[stages][rows][stride];
    alignas(16) bf16 b[stages][cols][stride];
  };
};

template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads) pipelined_product_kernel(const bf16* a, const bf16* b, int num_rows, int k, float* c) {
  using Storage = typename Tile::SharedStorage;
  SEGPREF_SHARED(Storage, shared);
  const int thread = static_cast<int>(threadIdx.x), lane = lane_of_thread(), warp = warp_of_thread();
  const int first_row = static_cast<int>(blockIdx.x) * Tile::rows, num_slabs = k / Tile::slab;
  const auto copy_slab = [&](int slab) {
    const int stage = slab % Tile::stages, row = thread / 2, chunk = thread % 2 * 8;
    const bool valid = first_row + row < num_rows;
    async_copy_16(&shared.a[stage][row][chunk], valid ? a + (first_row + row) * k + slab * Tile::slab + chunk : a, valid);
    if (row < Tile::cols) async_copy_16(&shared.b[stage][row][chunk], b + row * k + slab * Tile::slab + chunk, true);
  };
  copy_slab(0);
  async_copy_commit();
  float sums[2][4] = {};
  for (int slab = 0; slab < num_slabs; ++slab) {
    if (slab + 1 < num_slabs) copy_slab(slab + 1);
    async_copy_commit();  // an empty group at the end keeps the count of groups
    async_copy_wait<1>();
    __syncthreads();  // the slab has arrived for everyone
    const int stage = slab % Tile::stages;
    std::uint32_t a_tile[4], b_tile[4];
    ldmatrix_x4(a_tile, &shared.a[stage][warp * 16 + lane % 16][lane / 16 * 8]);
    ldmatrix_x4(b_tile, &shared.b[stage][lane / 16 * 8 + lane % 8][lane / 8 % 2 * 8]);
    mma_bf16_16x8x16(sums[0], a_tile, b_tile[0], b_tile[1]);
    mma_bf16_16x8x16(sums[1], a_tile, b_tile[2], b_tile[3]);
    __syncthreads();  // everyone has left the buffer that is filled next
  }
  for (int i = 0; i < 8; ++i) {
    const int row = first_row + warp * 16 + lane / 4 + i / 2 % 2 * 8, col = i / 4 * 8 + lane % 4 * 2 + i % 2;
    if (row < num_rows) c[row * Tile::cols + col] = sums[i / 4][i % 4];
  }
}

}  // namespace segpref::cuda
