// How far a training run has come: what a checkpoint keeps, as one value that can be put back.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host/trainer/tie_parameter.hpp"
#include "segpref/model_file.hpp"

namespace segpref {

struct Progress {
  std::int64_t epoch = 0, step = 0;  ///< done
  std::vector<float> parameters, first_moment, second_moment;
  TieState ties;
  // With patience: the best epoch so far. No parameters: there is none yet
  std::vector<float> best_parameters, best_tie_parameter;
  std::int64_t best_epoch = 0;
  double best_accuracy = -1.0;

  void put(TensorFile& file) const;
  /// @throws Error(bad_data) naming `path`, where sizes are not those of `like`
  static Progress get(const TensorFile& file, const std::string& path, const Progress& like);
};

}  // namespace segpref
