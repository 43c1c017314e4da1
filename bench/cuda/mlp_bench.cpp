// christiano, pebble, unirlhf: a whole training step (forward, loss, backward, AdamW) in a graph; relabel: mean and deviation of an ensemble over a replay buffer.
// The features of a data set of four minibatches fit the cache, as they do in training.
#include <cmath>
#include <string>
#include <utility>

#include "bench/cuda/timing.hpp"
#include "bench/cuda/training_call.hpp"
#include "segpref/error.hpp"

namespace segpref::bench {
namespace {

void time_training(benchmark::State& state, const MlpSizes& sizes, MinibatchOrder minibatches, Compute compute, Launched launched) {
  TrainingWorkload workload(sizes, minibatches);
  const Stream stream;
  const Context context = Context(1).on_stream(stream.get());
  TrainingCall call(workload, compute);
  if (const std::string error = call.check(context, stream); !error.empty()) return state.SkipWithError(error.c_str());
  constexpr int num_calls = 20;
  const Graph graph(stream, [&] { call.enqueue(context); });
  time_products(state, stream, workload.flop(), compute, {num_calls, [&] {
    for (int i = 0; i < num_calls; ++i) launched == Launched::in_a_graph ? graph.launch(stream) : call.enqueue(context);
  }});
}

/// 10 of the workload's 100 million steps: the time is proportional.
void time_relabel(benchmark::State& state, Compute compute) {
  constexpr std::int64_t num_blocks = 10, block_steps = 1'000'000, num_steps = num_blocks * block_steps, num_checked = 20'000;
  const RewardArchitecture architecture = architecture_of(pebble);
  const std::vector<float> rows = random_floats(static_cast<std::size_t>(block_steps * pebble.feature_dim), 1);
  std::vector<float> parameters;
  initialize_parameters(architecture, 0, parameters);
  const Stream stream;
  const Context context = Context(1).on_stream(stream.get());
  const DeviceArray<float> device_rows(num_blocks * rows.size()), device_parameters(parameters), mean(num_steps), deviation(num_steps);
  for (std::size_t i = 0; i < num_blocks; ++i)  // the same block again: to draw it all takes longer than the row
    device::check(cudaMemcpy(device_rows.get() + i * rows.size(), rows.data(), rows.size() * sizeof(float), cudaMemcpyHostToDevice), "cudaMemcpy");
  device::check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
  Features features;
  features.first = device_rows.read({num_steps, pebble.feature_dim});
  Prediction prediction;
  prediction.mean = mean.write({num_steps});
  prediction.std = deviation.write({num_steps});
  const auto run = [&] { predict_rewards(context, architecture, device_parameters.read({static_cast<std::int64_t>(parameters.size())}), features, prediction, {}, compute); };
  run();
  stream.wait();

  const std::vector<double> wide(parameters.begin(), parameters.end());
  std::vector<double> wide_mean(num_checked), wide_deviation(num_checked);
  Features first_rows;
  first_rows.first = view(rows.data(), {num_checked, pebble.feature_dim});
  predict_rewards(Context(), architecture, view(wide), first_rows, {{}, view(wide_mean), view(wide_deviation)});
  std::vector<float> means(num_steps), deviations(num_steps);
  mean.copy_to(means);
  deviation.copy_to(deviations);
  for (std::size_t i = 0; i < wide_mean.size(); ++i) {
    const double allowed = compute == Compute::bf16 ? 1e-2 : 1e-5;
    if (!(std::fabs(static_cast<double>(means[i]) - wide_mean[i]) < allowed)) return state.SkipWithError("a mean reward is wrong");
    if (!(std::fabs(static_cast<double>(deviations[i]) - wide_deviation[i]) < allowed)) return state.SkipWithError("a deviation is wrong");
  }
  time_products(state, stream, 3.0 * num_steps * flop_per_row(pebble).forward, compute, {1, run});
}

/// What the library does not support yet is an answer.
template <typename Row>
void row_or_why_not(benchmark::State& state, Row row) {
  try {
    row();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unsupported) throw;
    state.SkipWithError((std::string("unsupported: ") + error.what()).c_str());
  }
}

void training_step(benchmark::State& state, const MlpSizes& sizes, MinibatchOrder minibatches, Compute compute, Launched launched) {
  row_or_why_not(state, [&] { time_training(state, sizes, minibatches, compute, launched); });
}
void relabel(benchmark::State& state, Compute compute) {
  row_or_why_not(state, [&] { time_relabel(state, compute); });
}

#define SEGPREF_TRAINING_ROWS(name, sizes)                                                                                                            \
  BENCHMARK_CAPTURE(training_step, name##_shared, sizes, MinibatchOrder::shared, Compute::standard, Launched::in_a_graph)->Apply(as_gpu_row);         \
  BENCHMARK_CAPTURE(training_step, name##_own_order, sizes, MinibatchOrder::own, Compute::standard, Launched::in_a_graph)->Apply(as_gpu_row);         \
  BENCHMARK_CAPTURE(training_step, name##_shared_bf16, sizes, MinibatchOrder::shared, Compute::bf16, Launched::in_a_graph)->Apply(as_gpu_row);        \
  BENCHMARK_CAPTURE(training_step, name##_own_order_bf16, sizes, MinibatchOrder::own, Compute::bf16, Launched::in_a_graph)->Apply(as_gpu_row);        \
  BENCHMARK_CAPTURE(training_step, name##_shared_without_graph, sizes, MinibatchOrder::shared, Compute::standard, Launched::one_by_one)->Apply(as_gpu_row)
SEGPREF_TRAINING_ROWS(christiano, christiano);
SEGPREF_TRAINING_ROWS(pebble, pebble);
SEGPREF_TRAINING_ROWS(unirlhf, unirlhf);
#undef SEGPREF_TRAINING_ROWS
BENCHMARK_CAPTURE(relabel, f32, Compute::standard)->Apply(as_gpu_row);
BENCHMARK_CAPTURE(relabel, bf16, Compute::bf16)->Apply(as_gpu_row);

}  // namespace
}  // namespace segpref::bench
