// Shuffles, votes, masks, and the order of memory inside a warp.
#include "kernels/cuda/primitives/block.cuh"
#include "tests/simt/harness_tests/expect_error.hpp"

namespace segpref::simt {
namespace {

constexpr unsigned all_lanes = 0xffffffffu;

__global__ void votes_kernel(int* right) {
  const int lane = cuda::lane_of_thread();
  right[threadIdx.x] = __ballot_sync(all_lanes, lane & 1) == 0xaaaaaaaau && __any_sync(all_lanes, lane == 3) && !__all_sync(all_lanes, lane == 3) &&
                       __reduce_add_sync(all_lanes, lane) == 496 && __reduce_max_sync(all_lanes, lane) == 31 && __reduce_min_sync(all_lanes, lane) == 0;
}

__global__ void shuffles_kernel(int* right) {
  const int lane = cuda::lane_of_thread();
  right[threadIdx.x] = __shfl_up_sync(all_lanes, lane, 1) == (lane > 0 ? lane - 1 : 0) &&
                       __shfl_down_sync(all_lanes, lane, 3, 8) == (lane % 8 + 3 < 8 ? lane + 3 : lane) && __shfl_xor_sync(all_lanes, lane, 5) == (lane ^ 5) &&
                       __shfl_sync(all_lanes, lane, 2, 8) == lane / 8 * 8 + 2 && __shfl_sync(all_lanes, lane, 33) == 1;
}

__global__ void half_masks_kernel(int* y) {
  const int lane = cuda::lane_of_thread();
  int x = lane;
  if (lane < 16) x = __shfl_xor_sync(0x0000ffffu, x, 1);
  else x = __shfl_xor_sync(0xffff0000u, x, 2);
  y[threadIdx.x] = __shfl_sync(all_lanes, x, lane);
}

__global__ void foreign_mask_kernel(float* y) {
  if (threadIdx.x >= 16) y[threadIdx.x] = __shfl_sync(0x0000ffffu, 1.0f, 0);
}
__global__ void source_outside_mask_kernel(float* y) {
  if (threadIdx.x < 16) y[threadIdx.x] = __shfl_sync(0x0000ffffu, 1.0f, 20);
}
__global__ void source_has_ended_kernel(float* y) {
  if (threadIdx.x == 3) return;
  y[threadIdx.x] = __shfl_sync(all_lanes, 1.0f, 3);
}
__global__ void full_mask_in_branch_kernel(float* y) {
  float x = 1;
  if (threadIdx.x % 32 < 8) x = __shfl_xor_sync(all_lanes, x, 4);
  y[threadIdx.x] = cuda::warp_sum(x);
}
__global__ void full_mask_in_tail_kernel(float* y) {
  if (threadIdx.x % 32 < 8) y[threadIdx.x] = __shfl_xor_sync(all_lanes, 1.0f, 4);
  __syncthreads();
}

__global__ void through_shared_memory_kernel(float* y) {
  SEGPREF_SHARED(float[32], s);
  s[threadIdx.x] = static_cast<float>(threadIdx.x);
  __syncwarp();
  y[threadIdx.x] = s[31 - threadIdx.x];
}

__global__ void sums_kernel(float* y) {
  using Storage = cuda::BlockSumStorage<float, 96>;
  SEGPREF_SHARED(Storage, storage);
  const float x = static_cast<float>(threadIdx.x);
  const float in_group = cuda::warp_sum_in_groups<8>(x), last = cuda::warp_broadcast(x, 31), all = cuda::block_sum<96>(x, storage);
  y[threadIdx.x] = in_group + 1000 * last + 1000000 * all;
}

TEST(Warp, VotesAndReductions) {
  Buffer<int> right(64);
  launch(votes_kernel, 1, 64, 0, right.get());
  for (int value : right.to_host()) EXPECT_EQ(value, 1);
}

TEST(Warp, Shuffles) {
  Buffer<int> right(64);
  launch(shuffles_kernel, 1, 64, 0, right.get());
  for (int value : right.to_host()) EXPECT_EQ(value, 1);
}

TEST(Warp, HalvesOfAWarpMayGoSeparateWays) {
  Buffer<int> y(32);
  launch(half_masks_kernel, 1, 32, 0, y.get());
  EXPECT_EQ(y.to_host()[4], 5);
  EXPECT_EQ(y.to_host()[20], 22);
}

TEST(Warp, SumsOfGroupsWarpsAndBlocks) {
  Buffer<float> y(96);
  launch(sums_kernel, 1, 96, 0, y.get());
  EXPECT_EQ(y.to_host()[40], static_cast<float>(8 * 40 + 28 + 1000 * 63) + 1000000.0f * 4560);
}

TEST(WarpMask, TheCallerMustBeInIt) {
  Buffer<float> y(32);
  EXPECT_LAUNCH_ERROR("is not in mask 0000ffff", launch(foreign_mask_kernel, 1, 32, 0, y.get()));
}

TEST(WarpMask, TheSourceMustBeInIt) {
  Buffer<float> y(32);
  EXPECT_LAUNCH_ERROR("reads lane 20, which takes no part", launch(source_outside_mask_kernel, 1, 32, 0, y.get()));
}

TEST(WarpMask, TheSourceMustNotHaveEnded) {
  Buffer<float> y(32);
  EXPECT_LAUNCH_ERROR("reads lane 3, which takes no part", launch(source_has_ended_kernel, 1, 32, 0, y.get()));
}

TEST(WarpMask, LanesOfABranchCannotSpeakForTheOthers) {
  Buffer<float> y(64);
  EXPECT_LAUNCH_ERROR("warp divergence", launch(full_mask_in_branch_kernel, 1, 64, 0, y.get()));
  EXPECT_LAUNCH_ERROR("deadlock", launch(full_mask_in_tail_kernel, 1, 64, 0, y.get()));
}

TEST(WarpMemory, SyncwarpOrdersIt) {
  Buffer<float> y(32);
  launch(through_shared_memory_kernel, 1, 32, 0, y.get());
  EXPECT_EQ(y.to_host()[0], 31.0f);
}

}  // namespace
}  // namespace segpref::simt
