// fit on a GPU: epochs of the trainer behind the upload of the data set, with everything that the host does between them: metrics, held-out pairs, the model's way
// home. The first epoch captures its graphs.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "bench/common/fit_workload.hpp"
#include "bench/cuda/device.hpp"
#include "bench/cuda/median.hpp"

namespace segpref::bench {
namespace {

void fit(benchmark::State& state, Compute compute) {
  const FitWorkload workload;
  const Context context;
  const PreferenceDataset data = PreferenceDataset::load(workload.data());
  TrainerOptions options;
  options.epochs = 12;
  options.compute = compute;
  options.device = gpu;
  Laps watch;
  Trainer trainer(context, data, workload.architecture(), options);
  const double upload_ms = watch.lap();
  std::vector<double> epochs_us, kernels_us;
  for (auto _ : state) {
    watch.lap();
    const EpochReport report = *trainer.run_epoch();
    epochs_us.push_back(1e3 * watch.lap());
    kernels_us.push_back(1e6 * report.kernel_seconds);
    state.SetIterationTime(1e-6 * epochs_us.back());
    if (const std::string error = workload.check(report); !error.empty()) return state.SkipWithError(error.c_str());
  }
  state.counters["upload_ms"] = upload_ms;
  state.counters["first_epoch_ms"] = 1e-3 * epochs_us.front();
  state.counters["median_us"] = median(epochs_us);
  state.counters["kernels_us"] = median(kernels_us);
}

BENCHMARK_CAPTURE(fit, f32, Compute::standard)->Unit(benchmark::kMillisecond)->UseManualTime()->Iterations(11);
BENCHMARK_CAPTURE(fit, bf16, Compute::bf16)->Unit(benchmark::kMillisecond)->UseManualTime()->Iterations(11);

}  // namespace
}  // namespace segpref::bench
