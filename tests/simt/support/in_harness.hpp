// Buffers and launches of the harness.
#pragma once

#include <cstring>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/cuda/primitives/compiler.cuh"
#include "tests/simt/harness/core/arena.hpp"
#include "tests/simt/harness/core/launch.hpp"

namespace segpref::simt {

/// Device memory. What was not given at construction is uninitialised: a kernel that reads it is wrong.
template <typename T>
class Buffer {
 public:
  explicit Buffer(std::size_t size) : size_(size), data_(static_cast<T*>(arena::allocate(size * sizeof(T), ByteState::uninitialised))) {}
  explicit Buffer(const std::vector<T>& values) : Buffer(values.size()) {
    if (size_ > 0) arena::write_from_host(data_, values.data(), size_ * sizeof(T));
  }
  Buffer(std::size_t size, T value) : Buffer(std::vector<T>(size, value)) {}
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { arena::release(data_); }

  T* get() const { return data_; }
  std::size_t size() const { return size_; }
  /// A copy on the host. Throws Error when some of it was never written.
  std::vector<T> to_host() const {
    std::vector<T> values(size_);
    if (size_ > 0) arena::read_to_host(values.data(), data_, size_ * sizeof(T));
    return values;
  }

 private:
  std::size_t size_;
  T* data_;
};

/// kernel<<<grid, block, shared_bytes>>>(arguments...), to its end. Throws Error when the kernel breaks a rule.
template <typename... Parameters, typename... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes, Arguments&&... arguments) {
  struct Call {
    void (*kernel)(Parameters...);
    std::tuple<std::remove_cv_t<Parameters>...> arguments;
  };
  const Call call{kernel, {static_cast<Parameters>(std::forward<Arguments>(arguments))...}};
  Launch launch;
  launch.grid = {grid.x, grid.y, grid.z};
  launch.block = {block.x, block.y, block.z};
  launch.dynamic_shared_bytes = shared_bytes;
  launch.kernel = reinterpret_cast<const void*>(kernel);
  launch.call = [](const void* untyped) {
    const auto& c = *static_cast<const Call*>(untyped);
    std::apply(c.kernel, c.arguments);
  };
  launch.arguments = &call;
  launch.arguments_bytes = sizeof call;
  run_launch(launch);
}

}  // namespace segpref::simt
