// linear-wide: loss and gradient of a linear head on wide features, with and without the gradient of the features.
// Floor: the features read once, and their gradient written once.
#include <benchmark/benchmark.h>

#include <span>
#include <string>

#include "bench/common/linear_workload.hpp"
#include "bench/common/timing.hpp"
#include "host/plan/owned_workspace.hpp"

namespace segpref::bench {
namespace {

template <typename Element>
void linear_wide(benchmark::State& state, LinearWanted wanted) {
  LinearWorkload<Element> workload(wanted);
  const Context context;
  const LinearLossPlan plan = workload.plan({});
  const OwnedWorkspace workspace(plan.workspace_bytes());
  const LinearArrays<Element> arrays{workload.offsets.data(), workload.features.data(), workload.weight.data(), workload.bias.data(), workload.labels.data(), workload.loss.data(),
                                     workload.grad_weight.data(), workload.step_rewards.data(), workload.grad_features.data()};
  const auto run = [&] { workload.run(context, plan, arrays, workspace.get()); };
  run();
  if (const std::string error = workload.check(); !error.empty()) return state.SkipWithError(error.c_str());
  time_against_bandwidth(state, context.pool(), {std::as_bytes(std::span(workload.features)), std::as_writable_bytes(std::span(workload.grad_features))}, run);
}

void linear_wide_f32(benchmark::State& state, LinearWanted wanted) { linear_wide<float>(state, wanted); }
void linear_wide_bf16(benchmark::State& state, LinearWanted wanted) { linear_wide<bf16>(state, wanted); }

// So many iterations, because to make and check the workload takes far longer than to run it.
#define SEGPREF_ROW(name, row, ...) BENCHMARK_CAPTURE(name, row, LinearWanted{__VA_ARGS__})->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(15)
#define SEGPREF_ROWS(name)                              \
  SEGPREF_ROW(name, grad_w, 1, false, false);           \
  SEGPREF_ROW(name, grad_features, 1, true, false);     \
  SEGPREF_ROW(name, step_rewards, 1, false, true);      \
  SEGPREF_ROW(name, members_3, 3, false, false);        \
  SEGPREF_ROW(name, members_3_grad_features, 3, true, false)
SEGPREF_ROWS(linear_wide_f32);
SEGPREF_ROWS(linear_wide_bf16);
#undef SEGPREF_ROWS
#undef SEGPREF_ROW

}  // namespace
}  // namespace segpref::bench

BENCHMARK_MAIN();
