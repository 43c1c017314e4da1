// Checks of one tensor argument. Each throws Error naming the argument and the rule it breaks.
#pragma once

#include <initializer_list>
#include <string_view>

#include "host/validate/call_device.hpp"
#include "segpref/view.hpp"

namespace segpref::validation {

/// An extent that may be anything.
inline constexpr std::int64_t any_extent = -1;

/// Checks device, rank and extents, data, dtype, contiguity and that sizes do not overflow. `shape_words` is how the message
/// names the shape: "[num_segments + 1]".
void tensor(std::string_view name, const ConstTensorView& view, const CallDevice& device, std::initializer_list<DType> dtypes,
            std::initializer_list<std::int64_t> shape, std::string_view shape_words);

/// The same for rows that may be strided: elements of a row are adjacent, rows do not overlap.
void rows(std::string_view name, const ConstTensorView& view, const CallDevice& device, std::initializer_list<DType> dtypes,
          std::int64_t num_rows, std::int64_t row_size, std::string_view shape_words);

/// Either [num] or [num_members, num]; `shape_words` names both.
void per_member(std::string_view name, const ConstTensorView& view, const CallDevice& device, std::initializer_list<DType> dtypes,
                std::int64_t num_members, std::int64_t num, std::string_view shape_words);

/// An option: `value` must satisfy `ok`. Message: "temperature = 0 must be finite and > 0".
void option(std::string_view name, double value, bool ok, std::string_view rule);

/// a * b, or Error when it passes 2^63 - 1.
std::int64_t product(std::string_view what, std::int64_t a, std::int64_t b);

}  // namespace segpref::validation
