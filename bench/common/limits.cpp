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

#ifndef SEGPREF_BENCH_COMMON_LIMITS_FORM
#define SEGPREF_BENCH_COMMON_LIMITS_FORM
namespace segpref::bench {

using Word = std::uint32_t;  // what the memory holds does not matter, and integers have no slow values

/// How a bandwidth loop walks through its memory.
struct StreamForm {
  int streams = 1, vectors = 4;  ///< stretches read side by side, vectors of each at a time
  std::int64_t block = 0;        ///< words that all stretches hold together, before the next ones begin; 0: all
  bool apart = false;            ///< a block is read, then as much is written, instead of line by line
  bool prefetch = false;         ///< the next block comes into the caches while this one is read
};

}  // namespace segpref::bench
#endif

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

/// Reads `streams` stretches of `count` words side by side, `vectors` vectors of each at a time; writes them past the caches when `to` is given.
/// @param ahead  words from a vector to the one that is prefetched meanwhile; 0: none
template <int vectors>
HWY_INLINE void stream_vectors(const Word* HWY_RESTRICT from, std::int64_t count, int streams, std::int64_t ahead, Word* HWY_RESTRICT to, Word* sink) {
  const hn::ScalableTag<Word> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d)), length = count / streams / (4 * lanes) * (4 * lanes);
  auto sum0 = hn::Zero(d), sum1 = hn::Zero(d);
  for (std::int64_t i = 0; i < length; i += vectors * lanes)
    for (int s = 0; s < streams; ++s)
      for (int k = 0; k < vectors; ++k) {
        const auto value = hn::Load(d, from + s * length + i + k * lanes);
        if (ahead != 0) __builtin_prefetch(from + s * length + i + k * lanes + ahead, 0, 2);
        if (to != nullptr) hn::Stream(value, d, to + s * length + i + k * lanes);
        else if ((s + k) % 2 == 0) sum0 = hn::Add(sum0, value);
        else sum1 = hn::Add(sum1, value);
      }
  *sink = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum0, sum1)));
}

void stream_loop(const Word* from, std::int64_t count, StreamForm form, Word* to, Word* sink) {
  const std::int64_t block = form.block == 0 ? count : form.block;
  for (std::int64_t begin = 0; begin < count; begin += block) {
    const std::int64_t size = std::min(block, count - begin), ahead = form.prefetch ? block : 0;
    Word* together = form.apart || to == nullptr ? nullptr : to + begin;
    if (form.vectors == 1) stream_vectors<1>(from + begin, size, form.streams, ahead, together, sink);
    else stream_vectors<4>(from + begin, size, form.streams, ahead, together, sink);
    if (!form.apart || to == nullptr) continue;
    const hn::ScalableTag<Word> d;
    const auto value = hn::Set(d, *sink);
    for (std::int64_t i = 0; i < size; i += static_cast<std::int64_t>(hn::Lanes(d))) hn::Stream(value, d, to + begin + i);
  }
  hwy::FlushStream();
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

template <typename T>
struct alignas(64) Sink {
  T value;
};

}  // namespace

double fma_peak_gflops(ThreadPool& pool) {
  const int threads = pool.num_threads();
  std::vector<Sink<float>> sinks(static_cast<std::size_t>(threads));
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

struct BandwidthLoops::Loops {
  ThreadPool& pool;
  const Word* from;
  Word* to;                       // null: nothing is written
  std::int64_t count, num_tasks;  // words of a task; more tasks than threads, as in the workloads: a thread that has to wait delays the others less
  std::vector<Sink<Word>> sinks;
  std::vector<StreamForm> forms;
  std::vector<std::vector<double>> gbps;  // of every run of each form
};

BandwidthLoops::BandwidthLoops(ThreadPool& pool, std::span<const std::byte> from, std::span<std::byte> to) {
  // Whole lines: what is cut off at the ends is not counted either.
  const auto aligned = [](const std::byte* p) { return (reinterpret_cast<std::uintptr_t>(p) + 63) / 64 * 64; };
  constexpr std::int64_t most_words_per_task = std::int64_t{1} << 20, block = 65536;
  const std::int64_t words = static_cast<std::int64_t>(to.empty() ? from.size() : std::min(from.size(), to.size())) / 4 - 16, threads = pool.num_threads();
  const std::int64_t count = std::min(most_words_per_task, words / threads / block * block), num_tasks = words / count;
  loops_ = std::make_unique<Loops>(Loops{pool, reinterpret_cast<const Word*>(aligned(from.data())), to.empty() ? nullptr : reinterpret_cast<Word*>(aligned(to.data())),
                                         count, num_tasks, std::vector<Sink<Word>>(static_cast<std::size_t>(num_tasks)), {}, {}});
  for (int vectors : {1, 4})
    for (int streams : {1, 2, 4, 8, 16}) loops_->forms.push_back({streams, vectors});
  // Blocks are a few rows of 16 KiB, side by side.
  for (int streams : {4, 8}) loops_->forms.push_back({streams, 1, streams * 4096, false, true});
  if (!to.empty())
    for (std::int64_t apart : {1024, 16384}) loops_->forms.push_back({8, 1, apart, true});
  loops_->gbps.resize(loops_->forms.size());
}
BandwidthLoops::~BandwidthLoops() = default;

void BandwidthLoops::run() {
  Loops& loops = *loops_;
  for (std::size_t i = 0; i < loops.forms.size(); ++i) {
    const double seconds = seconds_of([&] {
      loops.pool.run(loops.num_tasks, [&](std::int64_t task, int) {
        HWY_DYNAMIC_DISPATCH(stream_loop)
        (loops.from + task * loops.count, loops.count, loops.forms[i], loops.to == nullptr ? nullptr : loops.to + task * loops.count,
         &loops.sinks[static_cast<std::size_t>(task)].value);
      });
    });
    loops.gbps[i].push_back(static_cast<double>(loops.count * loops.num_tasks) * (loops.to == nullptr ? 4 : 8) / seconds * 1e-9);
  }
}

double BandwidthLoops::best_gbps() const {
  double best = 0;
  for (const std::vector<double>& runs : loops_->gbps) best = std::max(best, *std::max_element(runs.begin(), runs.end()));
  return best;
}

double BandwidthLoops::median_gbps() const {
  double best = 0;
  for (std::vector<double> runs : loops_->gbps) {
    std::sort(runs.begin(), runs.end());
    best = std::max(best, runs[runs.size() / 2]);
  }
  return best;
}

}  // namespace segpref::bench
#endif
