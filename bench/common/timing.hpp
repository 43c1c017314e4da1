// Timing of one workload beside the bytes it has to move.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <span>
#include <vector>

#include "bench/common/limits.hpp"

namespace segpref::bench {

/// The memory of a workload's large input and output: each is read or written once at least.
struct UsefulMemory {
  std::span<const std::byte> read;
  std::span<std::byte> written;  ///< as large as `read`, or empty
};

/// Times `body`, in turns with loops that only move memory, and reports, beside the mean that Google Benchmark prints:
/// - best_ms, median_ms              of all iterations: a machine that does other work too shows in their distance
/// - floor_ms, floor_median_ms       the useful bytes over the bandwidth of the best loop of the same mix, in its best run and in its median
/// - share, share_median             floor_ms / best_ms, floor_median_ms / median_ms
template <typename Body>
void time_against_bandwidth(benchmark::State& state, ThreadPool& pool, UsefulMemory memory, Body body) {
  BandwidthLoops limit(pool, memory.read, memory.written);
  std::vector<double> times_ms;
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    body();
    times_ms.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    state.PauseTiming();
    limit.run();
    state.ResumeTiming();
  }
  std::sort(times_ms.begin(), times_ms.end());
  const double best_ms = times_ms.front(), median_ms = times_ms[times_ms.size() / 2], useful_mb = static_cast<double>(memory.read.size() + memory.written.size()) * 1e-6;
  state.counters["best_ms"] = best_ms;
  state.counters["median_ms"] = median_ms;
  state.counters["floor_ms"] = useful_mb / limit.best_gbps();
  state.counters["floor_median_ms"] = useful_mb / limit.median_gbps();
  state.counters["share"] = useful_mb / limit.best_gbps() / best_ms;
  state.counters["share_median"] = useful_mb / limit.median_gbps() / median_ms;
  state.counters["limit_GB/s"] = limit.best_gbps();
}

}  // namespace segpref::bench
