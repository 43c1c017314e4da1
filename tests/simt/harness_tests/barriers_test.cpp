// Block barriers, named barriers, deadlocks.
#include "kernels/cuda/primitives/block.cuh"
#include "tests/simt/harness_tests/expect_error.hpp"

namespace segpref::simt {
namespace {

__global__ void diverging_barrier_kernel(float* y) {
  if (threadIdx.x < 40) {
    __syncthreads();
  } else {
    __syncthreads();
  }
  y[threadIdx.x] = 1;
}

__global__ void conditional_barrier_kernel(float* y) {
  if (threadIdx.x < 40) __syncthreads();
  y[threadIdx.x] = 1;
  __syncthreads();
}

__global__ void deadlock_kernel(float* y) {
  if (threadIdx.x != 5) y[threadIdx.x] = __shfl_xor_sync(0xffffffffu, 1.0f, 1);
  else __syncthreads();
}

__global__ void early_exit_kernel(float* x, float* y) {
  if (threadIdx.x >= 40) return;
  x[threadIdx.x] = 1;
  __syncthreads();
  y[threadIdx.x] = x[39 - threadIdx.x];
}

__global__ void predicates_kernel(int* y) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const bool right = __syncthreads_count(lane < 4) == 8 && __syncthreads_or(lane == 2) && !__syncthreads_and(lane == 2) && __syncthreads_and(lane < 32);
  y[threadIdx.x] = right;
}

/// Warp 0 produces, warp 1 consumes, warp 2 looks on without taking part.
__global__ void hand_over_kernel(float* y) {
  SEGPREF_SHARED(float[32], handed);
  const int warp = cuda::warp_of_thread(), lane = cuda::lane_of_thread();
  if (warp == 0) {
    handed[lane] = static_cast<float>(lane);
    cuda::named_barrier_arrive<1>(64);
  } else if (warp == 1) {
    cuda::named_barrier_wait<1>(64);
    y[lane] = handed[31 - lane];
  }
}

__global__ void two_counts_kernel(float* y) {
  cuda::named_barrier_wait<2>(cuda::warp_of_thread() == 0 ? 64 : 96);
  y[0] = 1;
}

__global__ void missing_warp_kernel(float* y) {
  if (cuda::warp_of_thread() == 0) cuda::named_barrier_wait<3>(64);
  y[threadIdx.x] = 1;
}

__global__ void trap_kernel() {
  if (threadIdx.x == 7) __trap();
}

TEST(BlockBarrier, TwoPlacesAreDivergent) {
  Buffer<float> y(64);
  EXPECT_LAUNCH_ERROR("divergent barrier", launch(diverging_barrier_kernel, 1, 64, 0, y.get()));
}

TEST(BlockBarrier, SkippedBySomeIsDivergent) {
  Buffer<float> y(64);
  EXPECT_LAUNCH_ERROR("divergent barrier", launch(conditional_barrier_kernel, 1, 64, 0, y.get()));
}

TEST(BlockBarrier, EndedThreadsAreNotWaitedFor) {
  Buffer<float> x(64), y(64, 0.0f);
  launch(early_exit_kernel, 1, 64, 0, x.get(), y.get());
  EXPECT_EQ(y.to_host()[39], 1.0f);
  EXPECT_EQ(y.to_host()[40], 0.0f);
}

TEST(BlockBarrier, PredicatesAreCounted) {
  Buffer<int> y(64);
  launch(predicates_kernel, 1, 64, 0, y.get());
  for (int value : y.to_host()) EXPECT_EQ(value, 1);
}

TEST(BlockBarrier, DeadlockSaysWhoWaitsWhere) {
  Buffer<float> y(64);
  const std::string message = error_of([&] { launch(deadlock_kernel, 1, 64, 0, y.get()); });
  EXPECT_NE(message.find("deadlock"), std::string::npos) << message;
  EXPECT_NE(message.find("wait for __shfl_xor_sync (mask ffffffff) at tests/simt/harness_tests/barriers_test.cpp:"), std::string::npos) << message;
  EXPECT_NE(message.find("1 wait for __syncthreads"), std::string::npos) << message;
}

TEST(NamedBarrier, ArrivingOrdersTheProducersWrites) {
  Buffer<float> y(32);
  launch(hand_over_kernel, 1, 96, 0, y.get());
  EXPECT_EQ(y.to_host()[0], 31.0f);
  EXPECT_EQ(y.to_host()[31], 0.0f);
}

TEST(NamedBarrier, AllMustExpectTheSameCount) {
  Buffer<float> y(1);
  EXPECT_LAUNCH_ERROR("named barrier 2: this thread expects", launch(two_counts_kernel, 1, 96, 0, y.get()));
}

TEST(NamedBarrier, AMissingWarpIsADeadlock) {
  Buffer<float> y(64);
  EXPECT_LAUNCH_ERROR("32 wait for named barrier", launch(missing_warp_kernel, 1, 64, 0, y.get()));
}

TEST(Launch, ATrapNamesItsThread) { EXPECT_LAUNCH_ERROR("thread (7,0,0): __trap()", launch(trap_kernel, 1, 32, 0)); }

TEST(Launch, ImpossibleLaunchesAreRefused) {
  EXPECT_LAUNCH_ERROR("a block has 1 to 1024 threads", launch(trap_kernel, 1, 2048, 0));
  EXPECT_LAUNCH_ERROR("the grid is empty", launch(trap_kernel, 0, 32, 0));
  EXPECT_LAUNCH_ERROR("dynamic shared memory are too many", launch(trap_kernel, 1, 32, 300000));
}

}  // namespace
}  // namespace segpref::simt
