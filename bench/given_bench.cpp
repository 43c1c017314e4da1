// given-short and given-long: loss and gradient from given step rewards, f32. Floor: every reward read once, every gradient written once.
// The shuffled rows name their pairs and take them in random order.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bench/common/given_workload.hpp"
#include "bench/common/timing.hpp"
#include "host/plan/owned_workspace.hpp"
#include "segpref/preference_loss.hpp"

namespace segpref::bench {
namespace {

void given(benchmark::State& state, std::int64_t num_pairs, std::int64_t mean_length, bool shuffled) {
  GivenWorkload workload(num_pairs, mean_length);
  const Context context;
  PreferenceBatch batch;
  batch.offsets = view(workload.offsets);
  batch.labels = view(workload.labels);
  std::vector<std::int64_t> pairs(static_cast<std::size_t>(2 * num_pairs)), order(static_cast<std::size_t>(num_pairs));
  std::iota(pairs.begin(), pairs.end(), std::int64_t{0});
  std::iota(order.begin(), order.end(), std::int64_t{0});
  if (shuffled) {
    std::shuffle(order.begin(), order.end(), std::mt19937_64(1));
    batch.pairs = view(std::as_const(pairs).data(), {num_pairs, 2});
    batch.pair_order = view(order);
  }
  PreferenceResult result;
  result.loss = view(workload.loss);
  const PreferenceLossPlan plan({1, workload.num_steps(), workload.num_segments(), num_pairs, num_pairs, 0, DType::f32});
  const OwnedWorkspace workspace(plan.workspace_bytes());
  const auto run = [&] { preference_loss(context, plan, view(std::as_const(workload.rewards)), batch, {}, result, view(workload.grad), workspace.get()); };

  run();
  if (const std::string error = workload.check(); !error.empty()) return state.SkipWithError(error.c_str());
  time_against_bandwidth(state, context.pool(), {std::as_bytes(std::span(workload.rewards)), std::as_writable_bytes(std::span(workload.grad))}, run);
}

BENCHMARK_CAPTURE(given, short, 100'000, 50, false)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(given, long, 1'000, 5'000, false)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(given, short_shuffled, 100'000, 50, true)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(given, long_shuffled, 1'000, 5'000, true)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace segpref::bench

BENCHMARK_MAIN();
