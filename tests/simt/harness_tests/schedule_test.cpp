// Seeds, orders, and shared memory's life.
#include "kernels/cuda/primitives/block.cuh"
#include "tests/simt/harness_tests/expect_error.hpp"

namespace segpref::simt {
namespace {

/// Writes down in which order the threads of all blocks came.
__global__ void order_kernel(int* num_come, int* order) { order[blockIdx.x * blockDim.x + threadIdx.x] = atomicAdd(num_come, 1); }

std::vector<int> order_of(unsigned blocks, unsigned threads) {
  Buffer<int> num_come(1, 0), order(blocks * threads);
  launch(order_kernel, blocks, threads, 0, num_come.get(), order.get());
  return order.to_host();
}

struct Storage {
  float values[1024];
};
__global__ void dynamic_kernel(float* y) {
  SEGPREF_DYNAMIC_SHARED(Storage, s);
  s.values[threadIdx.x] = 1;
  __syncthreads();
  y[threadIdx.x] = s.values[31 - threadIdx.x];
}

struct Huge {
  float values[13 * 1024];
};
__global__ void huge_kernel(float* y) {
  SEGPREF_SHARED(Huge, s);
  s.values[0] = 1;
  *y = s.values[0];
}

TEST(Schedule, ForwardAndReverse) {
  const KeepOptions keep;
  options().order = Order::forward;
  EXPECT_EQ(order_of(2, 3), (std::vector<int>{0, 1, 2, 3, 4, 5}));
  options().order = Order::reverse;
  EXPECT_EQ(order_of(2, 3), (std::vector<int>{5, 4, 3, 2, 1, 0}));
}

TEST(Schedule, ASeedRepeatsItsOrder) {
  const KeepOptions keep;
  options().order = Order::random;
  begin_test();
  const std::vector<int> first = order_of(4, 64);
  begin_test();
  EXPECT_EQ(order_of(4, 64), first);
  begin_test();
  options().seed += 1000;
  EXPECT_NE(order_of(4, 64), first);
}

TEST(Schedule, AnErrorNamesItsSeed) {
  const KeepOptions keep;
  options().seed = 77;
  Buffer<float> y(1);
  EXPECT_LAUNCH_ERROR("[SEGPREF_SIMT_SEED=77]", launch(huge_kernel, 1, 1, 0, y.get()));
}

TEST(SharedMemory, DynamicSizeIsChecked) {
  Buffer<float> y(32);
  launch(dynamic_kernel, 1, 32, sizeof(Storage), y.get());
  EXPECT_EQ(y.to_host()[7], 1.0f);
  EXPECT_LAUNCH_ERROR("uses 4096 bytes of dynamic shared memory, the launch gave 4092", launch(dynamic_kernel, 1, 32, sizeof(Storage) - 4, y.get()));
}

TEST(SharedMemory, VariablesTakeAtMost48Kib) {
  Buffer<float> y(1);
  EXPECT_LAUNCH_ERROR("more than 48 KiB", launch(huge_kernel, 1, 1, 0, y.get()));
}

}  // namespace
}  // namespace segpref::simt
