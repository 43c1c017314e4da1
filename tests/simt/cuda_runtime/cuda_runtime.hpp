// A CUDA runtime without a GPU, for tests of host code: the toolkit's own declarations, our definitions, kernels run by the harness.
//
// Streams are lazy: nothing runs before somebody waits for it, and independent streams advance in random order. So a result that was not
// waited for is not there, and a host buffer that is reused too early arrives with the wrong content. In check mode every access to device
// memory knows the operation it belongs to: two streams that touch the same bytes without an event between them are reported, in any order.
// What is not defined here is not modelled: linking fails and names it.
#pragma once

#ifndef SEGPREF_SIMT_CUDA_TOOLKIT
#error "the fake CUDA runtime needs the toolkit's headers: build the test with segpref_add_simt_host_test"
#endif

#include <cuda_runtime_api.h>
//
#include "tests/simt/harness/device.hpp"
//
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "tests/simt/harness/core/launch.hpp"

namespace segpref::simt {

/// Enqueues one kernel launch after the checks that the CUDA runtime makes.
cudaError_t enqueue_kernel(const cudaLaunchConfig_t& config, const void* kernel, std::function<void()> run);

/// Operations that nobody has waited for yet, of all streams.
std::size_t num_pending_operations();

}  // namespace segpref::simt

// The templates that C++ users of the toolkit get from cuda_runtime.h.
template <typename... Parameters, typename... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...), Arguments&&... arguments) {
  struct Call {
    void (*kernel)(Parameters...);
    std::tuple<std::remove_cv_t<Parameters>...> arguments;
  };
  const Call call{kernel, {static_cast<Parameters>(std::forward<Arguments>(arguments))...}};
  const auto* address = reinterpret_cast<const void*>(kernel);
  const auto run = [call, config = *config, address] {
    segpref::simt::Launch launch;
    launch.grid = {config.gridDim.x, config.gridDim.y, config.gridDim.z};
    launch.block = {config.blockDim.x, config.blockDim.y, config.blockDim.z};
    launch.dynamic_shared_bytes = config.dynamicSmemBytes;
    launch.kernel = address;
    launch.call = [](const void* untyped) {
      const auto& c = *static_cast<const Call*>(untyped);
      std::apply(c.kernel, c.arguments);
    };
    launch.arguments = &call;
    launch.arguments_bytes = sizeof call;
    segpref::simt::run_launch(launch);
  };
  return segpref::simt::enqueue_kernel(*config, address, run);
}

template <typename Function>
cudaError_t cudaFuncSetAttribute(Function* kernel, cudaFuncAttribute attribute, int value) {
  return ::cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), attribute, value);
}
template <typename T>
cudaError_t cudaMalloc(T** p, std::size_t bytes) { return ::cudaMalloc(reinterpret_cast<void**>(p), bytes); }
template <typename T>
cudaError_t cudaMallocAsync(T** p, std::size_t bytes, cudaStream_t stream) { return ::cudaMallocAsync(reinterpret_cast<void**>(p), bytes, stream); }
