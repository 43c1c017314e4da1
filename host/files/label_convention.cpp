#include "host/files/label_convention.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "host/files/convert.hpp"

namespace segpref {
namespace {

constexpr std::pair<LabelConvention, std::string_view> names[] = {
    {LabelConvention::probability_of_second, "probability-of-second"},
    {LabelConvention::probability_of_first, "probability-of-first"},
    {LabelConvention::winner_index, "winner-index"},
    {LabelConvention::two_columns, "two-columns"},
    {LabelConvention::signed_strength, "signed-strength"},
    {LabelConvention::signed_logit, "signed-logit"},
    {LabelConvention::chosen_rejected, "chosen-rejected"}};

constexpr double column_sum_tolerance = 1e-3;

}  // namespace

LabelConvention label_convention_from(std::string_view name) {
  std::string known;
  for (const auto& [convention, text] : names) {
    if (text == name) return convention;
    known += known.empty() ? "" : ", ";
    known += text;
  }
  throw Error(ErrorCode::invalid_argument, fmt::format("labels = '{}' is not one of {}", name, known));
}

std::string_view name_of(LabelConvention convention) {
  for (const auto& [value, text] : names)
    if (value == convention) return text;
  throw Error(ErrorCode::invalid_argument, "labels: not a value of LabelConvention");
}

namespace files {

std::vector<float> convert_labels(const NpyArray& array, LabelConvention convention, std::int64_t num_pairs,
                                  const std::string& where) {
  const std::vector<double> raw = to_reals(array);
  const auto fail = [&](std::int64_t pair_idx, double value, const char* rule) {
    throw Error(ErrorCode::bad_data,
                fmt::format("{}[{}] = {} {} (labels: {})", where, pair_idx, value, rule, name_of(convention)));
  };
  const auto probability = [&](std::int64_t pair_idx, double value) {
    if (!(value >= 0.0 && value <= 1.0)) fail(pair_idx, value, "is outside [0, 1]");
    return value;
  };
  std::vector<float> result(static_cast<std::size_t>(num_pairs));
  for (std::int64_t pair_idx = 0; pair_idx < num_pairs; ++pair_idx) {
    const auto i = static_cast<std::size_t>(pair_idx);
    double label = 0.0;
    switch (convention) {
      case LabelConvention::probability_of_second:
        label = probability(pair_idx, raw[i]);
        break;
      case LabelConvention::probability_of_first:
        label = 1.0 - probability(pair_idx, raw[i]);
        break;
      case LabelConvention::winner_index:
        if (raw[i] != 0.0 && raw[i] != 1.0 && raw[i] != -1.0) fail(pair_idx, raw[i], "is not 0, 1 or -1");
        label = raw[i] < 0.0 ? 0.5 : raw[i];
        break;
      case LabelConvention::two_columns: {
        const double first = probability(pair_idx, raw[2 * i]), second = probability(pair_idx, raw[2 * i + 1]);
        if (std::abs(first + second - 1.0) > column_sum_tolerance)
          fail(pair_idx, first + second, "is the sum of the two columns, not 1");
        label = second / (first + second);
        break;
      }
      case LabelConvention::signed_strength:
        if (std::isnan(raw[i])) fail(pair_idx, raw[i], "is not a number");
        label = raw[i] > 0.0 ? 1.0 : raw[i] < 0.0 ? 0.0 : 0.5;
        break;
      case LabelConvention::signed_logit:
        if (std::isnan(raw[i])) fail(pair_idx, raw[i], "is not a number");
        label = 1.0 / (1.0 + std::exp(-raw[i]));
        break;
      case LabelConvention::chosen_rejected:
        label = 0.0;
        break;
    }
    result[i] = static_cast<float>(label);
  }
  return result;
}

}  // namespace files
}  // namespace segpref
