// What this machine can do at best, measured in the run that quotes it.
#pragma once

#include <cstdint>
#include <memory>

#include "host/parallel/thread_pool.hpp"

namespace segpref::bench {

/// Best of several register-only loops of f32 fused multiply-add on all threads, in GFLOP/s.
double fma_peak_gflops(ThreadPool& pool);

/// Several loops that read `read_bytes` (at most 256 MiB of them) and write as many or none: 1 to 16 streams per thread, one line or four of each at a
/// time, rows side by side with the next ones prefetched, and with writes also blocks read and written in turn. The memory is made once, so that a
/// workload and its limit can be measured in turns.
class BandwidthLoops {
 public:
  BandwidthLoops(ThreadPool& pool, std::int64_t read_bytes, bool write);
  ~BandwidthLoops();

  /// Runs every loop once.
  void run();

  // GB/s of read plus written, after the first run().
  double best_gbps() const;    ///< of all loops in all runs
  double median_gbps() const;  ///< of the loop whose median is best

 private:
  struct Loops;
  std::unique_ptr<Loops> loops_;
};

}  // namespace segpref::bench
