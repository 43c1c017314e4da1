// A workspace of a call's own on a CUDA device: allocated and released in the order of the context's stream, so that the call need not wait.
#pragma once

#include "host/cuda_backend/cuda_backend.hpp"

namespace segpref::cuda_backend {

class DeviceWorkspace {
 public:
  DeviceWorkspace(const Context& context, const Device& device, std::size_t bytes) : context_(context), device_(device), bytes_(bytes), data_(allocate(context, device, bytes)) {}
  ~DeviceWorkspace() { release(context_, device_, data_); }
  DeviceWorkspace(const DeviceWorkspace&) = delete;
  DeviceWorkspace& operator=(const DeviceWorkspace&) = delete;

  Workspace get() const { return {data_, bytes_}; }

 private:
  const Context& context_;
  Device device_;
  std::size_t bytes_;
  std::byte* data_;
};

}  // namespace segpref::cuda_backend
