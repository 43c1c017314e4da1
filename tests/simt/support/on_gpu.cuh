// Buffers and launches of a kernel test on a real GPU, with the names of in_harness.hpp.
#pragma once

#include <cuda_runtime.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/cuda/primitives/compiler.cuh"

namespace segpref::simt {

class Error : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void check(cudaError_t code, const char* what) {
  if (code != cudaSuccess) throw Error(std::string(what) + ": " + cudaGetErrorString(code));
}

/// Whether memory that nobody has written yet holds NaN patterns. SEGPREF_GPU_FILL=0 leaves it as it comes, so that compute-sanitizer's initcheck
/// sees what is read before it is written.
inline bool fills_memory() {
  const char* wish = std::getenv("SEGPREF_GPU_FILL");
  return wish == nullptr || std::string_view(wish) != "0";
}

/// Device memory.
template <typename T>
class Buffer {
 public:
  explicit Buffer(std::size_t size) : size_(size) {
    if (size == 0) return;
    check(cudaMalloc(reinterpret_cast<void**>(&data_), size * sizeof(T)), "cudaMalloc");
    if (fills_memory()) check(cudaMemset(data_, 0xff, size * sizeof(T)), "cudaMemset");
  }
  explicit Buffer(const std::vector<T>& values) : Buffer(values.size()) {
    if (size_ > 0) check(cudaMemcpy(data_, values.data(), size_ * sizeof(T), cudaMemcpyHostToDevice), "cudaMemcpy");
  }
  Buffer(std::size_t size, T value) : Buffer(std::vector<T>(size, value)) {}
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { cudaFree(data_); }

  T* get() const { return data_; }
  std::size_t size() const { return size_; }
  std::vector<T> to_host() const {
    std::vector<T> values(size_);
    if (size_ > 0) check(cudaMemcpy(values.data(), data_, size_ * sizeof(T), cudaMemcpyDeviceToHost), "cudaMemcpy");
    return values;
  }

 private:
  std::size_t size_;
  T* data_ = nullptr;
};

template <typename... Parameters, typename... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes, Arguments&&... arguments) {
  const auto bytes = static_cast<int>(shared_bytes);
  check(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), "cudaFuncSetAttribute");
  kernel<<<grid, block, shared_bytes>>>(static_cast<Parameters>(std::forward<Arguments>(arguments))...);
  check(cudaGetLastError(), "kernel launch");
  check(cudaDeviceSynchronize(), "kernel");
}

}  // namespace segpref::simt
