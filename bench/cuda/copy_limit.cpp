#include "bench/cuda/copy_limit.hpp"

#include <algorithm>

#include "bench/cuda/copy_kernel.hpp"
#include "bench/cuda/median.hpp"

namespace segpref::bench {

std::size_t cache_bytes() {
  int bytes = 0;
  device::check(cudaDeviceGetAttribute(&bytes, cudaDevAttrL2CacheSize, gpu.index), "cudaDeviceGetAttribute");
  return static_cast<std::size_t>(bytes);
}

int num_rotations(std::size_t call_bytes) {
  const std::size_t wanted = 4 * cache_bytes(), one = std::max<std::size_t>(call_bytes, 1);
  return static_cast<int>(std::clamp<std::size_t>((wanted + one - 1) / one, 1, 16));
}

struct CopyLimit::Copies {
  std::size_t bytes;  // of one copy's source, a multiple of 16
  int rotations;
  DeviceArray<std::byte> from, to;
  Stream capture;
  Stopwatch stopwatch;
  std::unique_ptr<Graph> by_memcpy, by_kernel;
  std::vector<double> memcpy_us, kernel_us;

  explicit Copies(std::size_t moved_bytes)
      : bytes(std::max<std::size_t>(moved_bytes / 32, 1) * 16), rotations(std::max(4, num_rotations(2 * bytes))), from(bytes * static_cast<std::size_t>(sets())), to(from.size()) {
    device::check(cudaMemset(from.get(), 0x3C, from.bytes()), "cudaMemset");
    device::check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
    by_memcpy = graph_of([this](const std::byte* source, std::byte* target) { return cudaMemcpyAsync(target, source, bytes, cudaMemcpyDeviceToDevice, capture.get()); });
    by_kernel = graph_of([this](const std::byte* source, std::byte* target) { return launch_copy(source, target, bytes, capture.get()); });
  }
  /// Of data far larger than the cache one set is enough.
  int sets() const { return num_rotations(2 * bytes); }

  template <typename Copy>
  std::unique_ptr<Graph> graph_of(Copy copy) const {
    return std::make_unique<Graph>(capture, [&] {
      for (int i = 0; i < rotations; ++i) {
        const std::size_t begin = bytes * static_cast<std::size_t>(i % sets());
        device::check(copy(from.get() + begin, to.get() + begin), "copy");
      }
    });
  }
  double gbps(const std::vector<double>& times_us) const { return 2e-3 * static_cast<double>(bytes) / median(times_us); }
};

CopyLimit::CopyLimit(std::size_t moved_bytes) : copies_(std::make_unique<Copies>(moved_bytes)) {}
CopyLimit::~CopyLimit() = default;

void CopyLimit::run(const Stream& stream) {
  Copies& c = *copies_;
  c.memcpy_us.push_back(c.stopwatch.microseconds(stream, [&] { c.by_memcpy->launch(stream); }) / c.rotations);
  c.kernel_us.push_back(c.stopwatch.microseconds(stream, [&] { c.by_kernel->launch(stream); }) / c.rotations);
}

double CopyLimit::memcpy_gbps() const { return copies_->gbps(copies_->memcpy_us); }
double CopyLimit::kernel_gbps() const { return copies_->gbps(copies_->kernel_us); }

}  // namespace segpref::bench
