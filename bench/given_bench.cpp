// given-short and given-long: loss and gradient from given step rewards, f32. Floor: every reward read once, every gradient written once.
// The shuffled rows name their pairs and take them in random order.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "bench/common/timing.hpp"
#include "host/plan/owned_workspace.hpp"
#include "segpref/preference_loss.hpp"

namespace segpref::bench {
namespace {

void given(benchmark::State& state, std::int64_t num_pairs, std::int64_t mean_length, bool shuffled) {
  std::mt19937_64 random(1);
  std::vector<std::int64_t> offsets = {0};
  for (std::int64_t s = 0; s < 2 * num_pairs; ++s) offsets.push_back(offsets.back() + std::uniform_int_distribution<std::int64_t>(1, 2 * mean_length - 1)(random));
  std::vector<float> rewards(static_cast<std::size_t>(offsets.back())), grad(rewards.size()), labels(static_cast<std::size_t>(num_pairs)), loss(1);
  for (float& reward : rewards) reward = std::normal_distribution<float>(0, 0.1f)(random);
  for (float& label : labels) label = static_cast<float>(random() % 2);
  const Context context;
  PreferenceBatch batch;
  batch.offsets = view(offsets);
  batch.labels = view(labels);
  std::vector<std::int64_t> pairs(static_cast<std::size_t>(2 * num_pairs)), order(static_cast<std::size_t>(num_pairs));
  std::iota(pairs.begin(), pairs.end(), std::int64_t{0});
  std::iota(order.begin(), order.end(), std::int64_t{0});
  if (shuffled) {
    std::shuffle(order.begin(), order.end(), random);
    batch.pairs = view(std::as_const(pairs).data(), {num_pairs, 2});
    batch.pair_order = view(order);
  }
  PreferenceResult result;
  result.loss = view(loss);
  const PreferenceLossPlan plan({1, offsets.back(), 2 * num_pairs, num_pairs, num_pairs, 0, DType::f32});
  const OwnedWorkspace workspace(plan.workspace_bytes());
  const auto run = [&] { preference_loss(context, plan, view(std::as_const(rewards)), batch, {}, result, view(grad), workspace.get()); };

  run();  // check before timing: the loss in float64, and every gradient
  std::vector<double> logits;
  double expected = 0;
  for (std::int64_t p = 0; p < num_pairs; ++p) {
    double scores[2] = {0, 0};
    for (int side = 0; side < 2; ++side)
      for (std::int64_t t = offsets[static_cast<std::size_t>(2 * p + side)]; t < offsets[static_cast<std::size_t>(2 * p + side + 1)]; ++t) scores[side] += static_cast<double>(rewards[static_cast<std::size_t>(t)]);
    logits.push_back((scores[1] - scores[0]) * (labels[static_cast<std::size_t>(p)] > 0 ? 1 : -1));
    expected += (std::max(-logits.back(), 0.0) + std::log1p(std::exp(-std::fabs(logits.back())))) / static_cast<double>(num_pairs);
  }
  if (!(std::fabs(static_cast<double>(loss[0]) - expected) < 1e-5 * expected)) return state.SkipWithError("the loss is wrong");
  for (std::int64_t p = 0; p < num_pairs; ++p)
    for (int side = 0; side < 2; ++side) {
      const double size = 1 / (1 + std::exp(logits[static_cast<std::size_t>(p)])) / static_cast<double>(num_pairs);
      const double wanted = (side == 1) == (labels[static_cast<std::size_t>(p)] > 0) ? -size : size;
      for (std::int64_t t = offsets[static_cast<std::size_t>(2 * p + side)]; t < offsets[static_cast<std::size_t>(2 * p + side + 1)]; ++t)
        if (!(std::fabs(static_cast<double>(grad[static_cast<std::size_t>(t)]) - wanted) <= 1e-4 * size)) return state.SkipWithError("a gradient is wrong");
    }

  time_against_bandwidth(state, context.pool(), {std::as_bytes(std::span(rewards)), std::as_writable_bytes(std::span(grad))}, run);
}

BENCHMARK_CAPTURE(given, short, 100'000, 50, false)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(given, long, 1'000, 5'000, false)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(given, short_shuffled, 100'000, 50, true)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(given, long_shuffled, 1'000, 5'000, true)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace segpref::bench

BENCHMARK_MAIN();
