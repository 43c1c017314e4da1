#include "host/validate/value_checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "kernels/common/rankings.hpp"

namespace segpref::validation {
namespace {

using kernels::IndexArray;
using kernels::RealArray;
using kernels::ValueForm;
using kernels::ValuesAt;

constexpr double least_positive = DBL_TRUE_MIN;

/// A value with the digits of its own type.
std::string number(const RealArray& array, double value) { return array.wide ? fmt::format("{}", value) : fmt::format("{}", static_cast<float>(value)); }

kernels::ValueCheck in_range(const IndexArray& array, std::int64_t begin, std::int64_t end, std::int64_t least, std::int64_t most) {
  kernels::ValueCheck check;
  check.form = ValueForm::index;
  check.begin = begin;
  check.end = end;
  check.indices = array;
  check.least = least;
  check.most = most;
  return check;
}

kernels::ValueCheck in_range(const RealArray& array, std::int64_t count, double least, double most) {
  kernels::ValueCheck check;
  check.form = ValueForm::real;
  check.end = count;
  check.reals = array;
  check.least_real = least;
  check.most_real = most;
  return check;
}

std::string offset_outside(const ValueCheck& c, std::int64_t i, const ValuesAt& found) {
  return fmt::format("{}[{}] = {} is outside [0, {}] ({})", c.name, i, found.index, c.values.most, c.limit_name);
}

std::string offset_decreases(const ValueCheck& c, std::int64_t i, const ValuesAt& found) {
  return fmt::format("{0}[{1}] = {2} is less than {0}[{3}] = {4}: offsets must not decrease", c.name, i, found.index, i - 1, found.other);
}

std::string window_outside(const ValueCheck& c, std::int64_t i, const ValuesAt& found) {
  const std::int64_t begin = found.index, length = found.other, num_steps = c.values.most;
  if (length < 0) return fmt::format("lengths[{}] = {} must be >= 0", i, length);
  if (begin < 0 || begin > num_steps) return fmt::format("begins[{}] = {} is outside [0, {}] (num_steps)", i, begin, num_steps);
  return fmt::format("begins[{0}] + lengths[{0}] = {1} + {2} is beyond num_steps = {3}", i, begin, length, num_steps);
}

std::string index_outside(const ValueCheck& c, std::int64_t i, const ValuesAt& found) {
  return fmt::format("{}[{}] = {} is outside [0, {}) ({})", c.name, c.axes.words(i), found.index, c.values.most + 1, c.limit_name);
}

std::string wrong_ranking_length(const ValueCheck& c, std::int64_t i, const ValuesAt& found) {
  return fmt::format("ranking_offsets[{}] - ranking_offsets[{}] = {}: a ranking has {} to {} entries", i + 1, i, found.other - found.index, c.values.least, c.values.most);
}

std::string no_step_number(const ValueCheck& c, std::int64_t i, const ValuesAt& found) {
  return fmt::format("{}[{}] = {} must be >= 1 and <= {} (the first step is 1)", c.name, i, found.index, c.values.most);
}

std::string segment_too_long(const ValueCheck& c, std::int64_t i, const ValuesAt& found) {
  const bool is_window = c.values.form == ValueForm::index;
  const std::string source = is_window ? fmt::format("lengths[{}]", i) : fmt::format("offsets[{}] - offsets[{}]", i + 1, i);
  return fmt::format("segment {}: {} = {} is more than the plan's capacity {} (max_segment_steps)", i, source, is_window ? found.index : found.other - found.index, c.values.most);
}

std::string label_outside(const ValueCheck& c, std::int64_t i, const ValuesAt& found) {
  return fmt::format("labels[{}] = {} is outside [0, 1]", i, number(c.values.reals, found.real));
}

/// `limit_name` is the rule.
std::string rule_broken(const ValueCheck& c, std::int64_t i, const ValuesAt& found) {
  return fmt::format("{}[{}] = {} must be {}", c.name, c.axes.words(i), number(c.values.reals, found.real), c.limit_name);
}

}  // namespace

std::string Axes::words(std::int64_t i) const {
  switch (kind) {
    case Kind::rows: return fmt::format("{}, {}", i / row_size, i % row_size);
    case Kind::sides: return fmt::format("{}, {}", i / 2, i % 2 == 0 ? "first" : "second");
    default: return std::to_string(i);
  }
}

void ValueChecks::offsets(std::string_view name, const IndexArray& array, std::int64_t count, std::int64_t limit, std::string_view limit_name) {
  add({in_range(array, 0, 1, 0, limit), name, limit_name, Axes::flat(), offset_outside});
  kernels::ValueCheck order = in_range(array, 1, count, 0, 0);
  order.form = ValueForm::order;
  add({order, name, limit_name, Axes::flat(), offset_decreases});
  add({in_range(array, count - 1, count, 0, limit), name, limit_name, Axes::flat(), offset_outside});
}

void ValueChecks::windows(const IndexArray& begins, const IndexArray& lengths, std::int64_t count, std::int64_t num_steps) {
  kernels::ValueCheck check = in_range(begins, 0, count, 0, num_steps);
  check.form = ValueForm::window;
  check.lengths = lengths;
  add({check, "begins", "num_steps", Axes::flat(), window_outside});
}

void ValueChecks::indices(std::string_view name, const IndexArray& array, std::int64_t count, std::int64_t limit, std::string_view limit_name, const Axes& axes) {
  add({in_range(array, 0, count, 0, limit - 1), name, limit_name, axes, index_outside});
}

void ValueChecks::ranking_lengths(const IndexArray& ranking_offsets, std::int64_t num_rankings) {
  kernels::ValueCheck check = in_range(ranking_offsets, 0, num_rankings, kernels::min_ranking_entries, kernels::max_ranking_entries);
  check.form = ValueForm::difference;
  add({check, "ranking_offsets", "", Axes::flat(), wrong_ranking_length});
}

void ValueChecks::step_number(std::string_view name, const IndexArray& array) {
  constexpr std::int64_t last_that_can_be_advanced = std::numeric_limits<std::int64_t>::max() - 1;
  add({in_range(array, 0, 1, 1, last_that_can_be_advanced), name, "", Axes::flat(), no_step_number});
}

void ValueChecks::segment_lengths(const kernels::Batch& batch, std::int64_t max_segment_steps) {
  if (max_segment_steps == 0 || max_segment_steps >= batch.num_steps) return;
  kernels::ValueCheck check = in_range(batch.windows() ? batch.lengths : batch.offsets, 0, batch.num_segments, 0, max_segment_steps);
  if (!batch.windows()) check.form = ValueForm::difference;
  add({check, batch.windows() ? "lengths" : "offsets", "max_segment_steps", Axes::flat(), segment_too_long});
}

void ValueChecks::labels(const RealArray& array, std::int64_t count) { add({in_range(array, count, 0, 1), "labels", "", Axes::flat(), label_outside}); }

void ValueChecks::not_negative(std::string_view name, const RealArray& array, std::int64_t count, const Axes& axes) {
  if (array.present()) add({in_range(array, count, 0, DBL_MAX), name, "finite and >= 0", axes, rule_broken});
}

void ValueChecks::finite(std::string_view name, const RealArray& array, std::int64_t count) {
  add({in_range(array, count, -DBL_MAX, DBL_MAX), name, "finite", Axes::flat(), rule_broken});
}

void ValueChecks::positive(std::string_view name, const RealArray& array, std::int64_t count) {
  add({in_range(array, count, least_positive, DBL_MAX), name, "finite and > 0", Axes::flat(), rule_broken});
}

void ValueChecks::tie_parameters(const RealArray& array, std::int64_t count, bool is_rao_kupper) {
  add({in_range(array, count, is_rao_kupper ? least_positive : -DBL_MAX, DBL_MAX), "tie_parameter", is_rao_kupper ? "finite and > 0 (rao_kupper)" : "finite", Axes::flat(), rule_broken});
}

void ValueChecks::no_margins(const RealArray& array, std::int64_t count, const Axes& axes) {
  if (array.present()) add({in_range(array, count, -DBL_MAX, 0), "margins", "0 with a tie model", axes, rule_broken});
}

void ValueChecks::add(const ValueCheck& check) {
  if (count_ == checks_.size()) throw Error(ErrorCode::internal, "more rules on values than a call has");
  checks_[count_++] = check;
}

namespace {

/// The first broken position of [begin, end), or -1. The common answer is -1, and the first loop has no early exit the compiler could not
/// vectorise: blocks are asked "is any broken?", and only a broken block is searched.
struct FirstOfRange {
  std::int64_t begin, end;

  template <class IsBroken>
  std::int64_t operator()(const IsBroken& is_broken) const {
    constexpr std::int64_t block = 1024;
    for (std::int64_t block_begin = begin; block_begin < end; block_begin += block) {
      const std::int64_t block_end = std::min(end, block_begin + block);
      bool any = false;
      for (std::int64_t i = block_begin; i < block_end; ++i) any |= is_broken(i);
      if (!any) continue;
      for (std::int64_t i = block_begin; i < block_end; ++i)
        if (is_broken(i)) return i;
    }
    return -1;
  }
};

}  // namespace

void check_on_host(const ValueChecks& checks) {
  for (const ValueCheck& check : checks.all()) {
    const std::int64_t position = kernels::scan_values(check.values, FirstOfRange{check.values.begin, check.values.end});
    if (position >= 0) throw check.error(position, kernels::values_at(check.values, position));
  }
}

}  // namespace segpref::validation
