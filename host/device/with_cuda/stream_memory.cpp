#include "host/device/stream_memory.hpp"

#include <fmt/format.h>

#include "host/device/with_cuda/current_device.hpp"
#include "segpref/error.hpp"

namespace segpref::device {
namespace {

/// An allocation that failed for lack of memory says how much was wanted, and how much there is.
void check_allocation(cudaError_t code, std::size_t bytes, int index) {
  try {
    check(code, "cudaMallocAsync");
  } catch (const Error& error) {
    std::size_t free = 0, total = 0;
    if (error.code() != ErrorCode::out_of_memory || cudaMemGetInfo(&free, &total) != cudaSuccess) throw;
    throw Error(ErrorCode::out_of_memory, fmt::format("cannot allocate {} bytes on cuda:{}, where {} of {} are free: {}", bytes, index, free, total, error.what()));
  }
}

}  // namespace

StreamMemory::StreamMemory(std::size_t bytes, int index, void* stream) : index_(index), stream_(stream) {
  if (bytes == 0) return;
  const CurrentDevice current(index);
  void* data = nullptr;
  check_allocation(cudaMallocAsync(&data, bytes, static_cast<cudaStream_t>(stream)), bytes, index);
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
