// What check mode says about loads and stores: races, uninitialised memory, bounds, foreign pointers. Built in that mode only.
#include "kernels/cuda/primitives/block.cuh"
#include "tests/simt/harness_tests/expect_error.hpp"

namespace segpref::simt {
namespace {

/// The next round overwrites what slower warps still read.
__global__ void reuse_kernel(float* y) {
  SEGPREF_SHARED(float[8], sums);
  float x = 0;
  for (int round = 0; round < 4; ++round) {
    if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = static_cast<float>(round);
    __syncthreads();
    for (int i = 0; i < 8; ++i) x += sums[i];
  }
  y[threadIdx.x] = x;
}

/// Many readers of one byte, of which only the oldest is not ordered before the write: thread 0 must not write before warp 3 has read.
__global__ void old_reader_kernel(float* y) {
  SEGPREF_SHARED(float, s);
  const int warp = cuda::warp_of_thread();
  if (threadIdx.x == 0) s = 1;
  __syncthreads();
  y[threadIdx.x] = s;  // all warps read
  if (warp < 3) {
    cuda::named_barrier_wait<1>(96);
    if (threadIdx.x == 0) s = 2;
  }
}

__global__ void unprotected_sum_kernel(float* y) { y[0] += 1; }
__global__ void atomic_sum_kernel(float* y) { atomicAdd(y, 1.0f); }

/// An atomic operation of every thread, then one thread reads without a barrier: two writers, of which the reader knows one.
__global__ void read_beside_atomics_kernel(float* sum, float* y) {
  atomicAdd(sum, 1.0f);
  if (threadIdx.x == 0) *y = *sum;
}

__global__ void one_thread_per_block_kernel(float* y) {
  if (threadIdx.x == 0) y[0] = 1;
}

__global__ void copy_kernel(const float* x, float* y) { y[threadIdx.x] = x[threadIdx.x]; }

__global__ void beyond_the_end_kernel(float* y) { y[threadIdx.x + 1] = 1; }
__global__ void beyond_shared_kernel(float* y) {
  SEGPREF_SHARED(float[32], s);
  s[threadIdx.x] = 1;
  __syncthreads();
  y[threadIdx.x] = s[threadIdx.x + 1];
}

struct Wide {
  float values[24];
};
__global__ void copy_struct_kernel(const Wide* x, Wide* y) { y[threadIdx.x] = x[threadIdx.x]; }

__global__ void vector_load_kernel(const float* x, float4* y) { y[threadIdx.x] = *reinterpret_cast<const float4*>(x + 4 * threadIdx.x); }

__global__ void wide_load_kernel(const float* x, double* y) { y[threadIdx.x] = *reinterpret_cast<const double*>(x + 2 * threadIdx.x); }

__global__ void uninitialised_shared_kernel(float* y) {
  SEGPREF_SHARED(float[33], s);
  s[threadIdx.x] = 1;
  __syncthreads();
  y[threadIdx.x] = s[threadIdx.x + 1];
}

/// Every block adds its part and counts itself; the last one adds up. Right with the fence, a race without.
template <bool WithFence>
__global__ void last_block_kernel(const float* x, float* parts, int* num_finished, float* y) {
  const float sum = cuda::warp_sum(x[blockIdx.x * 32 + threadIdx.x]);
  bool is_last = false;
  if (threadIdx.x == 0) {
    parts[blockIdx.x] = sum;
    if (WithFence) __threadfence();
    is_last = atomicAdd(num_finished, 1) == static_cast<int>(gridDim.x) - 1;
  }
  if (!is_last) return;
  __threadfence();
  float total = 0;
  for (unsigned i = 0; i < gridDim.x; ++i) total += parts[i];
  *y = total;
}

/// The fence is there, but the write comes after it.
__global__ void write_after_fence_kernel(float* parts, int* num_started, int* num_finished, float* y) {
  __threadfence();
  atomicAdd(num_started, 1);
  parts[blockIdx.x] = 1;
  if (atomicAdd(num_finished, 1) == static_cast<int>(gridDim.x) - 1) *y = parts[(blockIdx.x + 1) % gridDim.x];
}

/// The last block's other threads read too, but nothing orders them after the thread that counted.
__global__ void last_block_without_barrier_kernel(float* parts, int* num_finished, float* y) {
  SEGPREF_SHARED(int, is_last);
  if (threadIdx.x == 0) {
    parts[blockIdx.x] = 1;
    __threadfence();
    is_last = atomicAdd(num_finished, 1) == static_cast<int>(gridDim.x) - 1;
  }
  const bool last = cuda::warp_broadcast(threadIdx.x == 0 ? is_last : 0, 0) != 0;  // the value arrives, the order does not
  if (last && threadIdx.x < gridDim.x && threadIdx.x != blockIdx.x) y[threadIdx.x] = parts[threadIdx.x];
}

TEST(MemoryCheck, SharedMemoryReusedWithoutABarrierIsARace) {
  Buffer<float> y(256);
  EXPECT_LAUNCH_ERROR("data race in shared memory at tests/simt/harness_tests/memory_test.cpp:", launch(reuse_kernel, 1, 256, 0, y.get()));
}

TEST(MemoryCheck, NoReaderIsForgotten) {
  const KeepOptions keep;
  options().order = Order::reverse;  // warp 3 reads first, thread 0 last
  Buffer<float> y(128);
  EXPECT_LAUNCH_ERROR("this write and an earlier read by thread", launch(old_reader_kernel, 1, 128, 0, y.get()));
}

TEST(MemoryCheck, UnprotectedSumsAreRaces) {
  Buffer<float> y(1, 0.0f);
  EXPECT_LAUNCH_ERROR("data race in global memory", launch(unprotected_sum_kernel, 1, 32, 0, y.get()));
}

TEST(MemoryCheck, AtomicOperationsDoNotRaceWithEachOther) {
  Buffer<float> y(1, 0.0f);
  launch(atomic_sum_kernel, 4, 256, 0, y.get());
  EXPECT_EQ(y.to_host()[0], 1024.0f);
}

TEST(MemoryCheck, NoAtomicOperationIsForgotten) {
  const KeepOptions keep;
  options().order = Order::reverse;  // thread 0 comes last and reads right after its own
  Buffer<float> sum(1, 0.0f), y(1);
  EXPECT_LAUNCH_ERROR("an earlier atomic operation by thread", launch(read_beside_atomics_kernel, 1, 64, 0, sum.get(), y.get()));
}

TEST(MemoryCheck, BlocksAreNotOrdered) {
  Buffer<float> y(1);
  EXPECT_LAUNCH_ERROR("of another block are not ordered", launch(one_thread_per_block_kernel, 4, 32, 0, y.get()));
}

TEST(MemoryCheck, LaunchesAreOrdered) {
  Buffer<float> x(32, 1.0f), y(32);
  for (int i = 0; i < 3; ++i) launch(copy_kernel, 1, 32, 0, x.get(), y.get());
  EXPECT_EQ(y.to_host()[5], 1.0f);
}

TEST(MemoryCheck, UninitialisedMemoryIsNotRead) {
  Buffer<float> x(32), y(32);
  EXPECT_LAUNCH_ERROR("uninitialised global memory", launch(copy_kernel, 1, 32, 0, x.get(), y.get()));
  EXPECT_LAUNCH_ERROR("uninitialised shared memory", launch(uninitialised_shared_kernel, 1, 32, 0, y.get()));
}

TEST(MemoryCheck, TheHostDoesNotReadItEither) {
  Buffer<float> y(32);
  EXPECT_LAUNCH_ERROR("the host reads device memory that nobody wrote", y.to_host());
}

TEST(MemoryCheck, BoundsHold) {
  Buffer<float> y(32);
  EXPECT_LAUNCH_ERROR("out-of-bounds write of 4 bytes in global memory", launch(beyond_the_end_kernel, 1, 32, 0, y.get()));
  EXPECT_LAUNCH_ERROR("out-of-bounds read of 4 bytes in shared memory", launch(beyond_shared_kernel, 1, 32, 0, y.get()));
}

TEST(MemoryCheck, WholeStructsAreSeen) {
  Buffer<Wide> x(3), y(4), z(4, Wide{});
  EXPECT_LAUNCH_ERROR("uninitialised global memory", launch(copy_struct_kernel, 1, 3, 0, x.get(), y.get()));
  EXPECT_LAUNCH_ERROR("out-of-bounds", launch(copy_struct_kernel, 1, 5, 0, z.get(), y.get()));
}

TEST(MemoryCheck, VectorsAreSeen) {
  Buffer<float> x(15, 1.0f);
  Buffer<float4> y(4);
  EXPECT_LAUNCH_ERROR("out-of-bounds read", launch(vector_load_kernel, 1, 4, 0, x.get(), y.get()));
}

TEST(MemoryCheck, LoadsAreAligned) {
  Buffer<float> x(32, 1.0f);
  Buffer<double> y(4);
  EXPECT_LAUNCH_ERROR("misaligned read of 8 bytes", launch(wide_load_kernel, 1, 4, 0, x.get() + 1, y.get()));
}

TEST(MemoryCheck, HostPointersAreNotDeviceMemory) {
  const std::vector<float> host(32, 1.0f);
  Buffer<float> y(32);
  EXPECT_LAUNCH_ERROR("which is not device memory", launch(copy_kernel, 1, 32, 0, host.data(), y.get()));
}

TEST(MemoryCheck, FreedMemoryIsGone) {
  Buffer<float> y(32);
  const float* kept = nullptr;
  {
    Buffer<float> x(32, 1.0f);
    kept = x.get();
  }
  EXPECT_LAUNCH_ERROR("out-of-bounds read", launch(copy_kernel, 1, 32, 0, kept, y.get()));
}

TEST(MemoryCheck, AFenceAndAnAtomicOperationOrderBlocks) {
  Buffer<float> x(128, 1.0f), parts(4), y(1);
  Buffer<int> num_finished(1, 0), again(1, 0);
  launch(last_block_kernel<true>, 4, 32, 0, x.get(), parts.get(), num_finished.get(), y.get());
  EXPECT_EQ(y.to_host()[0], 128.0f);
  EXPECT_LAUNCH_ERROR("of another block are not ordered", launch(last_block_kernel<false>, 4, 32, 0, x.get(), parts.get(), again.get(), y.get()));
}

TEST(MemoryCheck, AFenceOrdersWhatCameBeforeItAlone) {
  Buffer<float> parts(4), y(4);
  Buffer<int> num_started(1, 0), num_finished(1, 0);
  EXPECT_LAUNCH_ERROR("of another block are not ordered",
                      launch(write_after_fence_kernel, 4, 1, 0, parts.get(), num_started.get(), num_finished.get(), y.get()));
}

TEST(MemoryCheck, TheyOrderTheirOwnThreadAlone) {
  Buffer<float> parts(4), y(4);
  Buffer<int> num_finished(1, 0);
  EXPECT_LAUNCH_ERROR("of another block are not ordered", launch(last_block_without_barrier_kernel, 4, 32, 0, parts.get(), num_finished.get(), y.get()));
}

TEST(MemoryCheck, SeesEveryAccess) {
  const std::uint64_t before = statistics().memory_accesses;
  Buffer<float> x(32, 1.0f), y(32);
  launch(copy_kernel, 1, 32, 0, x.get(), y.get());
  EXPECT_EQ(statistics().memory_accesses - before, 64u);
}

}  // namespace
}  // namespace segpref::simt
