// fit: everything that `segpref fit` does from file to model. 10,000 pairs, T 50, the pebble model, one epoch; the file is in the page cache.
// share_in_kernels is the part of the whole that mlp_preference_loss and adamw_step of the training steps take; the other counters say where
// the rest goes, in ms.
#include <benchmark/benchmark.h>

#include <string>

#include "bench/common/fit_workload.hpp"

namespace segpref::bench {
namespace {

void fit(benchmark::State& state) {
  const FitWorkload workload;
  TrainerOptions options;
  options.epochs = 1;

  double load = 0, prepare = 0, kernels = 0, rest_of_epoch = 0, normalise = 0, save = 0;
  for (auto _ : state) {
    Laps watch;
    const Context context;
    const PreferenceDataset data = PreferenceDataset::load(workload.data());
    load += watch.lap();
    Trainer trainer(context, data, workload.architecture(), options);
    prepare += watch.lap();
    const EpochReport report = *trainer.run_epoch();
    kernels += report.kernel_seconds * 1e3;
    rest_of_epoch += watch.lap() - report.kernel_seconds * 1e3;
    const RewardEnsemble ensemble = trainer.result();
    normalise += watch.lap();
    trainer.save_checkpoint(workload.file("model.checkpoint"), "bench", "");
    ensemble.save(workload.file("model.safetensors"));
    save += watch.lap();
    if (const std::string error = workload.check(report); !error.empty()) state.SkipWithError(error.c_str());
  }
  const double runs = static_cast<double>(state.iterations());
  state.counters["load_ms"] = load / runs;
  state.counters["statistics_ms"] = prepare / runs;
  state.counters["kernels_ms"] = kernels / runs;
  state.counters["held_out_ms"] = rest_of_epoch / runs;
  state.counters["normalise_ms"] = normalise / runs;
  state.counters["save_ms"] = save / runs;
  state.counters["share_in_kernels"] = kernels / (load + prepare + kernels + rest_of_epoch + normalise + save);
}
BENCHMARK(fit)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(1)->Repetitions(3);

}  // namespace
}  // namespace segpref::bench

BENCHMARK_MAIN();
