// A minibatch of 128 pairs of given step rewards, T mean 50: launching it is what it costs. Microseconds per call, one call per graph launch, and without a graph.
#include "bench/cuda/given_call.hpp"
#include "bench/cuda/timing.hpp"

namespace segpref::bench {
namespace {

constexpr int num_calls = 200;

void given_batch(benchmark::State& state, PairOrder order, Launched launched) {
  GivenWorkload workload(128, 50);
  const Stream stream;
  const Context context = Context(1).on_stream(stream.get());
  GivenCall call(workload, order, 1);
  if (const std::string error = call.check(context, stream); !error.empty()) return state.SkipWithError(error.c_str());
  const Graph graph(stream, [&] { call.enqueue(context, 0); });
  time_launches(state, stream, {num_calls, [&] {
    for (int i = 0; i < num_calls; ++i) launched == Launched::in_a_graph ? graph.launch(stream) : call.enqueue(context, 0);
  }});
}

BENCHMARK_CAPTURE(given_batch, graph, PairOrder::in_order, Launched::in_a_graph)->Apply(as_gpu_row);
BENCHMARK_CAPTURE(given_batch, without_graph, PairOrder::in_order, Launched::one_by_one)->Apply(as_gpu_row);
BENCHMARK_CAPTURE(given_batch, shuffled_graph, PairOrder::shuffled, Launched::in_a_graph)->Apply(as_gpu_row);
BENCHMARK_CAPTURE(given_batch, shuffled_without_graph, PairOrder::shuffled, Launched::one_by_one)->Apply(as_gpu_row);

}  // namespace
}  // namespace segpref::bench
