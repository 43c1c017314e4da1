// given-short and given-long: loss and gradient from given step rewards, f32. Floor: every reward read once, every gradient written once.
#include "bench/cuda/given_call.hpp"
#include "bench/cuda/timing.hpp"

namespace segpref::bench {
namespace {

void given(benchmark::State& state, std::int64_t num_pairs, std::int64_t mean_length, PairOrder order, Launched launched) {
  GivenWorkload workload(num_pairs, mean_length);
  const std::size_t moved_bytes = 2 * workload.rewards.size() * sizeof(float);
  const int num_calls = std::max(16, num_rotations(moved_bytes));
  const Stream stream;
  const Context context = Context(1).on_stream(stream.get());
  GivenCall call(workload, order, num_rotations(moved_bytes));
  if (const std::string error = call.check(context, stream); !error.empty()) return state.SkipWithError(error.c_str());

  const auto calls = [&] {
    for (int i = 0; i < num_calls; ++i) call.enqueue(context, i);
  };
  if (launched == Launched::one_by_one) return time_moving(state, stream, moved_bytes, {num_calls, calls});
  const Graph graph(stream, calls);
  time_moving(state, stream, moved_bytes, {num_calls, [&] { graph.launch(stream); }});
}

BENCHMARK_CAPTURE(given, short, 100'000, 50, PairOrder::in_order, Launched::in_a_graph)->Apply(as_gpu_row);
BENCHMARK_CAPTURE(given, short_without_graph, 100'000, 50, PairOrder::in_order, Launched::one_by_one)->Apply(as_gpu_row);
BENCHMARK_CAPTURE(given, short_shuffled, 100'000, 50, PairOrder::shuffled, Launched::in_a_graph)->Apply(as_gpu_row);
BENCHMARK_CAPTURE(given, long, 1'000, 5'000, PairOrder::in_order, Launched::in_a_graph)->Apply(as_gpu_row);
BENCHMARK_CAPTURE(given, long_without_graph, 1'000, 5'000, PairOrder::in_order, Launched::one_by_one)->Apply(as_gpu_row);
BENCHMARK_CAPTURE(given, long_shuffled, 1'000, 5'000, PairOrder::shuffled, Launched::in_a_graph)->Apply(as_gpu_row);

}  // namespace
}  // namespace segpref::bench
