// Timing of one workload beside the bytes it has to move.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "bench/common/limits.hpp"

namespace segpref::bench {

/// Bytes that a workload reads and writes at least: every input and output once.
struct UsefulBytes {
  double read = 0, written = 0;
};

/// Times `body` and reports, beside the mean that Google Benchmark prints:
/// - best_ms, median_ms  of all iterations: a machine that does other work too shows in their distance
/// - floor_ms            the useful bytes over the best bandwidth loop of the same mix, measured before and after
/// - share               floor_ms / best_ms
template <typename Body>
void time_against_bandwidth(benchmark::State& state, ThreadPool& pool, UsefulBytes bytes, Body body) {
  const auto limit = [&] { return bandwidth_gbps(pool, static_cast<std::int64_t>(bytes.read), bytes.written > 0); };
  double limit_gbps = limit();
  std::vector<double> times_ms;
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    body();
    times_ms.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  limit_gbps = std::max(limit_gbps, limit());
  std::sort(times_ms.begin(), times_ms.end());
  const double floor_ms = (bytes.read + bytes.written) / limit_gbps * 1e-6;
  state.counters["best_ms"] = times_ms.front();
  state.counters["median_ms"] = times_ms[times_ms.size() / 2];
  state.counters["floor_ms"] = floor_ms;
  state.counters["share"] = floor_ms / times_ms.front();
  state.counters["limit_GB/s"] = limit_gbps;
}

}  // namespace segpref::bench
