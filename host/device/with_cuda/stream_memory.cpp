#include "host/device/stream_memory.hpp"

#include "host/device/with_cuda/current_device.hpp"
#include "segpref/error.hpp"

namespace segpref::device {

StreamMemory::StreamMemory(std::size_t bytes, int index, void* stream) : index_(index), stream_(stream) {
  if (bytes == 0) return;
  const CurrentDevice current(index);
  void* data = nullptr;
  check(cudaMallocAsync(&data, bytes, static_cast<cudaStream_t>(stream)), "cudaMallocAsync");
  data_ = static_cast<std::byte*>(data);
}

StreamMemory::~StreamMemory() {
  if (data_ == nullptr) return;
  try {
    const CurrentDevice current(index_);
    check(cudaFreeAsync(data_, static_cast<cudaStream_t>(stream_)), "cudaFreeAsync");
  } catch (const Error&) {
    // Only a device that is lost refuses, and its memory went with it.
  }
}

}  // namespace segpref::device
