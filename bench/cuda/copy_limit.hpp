// What this GPU's memory gives at best: copies of as many bytes as a workload moves, in turns with it.
#pragma once

#include <memory>

#include "bench/cuda/device.hpp"

namespace segpref::bench {

/// Bytes of the GPU's second-level cache.
std::size_t cache_bytes();

/// How many copies of its data a call of `call_bytes` goes round, so that it finds none of them in the cache: together four times as large.
int num_rotations(std::size_t call_bytes);

class CopyLimit {
 public:
  /// @param moved_bytes  read plus written by a call: a copy reads half and writes half
  explicit CopyLimit(std::size_t moved_bytes);
  ~CopyLimit();

  /// Runs both copies once, as a graph of several each.
  void run(const Stream& stream);

  // Medians of all runs, in GB/s of read plus written
  double memcpy_gbps() const;  ///< cudaMemcpyAsync from device to device
  double kernel_gbps() const;  ///< 16-byte loads and stores
  double best_gbps() const { return memcpy_gbps() > kernel_gbps() ? memcpy_gbps() : kernel_gbps(); }

 private:
  struct Copies;
  std::unique_ptr<Copies> copies_;
};

}  // namespace segpref::bench
