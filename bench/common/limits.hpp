// What this machine can do at best, measured in the run that quotes it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "host/parallel/thread_pool.hpp"

namespace segpref::bench {

/// Best of several register-only loops of f32 fused multiply-add on all threads, in GFLOP/s.
double fma_peak_gflops(ThreadPool& pool);

/// Several loops that read `from` and, where `to` is given, write as much there: 1 to 16 streams per thread, one line or four of each at a time, rows
/// side by side with the next ones prefetched, and with writes also blocks read and written in turn. They work in the memory of the workload that they
/// are compared with, in turns with it: bandwidth differs from one stretch of memory to the next, and from one second to the next.
class BandwidthLoops {
 public:
  /// @param to  overwritten; empty: the loops only read
  BandwidthLoops(ThreadPool& pool, std::span<const std::byte> from, std::span<std::byte> to);
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
