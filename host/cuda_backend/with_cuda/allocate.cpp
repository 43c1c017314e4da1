#include "host/cuda_backend/cuda_backend.hpp"
#include "host/device/with_cuda/current_device.hpp"

namespace segpref::cuda_backend {

std::byte* allocate(const Context& context, const Device& device, std::size_t bytes) {
  if (bytes == 0) return nullptr;
  const device::CurrentDevice current(device.index);
  void* data = nullptr;
  device::check(cudaMallocAsync(&data, bytes, static_cast<cudaStream_t>(context.stream())), "cudaMallocAsync");
  return static_cast<std::byte*>(data);
}

void release(const Context& context, const Device& device, std::byte* data) noexcept {
  if (data == nullptr) return;
  try {
    const device::CurrentDevice current(device.index);
    static_cast<void>(cudaFreeAsync(data, static_cast<cudaStream_t>(context.stream())));  // a device that fails here has failed before: that was reported
  } catch (...) {
  }
}

}  // namespace segpref::cuda_backend
