#include "host/validate/tensor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>

namespace segpref::validation {
namespace {

[[noreturn]] void fail(ErrorCode code, std::string_view name, const std::string& rule) {
  throw Error(code, fmt::format("{} {}", name, rule));
}

std::string shape_of(const ConstTensorView& view) {
  return fmt::format("[{}]", fmt::join(std::span(view.shape.data(), static_cast<std::size_t>(std::clamp(view.rank, 0, max_rank))), ", "));
}

/// Everything but extents and strides.
void basics(std::string_view name, const ConstTensorView& view, const CallDevice& device, std::initializer_list<DType> dtypes) {
  if (view.rank < 1 || view.rank > max_rank) fail(ErrorCode::invalid_argument, name, "is missing");
  on_device_of_call(name, view.device, device);
  if (std::find(dtypes.begin(), dtypes.end(), view.dtype) == dtypes.end()) {
    std::string allowed;
    for (DType dtype : dtypes) allowed += fmt::format("{}{}", allowed.empty() ? "" : ", ", name_of(dtype));
    fail(ErrorCode::invalid_type, name, fmt::format("has dtype {}; it takes {}", name_of(view.dtype), allowed));
  }
  std::int64_t elements = size_of(view.dtype);
  for (int axis = 0; axis < view.rank; ++axis) {
    if (view.shape[axis] < 0) fail(ErrorCode::invalid_argument, name, fmt::format("has a negative extent: shape {}", shape_of(view)));
    elements = product(name, elements, std::max<std::int64_t>(view.shape[axis], 1));
  }
  if (view.size() > 0 && view.data == nullptr) fail(ErrorCode::invalid_argument, name, fmt::format("is null with shape {}", shape_of(view)));
  if (reinterpret_cast<std::uintptr_t>(view.data) % static_cast<std::uintptr_t>(size_of(view.dtype)) != 0)
    fail(ErrorCode::invalid_argument, name, fmt::format("is not aligned to its elements of {} bytes", size_of(view.dtype)));
}

bool has_shape(const ConstTensorView& view, std::span<const std::int64_t> shape) {
  if (view.rank != static_cast<int>(shape.size())) return false;
  for (int axis = 0; axis < view.rank; ++axis)
    if (shape[static_cast<std::size_t>(axis)] != any_extent && view.shape[axis] != shape[static_cast<std::size_t>(axis)]) return false;
  return true;
}

}  // namespace

void tensor(std::string_view name, const ConstTensorView& view, const CallDevice& device, std::initializer_list<DType> dtypes,
            std::initializer_list<std::int64_t> shape, std::string_view shape_words) {
  basics(name, view, device, dtypes);
  if (!has_shape(view, std::span(shape.begin(), shape.size()))) {
    std::string expected;
    for (std::int64_t extent : shape) expected += (expected.empty() ? "" : ", ") + (extent == any_extent ? "any" : std::to_string(extent));
    fail(ErrorCode::invalid_argument, name, fmt::format("has shape {}; it must be {} = [{}]", shape_of(view), shape_words, expected));
  }
  if (view.size() > 0 && !view.contiguous())
    fail(ErrorCode::invalid_argument, name,
         fmt::format("is strided [{}]; it must be contiguous in row-major order",
                     fmt::join(std::span(view.strides.data(), static_cast<std::size_t>(view.rank)), ", ")));
}

void rows(std::string_view name, const ConstTensorView& view, const CallDevice& device, std::initializer_list<DType> dtypes,
          std::int64_t num_rows, std::int64_t row_size, std::string_view shape_words) {
  basics(name, view, device, dtypes);
  const std::int64_t shape[] = {num_rows, row_size};
  if (!has_shape(view, shape)) {
    const auto word = [](std::int64_t extent) { return extent == any_extent ? std::string("any") : std::to_string(extent); };
    fail(ErrorCode::invalid_argument, name,
         fmt::format("has shape {}; it must be {} = [{}, {}]", shape_of(view), shape_words, word(num_rows), word(row_size)));
  }
  if (view.size() == 0) return;
  if (view.shape[1] > 1 && view.strides[1] != 1)
    fail(ErrorCode::invalid_argument, name, fmt::format("has stride {} inside a row; elements of a row must be adjacent", view.strides[1]));
  if (view.shape[0] > 1 && view.strides[0] < view.shape[1])
    fail(ErrorCode::invalid_argument, name, fmt::format("has row stride {}; rows of {} elements would overlap", view.strides[0], view.shape[1]));
  product(name, std::max<std::int64_t>(view.strides[0], 1), product(name, view.shape[0], size_of(view.dtype)));
}

void per_member(std::string_view name, const ConstTensorView& view, const CallDevice& device, std::initializer_list<DType> dtypes,
                std::int64_t num_members, std::int64_t num, std::string_view shape_words) {
  if (view.rank == 2) tensor(name, view, device, dtypes, {num_members, num}, shape_words);
  else tensor(name, view, device, dtypes, {num}, shape_words);
}

void option(std::string_view name, double value, bool ok, std::string_view rule) {
  if (!ok) throw Error(ErrorCode::invalid_argument, fmt::format("{} = {} must be {}", name, value, rule));
}

std::int64_t product(std::string_view what, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result))
    throw Error(ErrorCode::invalid_argument, fmt::format("{}: size {} * {} overflows 2^63", what, a, b));
  return result;
}

}  // namespace segpref::validation
