#include "host/device/query.hpp"

#include <fmt/format.h>

#include "host/device/with_cuda/check.hpp"

namespace segpref::device {
namespace {

std::string problem_of(cudaError_t code, const Driver& found) {
  switch (code) {
    case cudaSuccess:
    case cudaErrorNoDevice: return "no CUDA device was found";
    case cudaErrorInsufficientDriver:
      if (found.driver_version == 0) return "no CUDA driver was found";
      return fmt::format("the CUDA driver is too old: it runs CUDA {}, and this segpref was built with {}", version_words(found.driver_version),
                         version_words(found.runtime_version));
    default: return fmt::format("the CUDA driver does not answer: {} ({})", cudaGetErrorString(code), cudaGetErrorName(code));
  }
}

}  // namespace

Driver find_driver() {
  Driver found;
  found.built_with_cuda = true;
  found.architectures = SEGPREF_CUDA_ARCHITECTURES;
  // Each leaves its number at 0 where it fails, and the count says why.
  static_cast<void>(cudaRuntimeGetVersion(&found.runtime_version));
  static_cast<void>(cudaDriverGetVersion(&found.driver_version));
  const cudaError_t code = cudaGetDeviceCount(&found.num_devices);
  if (code != cudaSuccess) found.num_devices = 0;
  if (found.num_devices == 0) found.problem = problem_of(code, found);
  static_cast<void>(cudaGetLastError());  // the answer is kept here, not in the thread's state
  return found;
}

Description describe(int index) {
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties");
  Description found;
  found.name = properties.name;
  found.compute_capability = 10 * properties.major + properties.minor;
  found.num_multiprocessors = properties.multiProcessorCount;
  found.shared_memory_per_block = static_cast<std::int64_t>(properties.sharedMemPerBlockOptin);
  found.memory_bytes = static_cast<std::int64_t>(properties.totalGlobalMem);
  return found;
}

}  // namespace segpref::device
