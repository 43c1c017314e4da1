#include "bench/common/limits.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include "kernels/cpu/targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/common/limits.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/cache_control.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace segpref::bench::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// 12 independent accumulators; returns the FLOP done.
double fma_loop(std::int64_t rounds, float* sink) {
  const hn::ScalableTag<float> d;
  constexpr int chains = 12;
  hn::Vec<decltype(d)> a[chains];
#pragma GCC unroll 16
  for (int i = 0; i < chains; ++i) a[i] = hn::Set(d, static_cast<float>(i));
  auto x = hn::Set(d, 0.999f), y = hn::Set(d, 1e-3f);
  for (std::int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (int i = 0; i < chains; ++i) a[i] = hn::MulAdd(a[i], x, y);
  }
  auto sum = a[0];
#pragma GCC unroll 16
  for (int i = 1; i < chains; ++i) sum = hn::Add(sum, a[i]);
  *sink = hn::GetLane(hn::SumOfLanes(d, sum));
  return 2.0 * chains * static_cast<double>(hn::Lanes(d)) * static_cast<double>(rounds);
}

/// Reads `streams` stretches of `count` floats side by side; writes them past the caches when `to` is given.
void stream_loop(const float* from, std::int64_t count, int streams, float* to, float* sink) {
  const hn::ScalableTag<float> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d)), length = count / streams / lanes * lanes;
  auto sum0 = hn::Zero(d), sum1 = hn::Zero(d);
  for (std::int64_t i = 0; i + 4 * lanes <= length; i += 4 * lanes)
    for (int s = 0; s < streams; ++s)
      for (int k = 0; k < 4; ++k) {
        const auto value = hn::Load(d, from + s * length + i + k * lanes);
        if (to != nullptr) hn::Stream(value, d, to + s * length + i + k * lanes);
        else if (k % 2 == 0) sum0 = hn::Add(sum0, value);
        else sum1 = hn::Add(sum1, value);
      }
  hwy::FlushStream();
  *sink = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum0, sum1)));
}

}  // namespace segpref::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace segpref::bench {
HWY_EXPORT(fma_loop);
HWY_EXPORT(stream_loop);
namespace {

double seconds_of(const auto& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

struct alignas(64) Sink {
  float value;
};

}  // namespace

double fma_peak_gflops(ThreadPool& pool) {
  const int threads = pool.num_threads();
  std::vector<Sink> sinks(static_cast<std::size_t>(threads));
  double best = 0;
  for (int repeat = 0; repeat < 25; ++repeat) {
    std::vector<double> flop(static_cast<std::size_t>(threads));
    const double seconds = seconds_of([&] {
      pool.run(threads, [&](std::int64_t task, int) { flop[static_cast<std::size_t>(task)] = HWY_DYNAMIC_DISPATCH(fma_loop)(2'000'000, &sinks[static_cast<std::size_t>(task)].value); });
    });
    double total = 0;
    for (double part : flop) total += part;
    best = std::max(best, total / seconds * 1e-9);
  }
  return best;
}

double bandwidth_gbps(ThreadPool& pool, std::int64_t read_bytes, bool write) {
  const int threads = pool.num_threads();
  const std::int64_t count = read_bytes / 4 / threads / 1024 * 1024;
  const auto total = static_cast<std::size_t>(count * threads + 32);
  std::vector<float> from(total, 1.0f), to(write ? total : 0);
  const auto aligned = [](float* p) { return reinterpret_cast<float*>((reinterpret_cast<std::uintptr_t>(p) + 63) / 64 * 64); };
  std::vector<Sink> sinks(static_cast<std::size_t>(threads));
  double best = 0;
  for (int streams : {1, 2, 4, 8})
    for (int repeat = 0; repeat < 7; ++repeat) {
      const double seconds = seconds_of([&] {
        pool.run(threads, [&](std::int64_t task, int) {
          HWY_DYNAMIC_DISPATCH(stream_loop)
          (aligned(from.data()) + task * count, count, streams, write ? aligned(to.data()) + task * count : nullptr, &sinks[static_cast<std::size_t>(task)].value);
        });
      });
      best = std::max(best, static_cast<double>(count * threads) * 4 * (write ? 2 : 1) / seconds * 1e-9);
    }
  return best;
}

}  // namespace segpref::bench
#endif
