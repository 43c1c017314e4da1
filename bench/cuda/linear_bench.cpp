// linear-wide: loss and gradient of a linear head on wide features. Floor: the features read once, and their gradient written once.
// The data is many times the cache: it needs no rotation.
#include <string>

#include "bench/common/linear_workload.hpp"
#include "bench/cuda/timing.hpp"
#include "segpref/error.hpp"

namespace segpref::bench {
namespace {

template <typename Element>
void linear_wide(benchmark::State& state, LinearWanted wanted) {
  LinearWorkload<Element> workload(wanted);
  const Stream stream;
  const Context context = Context(1).on_stream(stream.get());
  const DeviceArray<std::int64_t> offsets(workload.offsets);
  const DeviceArray<Element> features(workload.features), grad_features(workload.grad_features.size());
  const DeviceArray<float> weight(workload.weight), bias(workload.bias), labels(workload.labels), loss(workload.loss.size()), grad_weight(workload.grad_weight.size());
  const LinearArrays<Element> arrays{offsets.get(), features.get(), weight.get(), bias.get(), labels.get(), loss.get(), grad_weight.get(), nullptr, grad_features.get(), gpu};
  const LinearLossPlan plan = workload.plan(gpu);
  const DeviceArray<std::byte> workspace(plan.workspace_bytes());
  const auto run = [&] { workload.run(context, plan, arrays, {workspace.get(), workspace.size()}); };
  device::check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
  run();
  stream.wait();
  loss.copy_to(workload.loss);
  grad_weight.copy_to(workload.grad_weight);
  grad_features.copy_to(workload.grad_features);
  if (const std::string error = workload.check(); !error.empty()) return state.SkipWithError(error.c_str());

  constexpr int num_calls = 4;
  const Graph graph(stream, [&] {
    for (int i = 0; i < num_calls; ++i) run();
  });
  time_moving(state, stream, features.bytes() + grad_features.bytes(), {num_calls, [&] { graph.launch(stream); }});
}

template <typename Element>
void linear_wide_or_why_not(benchmark::State& state, LinearWanted wanted) {
  try {
    linear_wide<Element>(state, wanted);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unsupported) throw;
    state.SkipWithError((std::string("unsupported: ") + error.what()).c_str());
  }
}

void linear_wide_f32(benchmark::State& state, LinearWanted wanted) { linear_wide_or_why_not<float>(state, wanted); }
void linear_wide_bf16(benchmark::State& state, LinearWanted wanted) { linear_wide_or_why_not<bf16>(state, wanted); }

BENCHMARK_CAPTURE(linear_wide_f32, grad_w, LinearWanted{1, false, false})->Apply(as_gpu_row);
BENCHMARK_CAPTURE(linear_wide_f32, grad_features, LinearWanted{1, true, false})->Apply(as_gpu_row);
BENCHMARK_CAPTURE(linear_wide_bf16, grad_w, LinearWanted{1, false, false})->Apply(as_gpu_row);
BENCHMARK_CAPTURE(linear_wide_bf16, grad_features, LinearWanted{1, true, false})->Apply(as_gpu_row);

}  // namespace
}  // namespace segpref::bench
