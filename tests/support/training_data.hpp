// Small seeded data sets on disk, to train on: a linear true reward and a rater of a chosen kind.
#pragma once

#include <cstdint>
#include <string>

#include "segpref/preference_options.hpp"

namespace segpref::testing {

struct TrainingDataShape {
  std::int64_t num_pairs = 200, segment_length = 5, feature_dim = 4;
  bool paired = false;     ///< obs_1, obs_2 instead of features and offsets
  bool labels_only_sides = false;  ///< no label of 0.5
  double tie_eta = 0.5;    ///< the rater follows Rao-Kupper with this eta, on logits of the true reward
  bool margins = false;    ///< a margin of 0.1 for every pair
};

/// Writes the file at `path`, the same bytes for the same shape and seed.
void write_training_data(const std::string& path, const TrainingDataShape& shape, std::uint64_t seed);

/// A folder that is removed with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace segpref::testing
