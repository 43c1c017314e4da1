// Trains an ensemble of three small MLPs on a data set made here, saves it, loads it, and asks it about pairs it was not trained on.
#include <segpref/segpref.hpp>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

namespace {

// What the comparisons follow, and the models must find: a reward that is no linear function of the two features.
float true_reward(float x, float y) { return std::sin(2 * x) - y * y; }

/// Segments of ten steps in a square; of every two, the one with the larger sum of true rewards is preferred.
void write_dataset(const std::string& path) {
  constexpr std::int64_t num_pairs = 400, length = 10, num_segments = 2 * num_pairs, num_steps = num_segments * length;
  std::vector<float> features, labels;
  std::vector<std::int64_t> offsets = {0};
  std::vector<double> scores;
  for (std::int64_t segment = 0; segment < num_segments; ++segment) {
    double score = 0;
    for (std::int64_t step = 0; step < length; ++step) {
      // A walk through the square that never repeats; irrational slopes stand in for randomness.
      const double t = static_cast<double>(segment) * 1.618034 + static_cast<double>(step) * 0.05;
      const auto x = static_cast<float>(std::sin(7 * t)), y = static_cast<float>(std::cos(11 * t));
      features.insert(features.end(), {x, y});
      score += true_reward(x, y);
    }
    offsets.push_back((segment + 1) * length);
    scores.push_back(score);
    if (segment % 2 == 1) labels.push_back(scores[static_cast<std::size_t>(segment)] > scores[static_cast<std::size_t>(segment - 1)] ? 1.0f : 0.0f);
  }
  segpref::NpzWriter file(path, {{"features", segpref::DType::f32, {num_steps, 2}},
                                 {"offsets", segpref::DType::i64, {num_segments + 1}},
                                 {"labels", segpref::DType::f32, {num_pairs}}});
  file.write(0, 0, features.data(), static_cast<std::int64_t>(features.size()));
  file.write(1, 0, offsets.data(), static_cast<std::int64_t>(offsets.size()));
  file.write(2, 0, labels.data(), static_cast<std::int64_t>(labels.size()));
  file.commit();
}

}  // namespace

int main() {
  const auto folder = std::filesystem::temp_directory_path() / ("segpref_example_03_" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  const std::string data_path = (folder / "pairs.npz").string(), model_path = (folder / "model.safetensors").string();
  write_dataset(data_path);

  const segpref::Context context;
  const auto data = segpref::PreferenceDataset::load(data_path);
  segpref::RewardArchitecture architecture;
  architecture.feature_dim = data.feature_dim();
  architecture.hidden = {32, 32};
  architecture.num_members = 3;
  segpref::TrainerOptions options;
  options.epochs = 20;
  options.batch_pairs = 32;
  options.optimizer.learning_rate = 3e-3;
  options.validation = 0.2;
  segpref::Trainer trainer(context, data, architecture, options);
  while (!trainer.finished()) {
    const auto report = trainer.run_epoch();
    if (report->epoch % 5 != 0) continue;
    const double accuracy = report->held_out->mean.accuracy.value_or(0);
    std::printf("epoch %2ld: loss %.3f, held-out accuracy %.3f\n", static_cast<long>(report->epoch), report->loss[0], accuracy);
  }
  trainer.result().save(model_path);

  const auto ensemble = segpref::RewardEnsemble::load(model_path);
  const auto* labels = static_cast<const float*>(data.batch().labels.data);
  const auto held_out = ensemble.evaluate(context, data, trainer.held_out_pairs(), labels);
  std::printf("loaded again: %ld held-out pairs, accuracy %.3f\n", static_cast<long>(held_out.num_pairs), held_out.mean.accuracy.value_or(0));
  std::filesystem::remove_all(folder);
  return held_out.mean.accuracy.value_or(0) > 0.9 ? 0 : 1;
}
