// Timing of calls on the GPU, by events, beside copies of as many bytes.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "bench/cuda/copy_limit.hpp"
#include "bench/cuda/device.hpp"
#include "bench/cuda/median.hpp"

namespace segpref::bench {

/// How a row's calls reach the GPU.
enum class Launched { in_a_graph, one_by_one };

/// What is timed between two events, and how many calls it makes.
struct Sample {
  int num_calls;
  std::function<void()> enqueue;
};

/// Times samples and reports, per call (Google Benchmark's own time is their mean):
/// - median_us, best_us     of all samples
/// - moved_MB, floor_us     bytes that the call has to read and write, and their time at the bandwidth of the better copy
/// - share                  floor_us / median_us
/// - memcpy_GBps, copy_kernel_GBps  the copies' medians
/// @param moved_bytes  0: a call so small that launching it is what it costs; times alone are reported
inline void time_on_gpu(benchmark::State& state, const Stream& stream, std::size_t moved_bytes, const Sample& sample) {
  const Stopwatch stopwatch;
  std::unique_ptr<CopyLimit> limit;
  if (moved_bytes > 0) limit = std::make_unique<CopyLimit>(moved_bytes);
  const auto one = [&] { return stopwatch.microseconds(stream, sample.enqueue) / sample.num_calls; };
  one();
  std::vector<double> times_us;
  for (auto _ : state) {
    times_us.push_back(one());
    state.SetIterationTime(1e-6 * times_us.back());
    if (limit) limit->run(stream);
  }
  state.counters["median_us"] = median(times_us);
  state.counters["best_us"] = *std::min_element(times_us.begin(), times_us.end());
  if (!limit) return;
  const double floor_us = 1e-3 * static_cast<double>(moved_bytes) / limit->best_gbps();
  state.counters["moved_MB"] = 1e-6 * static_cast<double>(moved_bytes);
  state.counters["floor_us"] = floor_us;
  state.counters["share"] = floor_us / median(times_us);
  state.counters["memcpy_GBps"] = limit->memcpy_gbps();
  state.counters["copy_kernel_GBps"] = limit->kernel_gbps();
}

/// Rows of so many samples: to make and check a workload takes longer than to time it.
inline void as_gpu_row(benchmark::internal::Benchmark* row) { row->Unit(benchmark::kMicrosecond)->UseManualTime()->Iterations(40); }

}  // namespace segpref::bench
