// Arrays in device memory that belong to one stream: copies and kernels on it are in order, and no others touch them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "host/device/stream_memory.hpp"
#include "host/device/with_cuda/stream.hpp"
#include "segpref/view.hpp"

namespace segpref::device {

template <typename T>
class StreamArray {
 public:
  /// Uninitialised. @throws Error(out_of_memory)
  StreamArray(std::size_t size, int index, const Stream& stream) : stream_(stream.get()), index_(index), size_(size), memory_(size * sizeof(T), index, stream.get()) {}
  /// A copy of host memory, which must stay as it is until the stream has made it.
  StreamArray(std::span<const T> values, int index, const Stream& stream) : StreamArray(values.size(), index, stream) { upload(values); }

  T* data() const { return reinterpret_cast<T*>(memory_.data()); }
  std::size_t size() const { return size_; }
  /// @param values  as many as the array has, or fewer; the same rule as above
  void upload(std::span<const T> values) { copy(data(), values.data(), values.size(), cudaMemcpyHostToDevice); }
  /// There when the stream has come so far.
  void download(std::span<T> values) const { copy(values.data(), data(), values.size(), cudaMemcpyDeviceToHost); }

  ConstTensorView read(std::initializer_list<std::int64_t> shape) const { return view(static_cast<const T*>(data()), shape, {Device::Kind::cuda, index_}); }
  TensorView write(std::initializer_list<std::int64_t> shape) const { return view(data(), shape, {Device::Kind::cuda, index_}); }
  ConstTensorView read() const { return read({static_cast<std::int64_t>(size_)}); }
  TensorView write() const { return write({static_cast<std::int64_t>(size_)}); }

 private:
  void copy(void* to, const void* from, std::size_t count, cudaMemcpyKind kind) const {
    if (count > 0) check(cudaMemcpyAsync(to, from, count * sizeof(T), kind, stream_), "cudaMemcpyAsync");
  }

  cudaStream_t stream_;
  int index_;
  std::size_t size_;
  StreamMemory memory_;
};

}  // namespace segpref::device
