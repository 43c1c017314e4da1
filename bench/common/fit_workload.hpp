// fit: what `segpref fit` reads and is told. 10,000 pairs, T 50, the pebble model; labels are coin flips.
#pragma once

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "bench/common/mlp_workload.hpp"
#include "segpref/npz_writer.hpp"
#include "segpref/trainer.hpp"

namespace segpref::bench {

class FitWorkload {
 public:
  static constexpr std::int64_t num_pairs = 10000, segment_length = 50;

  /// Writes the data set into a folder that lives as long as this.
  FitWorkload() : folder_(std::filesystem::temp_directory_path() / ("segpref_fit_bench_" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_);
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    const std::int64_t num_steps = 2 * num_pairs * segment_length;
    std::vector<float> features(static_cast<std::size_t>(num_steps * pebble.feature_dim)), labels(static_cast<std::size_t>(num_pairs));
    for (float& value : features) value = normal(random);
    for (float& label : labels) label = static_cast<float>(random() % 2);
    std::vector<std::int64_t> offsets;
    for (std::int64_t s = 0; s <= 2 * num_pairs; ++s) offsets.push_back(s * segment_length);
    NpzWriter writer(data(), {{"features", DType::f32, {num_steps, pebble.feature_dim}}, {"offsets", DType::i64, {2 * num_pairs + 1}}, {"labels", DType::f32, {num_pairs}}});
    writer.write(0, 0, features.data(), num_steps * pebble.feature_dim);
    writer.write(1, 0, offsets.data(), 2 * num_pairs + 1);
    writer.write(2, 0, labels.data(), num_pairs);
    writer.commit();
  }
  ~FitWorkload() { std::filesystem::remove_all(folder_); }
  FitWorkload(const FitWorkload&) = delete;
  FitWorkload& operator=(const FitWorkload&) = delete;

  std::string data() const { return file("data.npz"); }
  std::string file(const char* name) const { return folder_ / name; }
  RewardArchitecture architecture() const { return architecture_of(pebble); }
  /// What is wrong with an epoch; empty: nothing.
  static std::string check(const EpochReport& report) {
    return report.loss[0] > 0.5 && report.loss[0] < 2.0 ? "" : "coin-flip labels cannot be predicted: the loss must be near log 2";
  }

 private:
  std::filesystem::path folder_;
};

class Laps {
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

}  // namespace segpref::bench
