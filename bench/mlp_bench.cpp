// christiano, pebble, unirlhf: one training step of an ensemble (forward, loss, backward, AdamW); relabel: prediction. f32, and pebble with bf16 products.
// useful FLOP: 2 per weight, row and pass (forward, gradient of weights, gradient of inputs from the second layer on), no padding.
#include <benchmark/benchmark.h>

#include <cmath>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "bench/common/limits.hpp"
#include "host/plan/owned_workspace.hpp"
#include "kernels/cpu/isa.hpp"
#include "segpref/adamw.hpp"
#include "segpref/reward_mlp.hpp"

namespace segpref::bench {
namespace {

struct Workload {
  std::int64_t feature_dim;
  std::vector<std::int64_t> hidden;
  Output output;
  std::int64_t num_pairs, length;
};

const Workload christiano{24, {64, 64}, Output::identity, 64, 30};
const Workload pebble{30, {256, 256, 256}, Output::tanh, 128, 50};
const Workload unirlhf{23, {256, 256, 256}, Output::identity, 64, 200};

RewardArchitecture architecture_of(const Workload& workload) {
  RewardArchitecture architecture;
  architecture.feature_dim = workload.feature_dim;
  architecture.hidden = workload.hidden;
  architecture.num_members = 3;
  architecture.output = workload.output;
  return architecture;
}

/// FLOP of one row and member: forward, and forward plus backward.
std::pair<double, double> flop_per_row(const Workload& workload) {
  double forward = 0, inputs = 0;
  double in = static_cast<double>(workload.feature_dim);
  for (std::size_t layer = 0; layer <= workload.hidden.size(); ++layer) {
    const double out = layer < workload.hidden.size() ? static_cast<double>(workload.hidden[layer]) : 1.0;
    forward += 2 * in * out;
    if (layer > 0) inputs += 2 * in * out;
    in = out;
  }
  return {forward, 2 * forward + inputs};
}

std::vector<float> random_floats(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> values(count);
  for (float& value : values) value = std::normal_distribution<float>(0, 1)(random);
  return values;
}

void training_step(benchmark::State& state, const Workload& workload, bool own_order, Compute compute) {
  if (compute == Compute::bf16 && !cpu::has_bf16_dot_product()) return state.SkipWithError("this processor has no bf16 products");
  const RewardArchitecture architecture = architecture_of(workload);
  const std::int64_t data_pairs = 4 * workload.num_pairs, steps = 2 * data_pairs * workload.length;
  const std::vector<float> rows = random_floats(static_cast<std::size_t>(steps * workload.feature_dim), 1);
  std::vector<std::int64_t> offsets, order;
  for (std::int64_t s = 0; s <= 2 * data_pairs; ++s) offsets.push_back(s * workload.length);
  std::mt19937 random(2);
  for (std::int64_t i = 0; i < (own_order ? 3 : 1) * workload.num_pairs; ++i) order.push_back(i * 4 / (own_order ? 3 : 1) % data_pairs);
  std::vector<float> labels(static_cast<std::size_t>(data_pairs)), parameters, loss(3);
  for (float& label : labels) label = static_cast<float>(random() % 2);
  initialize_parameters(architecture, 0, parameters);
  std::vector<float> gradient(parameters.size()), first(parameters.size()), second(parameters.size());
  const Context context;
  const MlpLossPlan plan(architecture, {3, steps, 2 * data_pairs, data_pairs, workload.num_pairs, 2 * workload.num_pairs * workload.length, DType::f32}, context.num_threads(),
                         compute);
  const OwnedWorkspace workspace(plan.workspace_bytes());
  Features features;
  features.first = view(rows.data(), {steps, workload.feature_dim});
  PreferenceBatch batch;
  batch.offsets = view(offsets);
  batch.labels = view(labels);
  batch.pair_order = own_order ? view(order.data(), {3, workload.num_pairs}) : view(order.data(), {workload.num_pairs});
  PreferenceResult result;
  result.loss = view(loss);
  MlpGradients gradients;
  gradients.parameters = view(gradient);
  std::int64_t step = 0;
  const auto run = [&] {
    mlp_preference_loss(context, plan, view(std::as_const(parameters)), features, batch, {}, result, gradients, {}, {}, workspace.get());
    adamw_step(context, view(parameters), view(std::as_const(gradient)), view(first), view(second), ++step, {});
  };

  // Check before timing: the same call in float64, through the other instantiation of every kernel.
  mlp_preference_loss(context, plan, view(std::as_const(parameters)), features, batch, {}, result, gradients, {}, {}, workspace.get());
  const std::vector<double> wide(parameters.begin(), parameters.end());
  std::vector<double> wide_gradient(wide.size()), wide_loss(3);
  PreferenceResult wide_result;
  wide_result.loss = view(wide_loss);
  MlpGradients wide_gradients;
  wide_gradients.parameters = view(wide_gradient);
  mlp_preference_loss(context, architecture, view(wide), features, batch, {}, wide_result, wide_gradients);
  double scale = 0, worst = 0;
  for (std::size_t i = 0; i < wide.size(); ++i) {
    scale = std::max(scale, std::fabs(wide_gradient[i]));
    worst = std::max(worst, std::fabs(static_cast<double>(gradient[i]) - wide_gradient[i]));
  }
  // A pre-activation within rounding of leaky_relu's kink takes the other slope in one of the two precisions: 0.3 % of the largest gradient
  // on these shapes, where smooth activations agree to 1e-5 (tests/accuracy judges them closely).
  // bf16 products are off by some percent of it (tests/accuracy).
  if (!(worst < (compute == Compute::bf16 ? 1e-1 : 1e-2) * scale)) return state.SkipWithError(("the gradient is wrong: off by " + std::to_string(worst / scale) + " of its largest").c_str());

  for (auto _ : state) run();
  const double flop = 3.0 * 2.0 * static_cast<double>(workload.num_pairs * workload.length) * flop_per_row(workload).second;
  const double peak = fma_peak_gflops(context.pool());
  state.counters["GFLOP/s"] = benchmark::Counter(flop * 1e-9 * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
  state.counters["floor_ms"] = flop / peak * 1e-6;
  state.counters["peak_GFLOP/s"] = peak;
}

void relabel(benchmark::State& state) {
  const RewardArchitecture architecture = architecture_of(pebble);
  const std::int64_t steps = 200'000;  // of the workload's million: the time is proportional
  const std::vector<float> rows = random_floats(static_cast<std::size_t>(steps * pebble.feature_dim), 1);
  std::vector<float> parameters, mean(static_cast<std::size_t>(steps)), std(mean.size());
  initialize_parameters(architecture, 0, parameters);
  const Context context;
  Features features;
  features.first = view(rows.data(), {steps, pebble.feature_dim});
  Prediction prediction;
  prediction.mean = view(mean);
  prediction.std = view(std);
  for (auto _ : state) predict_rewards(context, architecture, view(std::as_const(parameters)), features, prediction);
  const std::vector<double> wide(parameters.begin(), parameters.end());
  std::vector<double> wide_mean(mean.size());
  Prediction wide_prediction;
  wide_prediction.mean = view(wide_mean);
  predict_rewards(context, architecture, view(wide), features, wide_prediction);
  for (std::size_t i = 0; i < mean.size(); ++i)
    if (!(std::fabs(static_cast<double>(mean[i]) - wide_mean[i]) < 1e-5)) return state.SkipWithError("a mean reward is wrong");
  const double flop = 3.0 * static_cast<double>(steps) * flop_per_row(pebble).first, peak = fma_peak_gflops(context.pool());
  state.counters["GFLOP/s"] = benchmark::Counter(flop * 1e-9 * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
  state.counters["floor_ms"] = flop / peak * 1e-6;
  state.counters["peak_GFLOP/s"] = peak;
}

BENCHMARK_CAPTURE(training_step, christiano_shared, christiano, false, Compute::standard)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(training_step, christiano_own_order, christiano, true, Compute::standard)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(training_step, pebble_shared, pebble, false, Compute::standard)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(training_step, pebble_own_order, pebble, true, Compute::standard)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(training_step, unirlhf_shared, unirlhf, false, Compute::standard)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(training_step, unirlhf_own_order, unirlhf, true, Compute::standard)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(training_step, pebble_shared_bf16, pebble, false, Compute::bf16)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(relabel)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace segpref::bench

BENCHMARK_MAIN();
