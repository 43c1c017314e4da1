// Timing of calls on the GPU, by events, in turns with what limits them.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "bench/cuda/copy_limit.hpp"
#include "bench/cuda/device.hpp"
#include "bench/cuda/matrix_limit.hpp"
#include "bench/cuda/median.hpp"

namespace segpref::bench {

/// How a row's calls reach the GPU.
enum class Launched { in_a_graph, one_by_one };

/// What is timed between two events, and how many calls it makes.
struct Sample {
  int num_calls;
  std::function<void()> enqueue;
};

/// Times samples and reports median_us and best_us per call (Google Benchmark's own time is their mean). Returns the median.
/// @param between  what runs after each sample, untimed
template <typename Between>
double time_samples(benchmark::State& state, const Stream& stream, const Sample& sample, Between between) {
  const Stopwatch stopwatch;
  const auto one = [&] { return stopwatch.microseconds(stream, sample.enqueue) / sample.num_calls; };
  one();
  std::vector<double> times_us;
  for (auto _ : state) {
    times_us.push_back(one());
    state.SetIterationTime(1e-6 * times_us.back());
    between();
  }
  state.counters["median_us"] = median(times_us);
  state.counters["best_us"] = *std::min_element(times_us.begin(), times_us.end());
  return median(times_us);
}

/// Of calls so small that launching them is what they cost: times alone.
inline void time_launches(benchmark::State& state, const Stream& stream, const Sample& sample) {
  time_samples(state, stream, sample, [] {});
}

/// Of calls bound by memory. Beside the times:
/// - moved_MB, floor_us     bytes that a call has to read and write, and their time at the bandwidth of the better of two copies of as many bytes
/// - share                  floor_us / median_us
/// - memcpy_GBps, copy_kernel_GBps  the copies' medians
inline void time_moving(benchmark::State& state, const Stream& stream, std::size_t moved_bytes, const Sample& sample) {
  CopyLimit limit(moved_bytes);
  const double median_us = time_samples(state, stream, sample, [&] { limit.run(stream); });
  const double floor_us = 1e-3 * static_cast<double>(moved_bytes) / limit.best_gbps();
  state.counters["moved_MB"] = 1e-6 * static_cast<double>(moved_bytes);
  state.counters["floor_us"] = floor_us;
  state.counters["share"] = floor_us / median_us;
  state.counters["memcpy_GBps"] = limit.memcpy_gbps();
  state.counters["copy_kernel_GBps"] = limit.kernel_gbps();
}

/// Of calls bound by matrix products. Beside the times:
/// - GFLOP, floor_us  useful operations of a call, and their time at the rate of products from registers
/// - share            floor_us / median_us
/// - matrix_TFLOPs    that rate
inline void time_products(benchmark::State& state, const Stream& stream, double flop, Compute compute, const Sample& sample) {
  MatrixLimit limit(compute);
  const double median_us = time_samples(state, stream, sample, [&] { limit.run(stream); });
  const double floor_us = 1e-6 * flop / limit.tflops();
  state.counters["GFLOP"] = 1e-9 * flop;
  state.counters["floor_us"] = floor_us;
  state.counters["share"] = floor_us / median_us;
  state.counters["matrix_TFLOPs"] = limit.tflops();
}

/// Rows of so many samples: to make and check a workload takes longer than to time it.
inline void as_gpu_row(benchmark::internal::Benchmark* row) { row->Unit(benchmark::kMicrosecond)->UseManualTime()->Iterations(40); }

}  // namespace segpref::bench
