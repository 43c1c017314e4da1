// Copies that arrive late, and what must not be done before.
#include "kernels/cuda/primitives/async_copy.cuh"

#include <algorithm>
#include <cmath>

#include "kernels/cuda/primitives/block.cuh"
#include "tests/simt/harness_tests/expect_error.hpp"

namespace segpref::simt {
namespace {

struct alignas(16) Chunk {
  float values[4];
};

/// Each of 32 threads brings one chunk and reads its neighbour's.
template <int GroupsInFlight>
__global__ void neighbour_kernel(const float* x, float* y) {
  SEGPREF_SHARED(Chunk[32], chunks);
  const int lane = cuda::lane_of_thread();
  cuda::async_copy_16(&chunks[lane], x + 4 * lane, true);
  cuda::async_copy_commit();
  cuda::async_copy_wait<GroupsInFlight>();
  __syncthreads();
  y[lane] = chunks[(lane + 1) % 32].values[0];
  cuda::async_copy_wait<0>();
}

/// A tail of a row: chunks that are not valid become zeros.
__global__ void zero_fill_kernel(const float* x, float* y) {
  SEGPREF_SHARED(Chunk[2], chunks);
  SEGPREF_SHARED(float, single);
  for (int i = 0; i < 2; ++i) cuda::async_copy_16(&chunks[i], i == 0 ? x : nullptr, i == 0);
  cuda::async_copy_4(&single, x + 3, true);
  cuda::async_copy_commit();
  cuda::async_copy_commit();  // an empty group is one too
  cuda::async_copy_wait<1>();
  for (int i = 0; i < 8; ++i) y[i] = chunks[i / 4].values[i % 4];
  y[8] = single;
}

__global__ void never_waited_kernel(const float* x) {
  SEGPREF_SHARED(Chunk, chunk);
  cuda::async_copy_16(&chunk, x, true);
  cuda::async_copy_commit();
}

__global__ void misaligned_kernel(const float* x) {
  SEGPREF_SHARED(float[16], s);
  cuda::async_copy_16(s + 1, x, true);
}
__global__ void misaligned_source_kernel(const float* x) {
  SEGPREF_SHARED(Chunk, chunk);
  cuda::async_copy_16(&chunk, x + 1, true);
}
__global__ void not_shared_kernel(float* x) { cuda::async_copy_16(x, x + 4, true); }

/// The source is overwritten before the copy was waited for.
__global__ void changing_source_kernel(float* x) {
  SEGPREF_SHARED(Chunk, chunk);
  cuda::async_copy_16(&chunk, x, true);
  cuda::async_copy_commit();
  x[2] = 5;
  cuda::async_copy_wait<0>();
}

std::vector<float> counting(int n) {
  std::vector<float> x;
  for (int i = 0; i < n; ++i) x.push_back(static_cast<float>(i));
  return x;
}

TEST(AsyncCopy, ArrivesWhenWaitedFor) {
  Buffer<float> x(counting(128)), y(32);
  launch(neighbour_kernel<0>, 1, 32, 0, x.get(), y.get());
  EXPECT_EQ(y.to_host()[3], 16.0f);
}

TEST(AsyncCopy, FillsWithZeros) {
  Buffer<float> x(counting(4)), y(9);
  launch(zero_fill_kernel, 1, 1, 0, x.get(), y.get());
  EXPECT_EQ(y.to_host(), (std::vector<float>{0, 1, 2, 3, 0, 0, 0, 0, 3}));
}

TEST(AsyncCopy, IsNotThereBefore) {
  Buffer<float> x(counting(128)), y(32);
  if (mode == Mode::check) {
    EXPECT_LAUNCH_ERROR("an asynchronous copy still writes", launch(neighbour_kernel<1>, 1, 32, 0, x.get(), y.get()));
  } else {
    launch(neighbour_kernel<1>, 1, 32, 0, x.get(), y.get());
    // Nobody waits before the end: who reads first finds nothing.
    const std::vector<float> values = y.to_host();
    EXPECT_TRUE(std::any_of(values.begin(), values.end(), [](float value) { return std::isnan(value); }));
  }
}

TEST(AsyncCopy, MustBeWaitedFor) {
  Buffer<float> x(counting(4));
  EXPECT_LAUNCH_ERROR("1 asynchronous copies that it never waited for", launch(never_waited_kernel, 1, 1, 0, x.get()));
}

TEST(AsyncCopy, NeedsAlignedAddressesInTheRightMemory) {
  Buffer<float> x(counting(8));
  EXPECT_LAUNCH_ERROR("misaligned write of 16 bytes", launch(misaligned_kernel, 1, 1, 0, x.get()));
  EXPECT_LAUNCH_ERROR("misaligned source", launch(misaligned_source_kernel, 1, 1, 0, x.get()));
  EXPECT_LAUNCH_ERROR("not in this block's shared memory", launch(not_shared_kernel, 1, 1, 0, x.get()));
}

TEST(AsyncCopy, TheSourceMustNotChange) {
  Buffer<float> x(counting(4));
  EXPECT_LAUNCH_ERROR("changed while it was on its way", launch(changing_source_kernel, 1, 1, 0, x.get()));
}

}  // namespace
}  // namespace segpref::simt
