// What tests of the library's host code on the modelled devices have in common.
#pragma once

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "segpref/view.hpp"
#include "tests/simt/cuda_runtime/cuda_runtime.hpp"
#include "tests/simt/support/kernel_test.hpp"

namespace segpref::simt {

/// A stream of one device, made while that device is the current one.
class Stream {
 public:
  explicit Stream(int device = 0) {
    int previous = 0;
    EXPECT_EQ(cudaGetDevice(&previous), cudaSuccess);
    EXPECT_EQ(cudaSetDevice(device), cudaSuccess);
    EXPECT_EQ(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), cudaSuccess);
    EXPECT_EQ(cudaSetDevice(previous), cudaSuccess);
  }
  ~Stream() { EXPECT_EQ(cudaStreamDestroy(stream_), cudaSuccess); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  cudaStream_t get() const { return stream_; }
  void wait() const { EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess); }
  bool is_idle() const { return cudaStreamQuery(stream_) == cudaSuccess; }

 private:
  cudaStream_t stream_ = nullptr;
};

/// A one-dimensional view of device memory.
template <typename T>
TensorView on_device(const Buffer<T>& buffer, int device = 0) {
  return view(buffer.get(), {static_cast<std::int64_t>(buffer.size())}, Device{Device::Kind::cuda, device});
}

}  // namespace segpref::simt
