#include "tests/support/training_data.hpp"

#include <stdlib.h>

#include <cmath>
#include <filesystem>
#include <random>
#include <vector>

#include "segpref/npz_writer.hpp"

namespace segpref::testing {

void write_training_data(const std::string& path, const TrainingDataShape& shape, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  const std::int64_t pairs = shape.num_pairs, length = shape.segment_length, dim = shape.feature_dim;
  const std::vector<std::int64_t> extent = {pairs, length, dim};

  // The two sides of a pair: row-major [2][num_pairs, segment_length, feature_dim].
  std::vector<float> side[2];
  std::vector<float> labels, margins(static_cast<std::size_t>(pairs), 0.1f);
  for (std::int64_t pair = 0; pair < pairs; ++pair) {
    double score[2] = {0, 0};
    for (int s = 0; s < 2; ++s)
      for (std::int64_t i = 0; i < length * dim; ++i) {
        side[s].push_back(static_cast<float>(normal(random)));
        score[s] += (i % dim % 2 == 0 ? 0.5 : -0.5) * static_cast<double>(side[s].back());
      }
    const double logit = score[1] - score[0];
    const double p_second = 1 / (1 + std::exp(shape.tie_eta - logit)), p_first = 1 / (1 + std::exp(shape.tie_eta + logit)), drawn = uniform(random);
    const bool tie = !shape.labels_only_sides && drawn >= p_first + p_second;
    labels.push_back(tie ? 0.5f : drawn * (shape.labels_only_sides ? p_first + p_second : 1.0) < p_second ? 1.0f : 0.0f);
  }

  std::vector<NpzArray> arrays;
  const char* label_key = shape.paired ? "label" : "labels";
  if (shape.paired) arrays = {{"obs_1", DType::f32, extent}, {"obs_2", DType::f32, extent}};
  else arrays = {{"features", DType::f32, {2 * pairs * length, dim}}, {"offsets", DType::i64, {2 * pairs + 1}}};
  arrays.push_back({label_key, DType::f32, {pairs}});
  if (shape.margins) arrays.push_back({shape.paired ? "margin" : "margins", DType::f32, {pairs}});
  NpzWriter writer(path, arrays);
  const std::int64_t segment_size = length * dim;
  if (shape.paired) {
    for (int s = 0; s < 2; ++s) writer.write(s, 0, side[s].data(), pairs * segment_size);
  } else {
    std::vector<std::int64_t> offsets;
    for (std::int64_t s = 0; s <= 2 * pairs; ++s) offsets.push_back(s * length);
    for (std::int64_t pair = 0; pair < pairs; ++pair)
      for (int s = 0; s < 2; ++s) writer.write(0, (2 * pair + s) * segment_size, side[s].data() + pair * segment_size, segment_size);
    writer.write(1, 0, offsets.data(), 2 * pairs + 1);
  }
  writer.write(2, 0, labels.data(), pairs);
  if (shape.margins) writer.write(3, 0, margins.data(), pairs);
  writer.commit();
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "segpref_test_XXXXXX").string();
  path_ = mkdtemp(pattern.data());
}
TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace segpref::testing
