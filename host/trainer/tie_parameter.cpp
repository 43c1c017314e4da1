#include "host/trainer/tie_parameter.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace segpref {
namespace {

struct Range {
  double least, most;
};

Range range_of_unknown(TieModel model) { return model == TieModel::rao_kupper ? Range{std::log(1e-6), std::log(100.0)} : Range{-50.0, 50.0}; }
double unknown_of(TieModel model, double value) { return model == TieModel::rao_kupper ? std::log(value) : value; }
double value_of(TieModel model, double unknown) { return model == TieModel::rao_kupper ? std::exp(unknown) : unknown; }
/// d(value)/d(unknown)
double slope_of(TieModel model, double value) { return model == TieModel::rao_kupper ? value : 1.0; }

}  // namespace

TieState start_of_ties(const PreferenceOptions& loss, std::int64_t num_members, bool learn) {
  TieState ties;
  if (loss.tie_model == TieModel::none) return ties;
  const auto* start = static_cast<const float*>(loss.tie_parameter.data);
  for (std::int64_t member = 0; member < num_members; ++member) ties.value.push_back(start[loss.tie_parameter.size() > 1 ? member : 0]);
  if (!learn) return ties;
  for (float value : ties.value) ties.unknown.push_back(unknown_of(loss.tie_model, static_cast<double>(value)));
  ties.first_moment.assign(ties.unknown.size(), 0.0);
  ties.second_moment.assign(ties.unknown.size(), 0.0);
  return ties;
}

void TieState::step(const Context& context, TieModel model, const std::vector<float>& gradient, std::int64_t step_number, AdamWOptions optimizer) {
  std::vector<double> grad_unknown;
  for (std::size_t member = 0; member < value.size(); ++member)
    grad_unknown.push_back(static_cast<double>(gradient[member]) * slope_of(model, static_cast<double>(value[member])));
  optimizer.weight_decay = 0;
  adamw_step(context, view(unknown), view(std::as_const(grad_unknown)), view(first_moment), view(second_moment), step_number, optimizer);
  const Range range = range_of_unknown(model);
  for (std::size_t member = 0; member < value.size(); ++member) {
    unknown[member] = std::clamp(unknown[member], range.least, range.most);
    value[member] = static_cast<float>(value_of(model, unknown[member]));
  }
}

void TieState::put(TensorFile& file) const {
  file.put("tie_parameter", value);
  file.put("tie_unknown", unknown);
  file.put("tie_first_moment", first_moment);
  file.put("tie_second_moment", second_moment);
}

TieState TieState::get(const TensorFile& file, const TieState& like) {
  TieState ties{file.get<float>("tie_parameter"), file.get<double>("tie_unknown"), file.get<double>("tie_first_moment"), file.get<double>("tie_second_moment")};
  const std::size_t learned = like.unknown.size();
  if (ties.value.size() != like.value.size() || ties.unknown.size() != learned || ties.first_moment.size() != learned || ties.second_moment.size() != learned)
    throw Error(ErrorCode::bad_data, "the tie parameters do not fit this model");
  return ties;
}

}  // namespace segpref
