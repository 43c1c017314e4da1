// Runs tests on this machine's GPU. Without one it says so and ends with the code that ctest reports as skipped, never as passed.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cstdio>

namespace {

constexpr int exit_code_of_skipped = 77;  // SKIP_RETURN_CODE in CMakeLists.txt

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  int num_devices = 0;
  const cudaError_t code = cudaGetDeviceCount(&num_devices);
  if (code != cudaSuccess || num_devices == 0) {
    std::printf("not run: no GPU (%s)\n", cudaGetErrorString(code == cudaSuccess ? cudaErrorNoDevice : code));
    return exit_code_of_skipped;
  }
  cudaDeviceProp properties{};
  if (cudaGetDeviceProperties(&properties, 0) != cudaSuccess) return 1;
  std::printf("on %s (sm_%d%d)\n", properties.name, properties.major, properties.minor);
  return RUN_ALL_TESTS();
}
