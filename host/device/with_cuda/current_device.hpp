// Makes a device the thread's current one for a while: launches go to it, and the legacy default stream is its own. Restoring a device that
// nobody has used yet wakes it up (since CUDA 12): a program with tensors on cuda:1 alone saves that by making cuda:1 its current device.
#pragma once

#include "host/device/with_cuda/check.hpp"

namespace segpref::device {

class CurrentDevice {
 public:
  explicit CurrentDevice(int index) {
    check(cudaGetDevice(&previous_), "cudaGetDevice");
    if (index == previous_) return;
    check(cudaSetDevice(index), "cudaSetDevice");
    has_changed_ = true;
  }
  ~CurrentDevice() {
    if (has_changed_) static_cast<void>(cudaSetDevice(previous_));  // it was current before: nothing to report that the next call would not
  }
  CurrentDevice(const CurrentDevice&) = delete;
  CurrentDevice& operator=(const CurrentDevice&) = delete;

 private:
  int previous_ = 0;
  bool has_changed_ = false;
};

}  // namespace segpref::device
