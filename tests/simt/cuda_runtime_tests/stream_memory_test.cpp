// Memory used by a stream before or after it exists there. Check mode only.
#include "tests/simt/cuda_runtime/cuda_runtime.hpp"
#include "tests/simt/harness_tests/expect_error.hpp"

namespace segpref::simt {
namespace {

__global__ void write_kernel(float* y) { y[threadIdx.x] = 1; }

cudaError_t write(float* y, cudaStream_t stream) {
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(1);
  config.blockDim = dim3(4);
  config.stream = stream;
  return cudaLaunchKernelEx(&config, write_kernel, y);
}

struct StreamMemory : testing::Test {
  cudaStream_t first = nullptr, second = nullptr;
  float* y = nullptr;

  void SetUp() override {
    cudaStreamCreate(&first);
    cudaStreamCreate(&second);
    cudaMallocAsync(&y, 4 * sizeof(float), first);
  }
  void TearDown() override {
    cudaStreamDestroy(first);
    cudaStreamDestroy(second);
  }
};

TEST_F(StreamMemory, IsNotThereForAnotherStream) {
  write(y, second);
  const std::string message = error_of([] { cudaDeviceSynchronize(); });
  EXPECT_TRUE(message.find("out-of-bounds write") != std::string::npos || message.find("are not ordered") != std::string::npos) << message;
}

TEST_F(StreamMemory, IsGoneAfterItsRelease) {
  cudaFreeAsync(y, first);
  write(y, first);
  EXPECT_LAUNCH_ERROR("out-of-bounds write", cudaDeviceSynchronize());
}

TEST_F(StreamMemory, IsNotReleasedUnderAnotherStreamsHands) {
  cudaStreamSynchronize(first);
  write(y, second);
  cudaFreeAsync(y, first);
  const std::string message = error_of([] { cudaDeviceSynchronize(); });
  EXPECT_TRUE(message.find("cudaFree") != std::string::npos || message.find("out-of-bounds write") != std::string::npos) << message;
}

TEST_F(StreamMemory, IsNotCopiedBeforeItWasWritten) {
  float host[4];
  cudaMemcpyAsync(host, y, sizeof host, cudaMemcpyDeviceToHost, first);
  EXPECT_LAUNCH_ERROR("uninitialised global memory at cudaMemcpy (source)", cudaDeviceSynchronize());
}

}  // namespace
}  // namespace segpref::simt
