// The benches of the CUDA back end. Without a GPU they say so and fail: nothing was measured.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdio>

#include "bench/cuda/device.hpp"
#include "host/device/device.hpp"

int main(int argc, char** argv) {
  using namespace segpref;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  if (device::driver().num_devices == 0) {
    std::fprintf(stderr, "segpref_cuda_bench: no GPU: %s\n", device::driver().problem.c_str());
    return 1;
  }
  const device::Description& description = device::description(bench::gpu.index);
  benchmark::AddCustomContext("gpu", description.name);
  benchmark::AddCustomContext("compute_capability", fmt::format("{}", description.compute_capability));
  benchmark::AddCustomContext("cuda_driver", device::version_words(device::driver().driver_version));
  benchmark::AddCustomContext("cuda_runtime", device::version_words(device::driver().runtime_version));
  benchmark::RunSpecifiedBenchmarks();
}
