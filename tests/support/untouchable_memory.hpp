// A stand-in for device memory in tests of host code: addresses that end the process when it touches them.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>

namespace segpref::testing {

class UntouchableMemory {
 public:
  explicit UntouchableMemory(std::size_t bytes) : bytes_(bytes), data_(mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    if (data_ == MAP_FAILED) throw std::bad_alloc();
  }
  ~UntouchableMemory() { munmap(data_, bytes_); }
  UntouchableMemory(const UntouchableMemory&) = delete;
  UntouchableMemory& operator=(const UntouchableMemory&) = delete;

  template <typename T>
  T* as() const { return static_cast<T*>(data_); }

 private:
  std::size_t bytes_;
  void* data_;
};

}  // namespace segpref::testing
