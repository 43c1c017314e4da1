// Device memory of the fake runtime: allocation, copies and fills, in the order of their streams.
#include <cstring>
#include <vector>

#include "tests/simt/cuda_runtime/cuda_runtime.hpp"
#include "tests/simt/cuda_runtime/streams.hpp"
#include "tests/simt/harness/core/arena.hpp"
#include "tests/simt/harness/core/memory_check.hpp"

namespace segpref::simt {
namespace {

void copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (to_device != arena::is_device_range(to, bytes)) throw Error("cudaMemcpy: the target is not the memory that the kind names, or ends too early");
  if (from_device != arena::is_device_range(from, bytes)) throw Error("cudaMemcpy: the source is not the memory that the kind names, or ends too early");
  std::vector<std::byte> buffer(bytes);
  if (from_device) {
    check_transfer(from, bytes, Access::read, "cudaMemcpy (source)");
    arena::read_to_host(buffer.data(), from, bytes);
  } else {
    std::memcpy(buffer.data(), from, bytes);
  }
  if (to_device) {
    check_transfer(to, bytes, Access::write, "cudaMemcpy (target)");
    arena::write_from_host(to, buffer.data(), bytes);
  } else {
    std::memcpy(to, buffer.data(), bytes);
  }
}

void fill(void* p, int value, std::size_t bytes) {
  if (!arena::is_device_range(p, bytes)) throw Error("cudaMemset: not device memory, or it ends too early");
  check_transfer(p, bytes, Access::write, "cudaMemset");
  const std::vector<std::byte> values(bytes, static_cast<std::byte>(value));
  arena::write_from_host(p, values.data(), bytes);
}

/// Everybody who used the memory must be ordered before its end.
void free_now(void* p) {
  if (const std::size_t bytes = arena::bytes_of_buffer(p); bytes > 0) check_transfer(p, bytes, Access::write, "cudaFree");
  arena::release(p);
}

}  // namespace
}  // namespace segpref::simt

using segpref::simt::enqueue;
using segpref::simt::failure_of;

extern "C" {

cudaError_t cudaMalloc(void** p, std::size_t bytes) {
  if (segpref::simt::is_any_capturing()) return segpref::simt::refuse_in_capture();
  if (bytes > segpref::simt::arena::bytes_left()) return segpref::simt::returned(cudaErrorMemoryAllocation);
  *p = segpref::simt::arena::allocate(bytes, segpref::simt::ByteState::uninitialised);
  return cudaSuccess;
}
cudaError_t cudaFree(void* p) {
  if (segpref::simt::is_any_capturing()) return segpref::simt::refuse_in_capture();
  if (p == nullptr) return cudaSuccess;
  segpref::simt::wait_for_all();
  segpref::simt::arena::release(p);
  return cudaSuccess;
}

cudaError_t cudaMallocAsync(void** p, std::size_t bytes, cudaStream_t stream) {
  if (segpref::simt::is_any_capturing()) throw segpref::simt::Error("allocations in a graph are not modelled");
  if (const cudaError_t code = failure_of(stream); code != cudaSuccess) return code;
  if (bytes > segpref::simt::arena::bytes_left()) return segpref::simt::returned(cudaErrorMemoryAllocation);
  // The address is known at once, the memory exists when the stream comes here.
  void* allocated = segpref::simt::arena::allocate(bytes, segpref::simt::ByteState::unmapped);
  *p = allocated;
  enqueue(stream, {[=] {
                     segpref::simt::arena::set_state(allocated, bytes, segpref::simt::ByteState::uninitialised);
                     segpref::simt::check_transfer(allocated, bytes, segpref::simt::Access::write, "cudaMallocAsync");
                   },
                   nullptr, nullptr, nullptr, {}});
  return cudaSuccess;
}
cudaError_t cudaFreeAsync(void* p, cudaStream_t stream) {
  if (segpref::simt::is_any_capturing()) throw segpref::simt::Error("releases in a graph are not modelled");
  if (const cudaError_t code = failure_of(stream); code != cudaSuccess) return code;
  enqueue(stream, {[=] { segpref::simt::free_now(p); }, nullptr, nullptr, nullptr, {}});
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *free = *total = segpref::simt::arena::bytes_left();
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  if (const cudaError_t code = failure_of(stream); code != cudaSuccess) return code;
  std::function<void()> on_enqueue;
  // Until somebody waits the host must not look: what stood there before is gone.
  if (kind == cudaMemcpyDeviceToHost) on_enqueue = [=] { std::memset(to, segpref::simt::poison_byte, bytes); };
  enqueue(stream, {[=] { segpref::simt::copy(to, from, bytes, kind); }, on_enqueue, nullptr, nullptr, {}});
  return cudaSuccess;
}
cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  if (segpref::simt::is_any_capturing()) return segpref::simt::refuse_in_capture();
  segpref::simt::wait_for_all();
  segpref::simt::set_launch_order(nullptr);  // everything is done
  segpref::simt::copy(to, from, bytes, kind);
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* p, int value, std::size_t bytes, cudaStream_t stream) {
  if (const cudaError_t code = failure_of(stream); code != cudaSuccess) return code;
  enqueue(stream, {[=] { segpref::simt::fill(p, value, bytes); }, nullptr, nullptr, nullptr, {}});
  return cudaSuccess;
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* p) {
  const bool is_device = segpref::simt::arena::is_device_range(p, 1);
  *attributes = {};
  attributes->type = is_device ? cudaMemoryTypeDevice : cudaMemoryTypeUnregistered;
  attributes->devicePointer = is_device ? const_cast<void*>(p) : nullptr;
  return cudaSuccess;
}

}  // extern "C"
