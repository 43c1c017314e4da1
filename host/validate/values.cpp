#include "host/validate/values.hpp"

#include <fmt/format.h>

#include <limits>

namespace segpref::validation {

const void* host_data(const ConstTensorView& view) {
  if (view.device.kind != Device::Kind::cpu) throw Error(ErrorCode::internal, "a check of values on the host met device memory");
  return view.data;
}

cpu::IndexArray indices(const ConstTensorView& view) {
  // An empty array may come with a null pointer, which must not read as "absent".
  static constexpr std::int64_t empty = 0;
  const void* data = host_data(view);
  return {data != nullptr ? data : &empty, view.dtype == DType::i64};
}

cpu::RealArray reals(const ConstTensorView& view, std::int64_t num, double absent) {
  if (!view.present()) return {nullptr, false, 0, absent};
  static constexpr double empty = 0.0;
  const void* data = host_data(view);
  return {data != nullptr ? data : &empty, view.dtype == DType::f64, view.rank == 2 ? num : 0, absent};
}

std::string position(std::int64_t i, std::int64_t row_size) {
  return row_size > 0 ? fmt::format("{}, {}", i / row_size, i % row_size) : std::to_string(i);
}

void check_offsets(std::string_view name, const cpu::IndexArray& offsets, std::int64_t count, std::int64_t limit, std::string_view limit_word) {
  with_type(offsets, [&](const auto* values) {
    if (values[0] < 0 || values[0] > limit)
      throw Error(ErrorCode::invalid_argument, fmt::format("{}[0] = {} is outside [0, {}] ({})", name, values[0], limit, limit_word));
    const std::int64_t bad = first_bad(count - 1, [&](std::int64_t i) { return values[i + 1] < values[i]; });
    if (bad >= 0)
      throw Error(ErrorCode::invalid_argument, fmt::format("{0}[{1}] = {2} is less than {0}[{3}] = {4}: offsets must not decrease", name,
                                                           bad + 1, values[bad + 1], bad, values[bad]));
    if (values[count - 1] > limit)
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("{}[{}] = {} is outside [0, {}] ({})", name, count - 1, values[count - 1], limit, limit_word));
  });
}

void check_indices(std::string_view name, const cpu::IndexArray& array, std::int64_t count, std::int64_t limit, std::string_view limit_word,
                   const std::function<std::string(std::int64_t)>& position_of) {
  with_type(array, [&](const auto* values) {
    const std::int64_t bad = first_bad(count, [&](std::int64_t i) { return values[i] < 0 || values[i] >= limit; });
    if (bad >= 0)
      throw Error(ErrorCode::invalid_argument, fmt::format("{}[{}] = {} is outside [0, {}) ({})", name, position_of(bad),
                                                           static_cast<std::int64_t>(values[bad]), limit, limit_word));
  });
}

void check_not_negative(std::string_view name, const cpu::RealArray& array, std::int64_t count, std::int64_t row_size) {
  if (!array.present()) return;
  with_type(array, [&](const auto* values) {
    const std::int64_t bad = first_bad(count, [&](std::int64_t i) { return !(values[i] >= 0) || !(values[i] <= std::numeric_limits<double>::max()); });
    if (bad >= 0)
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("{}[{}] = {} must be finite and >= 0", name, position(bad, array.member_stride > 0 ? row_size : 0), values[bad]));
  });
}

}  // namespace segpref::validation
