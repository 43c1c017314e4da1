#include "host/trainer/progress.hpp"

#include <fmt/format.h>

namespace segpref {

void Progress::put(TensorFile& file) const {
  file.put("counters", std::vector<std::int64_t>{epoch, step, best_epoch});
  file.put("best_accuracy", std::vector<double>{best_accuracy});
  file.put("parameters", parameters);
  file.put("first_moment", first_moment);
  file.put("second_moment", second_moment);
  file.put("best_parameters", best_parameters);
  file.put("best_tie_parameter", best_tie_parameter);
  ties.put(file);
}

Progress Progress::get(const TensorFile& file, const std::string& path, const Progress& like) {
  Progress progress;
  const auto counters = file.get<std::int64_t>("counters");
  const auto best_accuracy = file.get<double>("best_accuracy");
  progress.parameters = file.get<float>("parameters");
  progress.first_moment = file.get<float>("first_moment");
  progress.second_moment = file.get<float>("second_moment");
  progress.best_parameters = file.get<float>("best_parameters");
  progress.best_tie_parameter = file.get<float>("best_tie_parameter");
  progress.ties = TieState::get(file, like.ties);
  const std::size_t size = like.parameters.size();
  const bool fits = counters.size() == 3 && best_accuracy.size() == 1 && progress.parameters.size() == size && progress.first_moment.size() == size &&
                    progress.second_moment.size() == size && (progress.best_parameters.empty() || progress.best_parameters.size() == size) &&
                    progress.best_tie_parameter.size() == (progress.best_parameters.empty() ? 0 : progress.ties.value.size());
  if (!fits) throw Error(ErrorCode::bad_data, fmt::format("{}: its tensors do not fit this model", path));
  progress.epoch = counters[0];
  progress.step = counters[1];
  progress.best_epoch = counters[2];
  progress.best_accuracy = best_accuracy[0];
  return progress;
}

}  // namespace segpref
