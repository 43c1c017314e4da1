// Device memory, streams, graphs and event times, as the benches use them: everything on the first device.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "host/device/with_cuda/check.hpp"
#include "host/device/with_cuda/stream.hpp"
#include "segpref/view.hpp"

namespace segpref::bench {

inline constexpr Device gpu{Device::Kind::cuda, 0};

template <typename T>
class DeviceArray {
 public:
  explicit DeviceArray(std::size_t size) : size_(size) {
    if (size > 0) device::check(cudaMalloc(reinterpret_cast<void**>(&data_), bytes()), "cudaMalloc");
  }
  /// The copy may go on after this returns: wait for the device before another stream than the default one reads.
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    if (size_ > 0) device::check(cudaMemcpy(data_, values.data(), bytes(), cudaMemcpyHostToDevice), "cudaMemcpy");
  }
  ~DeviceArray() { static_cast<void>(cudaFree(data_)); }
  DeviceArray(DeviceArray&& other) noexcept : size_(other.size_), data_(other.data_) { other.data_ = nullptr; }
  DeviceArray& operator=(DeviceArray&&) = delete;

  T* get() const { return data_; }
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return size_ * sizeof(T); }
  void copy_to(std::vector<T>& values) const {
    if (size_ > 0) device::check(cudaMemcpy(values.data(), data_, bytes(), cudaMemcpyDeviceToHost), "cudaMemcpy");
  }
  ConstTensorView read(std::initializer_list<std::int64_t> shape) const { return view(static_cast<const T*>(data_), shape, gpu); }
  TensorView write(std::initializer_list<std::int64_t> shape) const { return view(data_, shape, gpu); }

 private:
  std::size_t size_;
  T* data_ = nullptr;
};

using device::Graph;
using device::Stream;

/// Time between two events around what a body enqueues. Waits for it.
class Stopwatch {
 public:
  Stopwatch() {
    for (cudaEvent_t* event : {&begin_, &end_}) device::check(cudaEventCreate(event), "cudaEventCreate");
  }
  ~Stopwatch() {
    for (cudaEvent_t event : {begin_, end_}) static_cast<void>(cudaEventDestroy(event));
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

  template <typename Body>
  double microseconds(const Stream& stream, Body body) const {
    device::check(cudaEventRecord(begin_, stream.get()), "cudaEventRecord");
    body();
    device::check(cudaEventRecord(end_, stream.get()), "cudaEventRecord");
    device::check(cudaEventSynchronize(end_), "cudaEventSynchronize");
    float milliseconds = 0;
    device::check(cudaEventElapsedTime(&milliseconds, begin_, end_), "cudaEventElapsedTime");
    return 1e3 * static_cast<double>(milliseconds);
  }

 private:
  cudaEvent_t begin_ = nullptr, end_ = nullptr;
};

}  // namespace segpref::bench
