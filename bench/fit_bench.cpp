// fit: everything that `segpref fit` does from file to model. 10,000 pairs, T 50, the pebble model, one epoch; the file is in the page cache.
// share_in_kernels is the part of the whole that mlp_preference_loss and adamw_step of the training steps take; the other counters say where
// the rest goes, in ms.
#include <benchmark/benchmark.h>

#include <chrono>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "segpref/npz_writer.hpp"
#include "segpref/trainer.hpp"

namespace segpref::bench {
namespace {

constexpr std::int64_t num_pairs = 10000, segment_length = 50, feature_dim = 30;

void write_data(const std::string& path) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  const std::int64_t num_steps = 2 * num_pairs * segment_length;
  std::vector<float> features(static_cast<std::size_t>(num_steps * feature_dim)), labels(static_cast<std::size_t>(num_pairs));
  for (float& value : features) value = normal(random);
  for (float& label : labels) label = static_cast<float>(random() % 2);
  std::vector<std::int64_t> offsets;
  for (std::int64_t s = 0; s <= 2 * num_pairs; ++s) offsets.push_back(s * segment_length);
  NpzWriter writer(path, {{"features", DType::f32, {num_steps, feature_dim}}, {"offsets", DType::i64, {2 * num_pairs + 1}}, {"labels", DType::f32, {num_pairs}}});
  writer.write(0, 0, features.data(), num_steps * feature_dim);
  writer.write(1, 0, offsets.data(), 2 * num_pairs + 1);
  writer.write(2, 0, labels.data(), num_pairs);
  writer.commit();
}

class Stopwatch {
 public:
  /// Milliseconds since the last lap.
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    const double ms = std::chrono::duration<double, std::milli>(now - last_).count();
    last_ = now;
    return ms;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

void fit(benchmark::State& state) {
  const std::string folder = std::filesystem::temp_directory_path() / "segpref_fit_bench", path = folder + "/data.npz";
  std::filesystem::create_directories(folder);
  write_data(path);
  RewardArchitecture architecture;
  architecture.feature_dim = feature_dim;
  architecture.hidden = {256, 256, 256};
  architecture.num_members = 3;
  architecture.output = Output::tanh;
  TrainerOptions options;
  options.epochs = 1;

  double load = 0, prepare = 0, kernels = 0, rest_of_epoch = 0, normalise = 0, save = 0;
  for (auto _ : state) {
    Stopwatch watch;
    const Context context;
    const PreferenceDataset data = PreferenceDataset::load(path);
    load += watch.lap();
    Trainer trainer(context, data, architecture, options);
    prepare += watch.lap();
    const EpochReport report = *trainer.run_epoch();
    kernels += report.kernel_seconds * 1e3;
    rest_of_epoch += watch.lap() - report.kernel_seconds * 1e3;
    const RewardEnsemble ensemble = trainer.result();
    normalise += watch.lap();
    trainer.save_checkpoint(folder + "/model.checkpoint", "bench", "");
    ensemble.save(folder + "/model.safetensors");
    save += watch.lap();
    if (!(report.loss[0] > 0.5 && report.loss[0] < 2.0)) state.SkipWithError("coin-flip labels cannot be predicted: the loss must be near log 2");
  }
  const double runs = static_cast<double>(state.iterations());
  state.counters["load_ms"] = load / runs;
  state.counters["statistics_ms"] = prepare / runs;
  state.counters["kernels_ms"] = kernels / runs;
  state.counters["held_out_ms"] = rest_of_epoch / runs;
  state.counters["normalise_ms"] = normalise / runs;
  state.counters["save_ms"] = save / runs;
  state.counters["share_in_kernels"] = kernels / (load + prepare + kernels + rest_of_epoch + normalise + save);
  std::filesystem::remove_all(folder);
}
BENCHMARK(fit)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(1)->Repetitions(3);

}  // namespace
}  // namespace segpref::bench

BENCHMARK_MAIN();
