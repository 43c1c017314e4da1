// What this machine can do at best, measured in the run that quotes it.
#pragma once

#include <cstdint>

#include "host/parallel/thread_pool.hpp"

namespace segpref::bench {

/// Best of several register-only loops of f32 fused multiply-add on all threads, in GFLOP/s.
double fma_peak_gflops(ThreadPool& pool);

/// Best of several loops that read `read_bytes` (at most 256 MiB of them) and write as many or none, in GB/s of read plus written: 1 to 16 streams per
/// thread, one line or four of each at a time; with writes also blocks read and written in turn.
double bandwidth_gbps(ThreadPool& pool, std::int64_t read_bytes, bool write);

}  // namespace segpref::bench
