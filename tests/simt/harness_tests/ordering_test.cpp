// What orders memory, and what does not: named barriers, warps, asynchronous copies, the end of a block. Check mode only.
#include "kernels/cuda/primitives/async_copy.cuh"
#include "kernels/cuda/primitives/block.cuh"
#include "kernels/cuda/primitives/matrix.cuh"
#include "tests/simt/harness_tests/expect_error.hpp"

namespace segpref::simt {
namespace {

constexpr unsigned all_lanes = 0xffffffffu;

struct alignas(16) Chunk {
  float values[4];
};

/// Warp 0 produces, warp 1 consumes.
__global__ void hand_over_without_barrier_kernel(float* y) {
  SEGPREF_SHARED(float[32], handed);
  const int warp = cuda::warp_of_thread(), lane = cuda::lane_of_thread();
  if (warp == 0) {
    handed[lane] = static_cast<float>(lane);
  } else if (warp == 1) {
    y[lane] = handed[31 - lane];
  }
}

/// The consumer's barrier does not order what the producer does after it.
__global__ void late_write_kernel(float* y) {
  SEGPREF_SHARED(float[32], handed);
  const int warp = cuda::warp_of_thread(), lane = cuda::lane_of_thread();
  if (warp == 0) {
    handed[lane] = 1;
    cuda::named_barrier_arrive<1>(64);
    handed[lane] = 2;
  } else {
    cuda::named_barrier_wait<1>(64);
    y[lane] = handed[lane];
  }
}

__global__ void without_syncwarp_kernel(float* y) {
  SEGPREF_SHARED(float[32], s);
  s[threadIdx.x] = static_cast<float>(threadIdx.x);
  y[threadIdx.x] = s[31 - threadIdx.x];
}

/// A shuffle brings the lanes together but orders no memory.
__global__ void shuffle_orders_nothing_kernel(float* y) {
  SEGPREF_SHARED(float[32], s);
  s[threadIdx.x] = 1;
  const float x = __shfl_sync(all_lanes, 1.0f, 0);
  y[threadIdx.x] = x + s[31 - threadIdx.x];
}

__global__ void partial_sync_kernel(float* y) {
  SEGPREF_SHARED(float[32], s);
  s[threadIdx.x] = 1;
  if (threadIdx.x < 16) __syncwarp(0x0000ffffu);
  else __syncwarp(0xffff0000u);
  y[threadIdx.x] = s[31 - threadIdx.x];
}

/// Each of 32 threads brings one chunk and reads its neighbour's, which nothing has published.
__global__ void unpublished_copy_kernel(const float* x, float* y) {
  SEGPREF_SHARED(Chunk[32], chunks);
  const int lane = cuda::lane_of_thread();
  cuda::async_copy_16(&chunks[lane], x + 4 * lane, true);
  cuda::async_copy_commit();
  cuda::async_copy_wait<0>();
  y[lane] = chunks[(lane + 1) % 32].values[0];
}

/// The buffer is filled again while others may still read it.
__global__ void refill_kernel(const float* x, float* y) {
  SEGPREF_SHARED(Chunk[64], chunks);
  const int thread = static_cast<int>(threadIdx.x);
  float sum = 0;
  for (int round = 0; round < 2; ++round) {
    cuda::async_copy_16(&chunks[thread], x + 4 * thread, true);
    cuda::async_copy_commit();
    cuda::async_copy_wait<0>();
    __syncthreads();
    sum += chunks[63 - thread].values[1];
  }
  y[thread] = sum;
}

/// Every lane writes the row that it names itself, but all lanes receive from all rows.
template <bool WithSync>
__global__ void stage_rows_kernel(std::uint32_t* y) {
  struct alignas(16) Row {
    std::uint32_t words[4];
  };
  SEGPREF_SHARED(Row[32], rows);
  const int lane = cuda::lane_of_thread();
  for (std::uint32_t& word : rows[lane].words) word = static_cast<std::uint32_t>(lane);
  if (WithSync) __syncwarp();
  std::uint32_t registers[4];
  cuda::ldmatrix_x4(registers, &rows[lane]);
  y[lane] = registers[0];
}

__global__ void keep_pointer_kernel(float** kept, float* y) {
  SEGPREF_SHARED(float[32], s);
  s[threadIdx.x] = 1;
  __syncwarp();
  if (threadIdx.x == 0 && *kept != nullptr) *y = **kept;
  __syncwarp();
  if (threadIdx.x == 0) *kept = s;
}

std::vector<float> counting(int n) {
  std::vector<float> x;
  for (int i = 0; i < n; ++i) x.push_back(static_cast<float>(i));
  return x;
}

TEST(NamedBarrier, WithoutItHandingOverIsWrong) {
  Buffer<float> y(32);
  const std::string message = error_of([&] { launch(hand_over_without_barrier_kernel, 1, 96, 0, y.get()); });
  EXPECT_TRUE(message.find("data race in shared") != std::string::npos || message.find("uninitialised shared") != std::string::npos) << message;
}

TEST(NamedBarrier, WhatFollowsTheArrivalIsNotOrdered) {
  Buffer<float> y(32);
  EXPECT_LAUNCH_ERROR("data race in shared memory", launch(late_write_kernel, 1, 64, 0, y.get()));
}

TEST(WarpMemory, NothingElseDoes) {
  Buffer<float> y(32);
  EXPECT_NE(error_of([&] { launch(without_syncwarp_kernel, 1, 32, 0, y.get()); }), "");
  EXPECT_LAUNCH_ERROR("data race in shared memory", launch(shuffle_orders_nothing_kernel, 1, 32, 0, y.get()));
  EXPECT_NE(error_of([&] { launch(partial_sync_kernel, 1, 32, 0, y.get()); }), "");
}

TEST(WarpMemory, EveryLaneOfALdmatrixIsOrderedAfterAllRows) {
  Buffer<std::uint32_t> y(32);
  launch(stage_rows_kernel<true>, 1, 32, 0, y.get());
  EXPECT_EQ(y.to_host()[12], 3u);
  EXPECT_LAUNCH_ERROR("data race in shared memory", launch(stage_rows_kernel<false>, 1, 32, 0, y.get()));
}

TEST(AsyncCopy, OthersNeedABarrier) {
  Buffer<float> x(counting(128)), y(32);
  EXPECT_NE(error_of([&] { launch(unpublished_copy_kernel, 1, 32, 0, x.get(), y.get()); }), "");
}

TEST(AsyncCopy, ABufferInUseIsNotRefilled) {
  Buffer<float> x(counting(256)), y(64);
  const std::string message = error_of([&] { launch(refill_kernel, 1, 64, 0, x.get(), y.get()); });
  EXPECT_TRUE(message.find("data race in shared") != std::string::npos || message.find("still writes") != std::string::npos) << message;
}

TEST(SharedMemory, EndsWithItsBlock) {
  Buffer<float*> kept(1, nullptr);
  Buffer<float> y(1);
  launch(keep_pointer_kernel, 1, 32, 0, kept.get(), y.get());
  EXPECT_LAUNCH_ERROR("out-of-bounds read of 4 bytes in shared memory", launch(keep_pointer_kernel, 1, 32, 0, kept.get(), y.get()));
}

}  // namespace
}  // namespace segpref::simt
