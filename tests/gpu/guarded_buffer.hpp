// Device memory between guards: a GPU does not say when a kernel writes beside its arrays.
#pragma once

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace segpref::testing {

inline void check_cuda(cudaError_t code, const char* call) {
  if (code != cudaSuccess) throw std::runtime_error(std::string(call) + ": " + cudaGetErrorString(code));
}

class GuardedBuffer {
 public:
  static constexpr std::size_t alignment = 64;

  /// Guards hold NaN patterns, and so does what lies between them unless SEGPREF_GPU_FILL=0 leaves that as it comes, so that compute-sanitizer's
  /// initcheck sees what is read before it is written.
  /// @param lead  bytes between a 64-byte boundary and the first byte: below 64
  GuardedBuffer(std::size_t bytes, std::size_t lead) : bytes_(bytes), begin_(guard_bytes + lead) {
    check_cuda(cudaMalloc(reinterpret_cast<void**>(&memory_), size()), "cudaMalloc");
    fill(0, begin_);
    fill(begin_ + bytes_, guard_bytes);
    const char* wish = std::getenv("SEGPREF_GPU_FILL");
    if (wish == nullptr || std::string_view(wish) != "0") fill(begin_, bytes_);
    settle();
  }
  ~GuardedBuffer() { static_cast<void>(cudaFree(memory_)); }  // a device that is lost took its memory along
  GuardedBuffer(const GuardedBuffer&) = delete;
  GuardedBuffer& operator=(const GuardedBuffer&) = delete;

  std::byte* get() const { return memory_ + begin_; }
  void read_from(const void* host) {
    check_cuda(cudaMemcpy(get(), host, bytes_, cudaMemcpyHostToDevice), "cudaMemcpy");
    settle();
  }
  void write_to(void* host) const { check_cuda(cudaMemcpy(host, get(), bytes_, cudaMemcpyDeviceToHost), "cudaMemcpy"); }
  bool guards_intact() const {
    std::vector<unsigned char> all(size());
    check_cuda(cudaMemcpy(all.data(), memory_, all.size(), cudaMemcpyDeviceToHost), "cudaMemcpy");
    const auto is_dirty = [](unsigned char byte) { return byte == dirty; };
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(begin_);
    return std::all_of(all.begin(), begin, is_dirty) && std::all_of(begin + static_cast<std::ptrdiff_t>(bytes_), all.end(), is_dirty);
  }

 private:
  static constexpr std::size_t guard_bytes = 256;
  static constexpr unsigned char dirty = 0xFF;  // NaN in every floating-point type

  void fill(std::size_t begin, std::size_t bytes) const { check_cuda(cudaMemset(memory_ + begin, dirty, bytes), "cudaMemset"); }
  /// Fills and copies may return before they are done, and streams that do not wait for the default one would come too early.
  static void settle() { check_cuda(cudaDeviceSynchronize(), "cudaDeviceSynchronize"); }
  std::size_t size() const { return begin_ + bytes_ + guard_bytes; }

  std::size_t bytes_, begin_;
  std::byte* memory_ = nullptr;
};

}  // namespace segpref::testing
