// christiano, pebble, unirlhf: one training step of an ensemble (forward, loss, backward, AdamW); relabel: prediction. f32, and pebble with bf16 products.
#include <benchmark/benchmark.h>

#include <cmath>
#include <utility>
#include <vector>

#include "bench/common/limits.hpp"
#include "bench/common/mlp_workload.hpp"
#include "host/plan/owned_workspace.hpp"
#include "kernels/cpu/isa.hpp"
#include "segpref/adamw.hpp"

namespace segpref::bench {
namespace {

/// Rate and floor of a row, beside the machine's peak.
void report(benchmark::State& state, const Context& context, double flop) {
  const double peak = fma_peak_gflops(context.pool());
  state.counters["GFLOP/s"] = benchmark::Counter(flop * 1e-9 * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
  state.counters["floor_ms"] = flop / peak * 1e-6;
  state.counters["peak_GFLOP/s"] = peak;
}

void training_step(benchmark::State& state, const MlpSizes& sizes, MinibatchOrder minibatches, Compute compute) {
  if (compute == Compute::bf16 && !cpu::has_bf16_dot_product()) return state.SkipWithError("this processor has no bf16 products");
  TrainingWorkload workload(sizes, minibatches);
  std::vector<float> parameters = workload.parameters, first(parameters.size()), second(parameters.size());
  const Context context;
  const MlpLossPlan plan(workload.architecture, workload.capacity({}), context.num_threads(), compute);
  const OwnedWorkspace workspace(plan.workspace_bytes());
  Features features;
  features.first = view(workload.rows.data(), {workload.num_steps(), sizes.feature_dim});
  const PreferenceBatch batch = workload.batch(workload.offsets.data(), workload.order.data(), workload.labels.data(), {});
  PreferenceResult result;
  result.loss = view(workload.loss);
  MlpGradients gradients;
  gradients.parameters = view(workload.gradient);
  const auto loss_and_gradient = [&] {
    mlp_preference_loss(context, plan, view(std::as_const(parameters)), features, batch, {}, result, gradients, {}, {}, workspace.get());
  };
  loss_and_gradient();
  if (const std::string error = workload.check(compute); !error.empty()) return state.SkipWithError(error.c_str());

  std::int64_t step = 0;
  for (auto _ : state) {
    loss_and_gradient();
    adamw_step(context, view(parameters), view(std::as_const(workload.gradient)), view(first), view(second), ++step, {});
  }
  report(state, context, workload.flop());
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
  report(state, context, 3.0 * static_cast<double>(steps) * flop_per_row(pebble).forward);
}

BENCHMARK_CAPTURE(training_step, christiano_shared, christiano, MinibatchOrder::shared, Compute::standard)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(training_step, christiano_own_order, christiano, MinibatchOrder::own, Compute::standard)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(training_step, pebble_shared, pebble, MinibatchOrder::shared, Compute::standard)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(training_step, pebble_own_order, pebble, MinibatchOrder::own, Compute::standard)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(training_step, unirlhf_shared, unirlhf, MinibatchOrder::shared, Compute::standard)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(training_step, unirlhf_own_order, unirlhf, MinibatchOrder::own, Compute::standard)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(training_step, pebble_shared_bf16, pebble, MinibatchOrder::shared, Compute::bf16)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(relabel)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace segpref::bench

BENCHMARK_MAIN();
