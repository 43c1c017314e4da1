// Rules on values, with the sentences about what breaks them. A list of them is made from the raw form of a batch, wherever that lies; it is gone
// through here in host memory, and by a kernel in device memory (host/cuda_backend/with_cuda/check_values.hpp). Both name the same offender in the
// same words: the first in the order of the list, then of positions.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "kernels/common/value_check.hpp"
#include "segpref/error.hpp"

namespace segpref::validation {

/// How a message prints a flat position.
struct Axes {
  enum class Kind : std::uint8_t { flat, rows, sides } kind = Kind::flat;  ///< "i"; "row, column"; "pair, first" or "pair, second"
  std::int64_t row_size = 0;

  static constexpr Axes flat() { return {}; }
  static constexpr Axes sides() { return {Kind::sides, 2}; }
  /// [num_members, row_size] where every member has its own row, else [n]; member_stride as in the raw forms.
  static constexpr Axes rows_if(std::int64_t member_stride, std::int64_t row_size) { return {member_stride > 0 ? Kind::rows : Kind::flat, row_size}; }
  std::string words(std::int64_t i) const;
};

/// One rule on one array.
struct ValueCheck {
  kernels::ValueCheck values;
  std::string_view name, limit_name;  ///< literals; the second says what a limit counts: "num_steps"
  Axes axes;
  std::string (*sentence)(const ValueCheck& check, std::int64_t position, const kernels::ValuesAt& found) = nullptr;

  Error error(std::int64_t position, const kernels::ValuesAt& found) const { return {ErrorCode::invalid_argument, sentence(*this, position, found)}; }
};

/// The rules of one call, in the order in which they are reported. Allocates nothing.
class ValueChecks {
 public:
  static constexpr std::size_t max_checks = 12;

  /// `count` offsets, not decreasing and in [0, limit].
  void offsets(std::string_view name, const kernels::IndexArray& array, std::int64_t count, std::int64_t limit, std::string_view limit_name);
  /// Windows of steps inside [0, num_steps].
  void windows(const kernels::IndexArray& begins, const kernels::IndexArray& lengths, std::int64_t count, std::int64_t num_steps);
  /// Indices in [0, limit).
  void indices(std::string_view name, const kernels::IndexArray& array, std::int64_t count, std::int64_t limit, std::string_view limit_name, const Axes& axes);
  /// Rankings of 2 to 64 entries.
  void ranking_lengths(const kernels::IndexArray& ranking_offsets, std::int64_t num_rankings);
  /// The number of an optimiser's step, which the call advances.
  void step_number(std::string_view name, const kernels::IndexArray& array);
  /// No segment is longer than what a plan was promised.
  void segment_lengths(const kernels::Batch& batch, std::int64_t max_segment_steps);
  /// Probabilities.
  void labels(const kernels::RealArray& array, std::int64_t count);
  /// Finite and >= 0; an absent array is fine.
  void not_negative(std::string_view name, const kernels::RealArray& array, std::int64_t count, const Axes& axes);
  /// Finite.
  void finite(std::string_view name, const kernels::RealArray& array, std::int64_t count);
  /// Finite and > 0.
  void positive(std::string_view name, const kernels::RealArray& array, std::int64_t count);
  /// Finite, and > 0 where the model is Rao and Kupper's.
  void tie_parameters(const kernels::RealArray& array, std::int64_t count, bool is_rao_kupper);
  /// Margins that a tie model has no place for; an absent array is fine.
  void no_margins(const kernels::RealArray& array, std::int64_t count, const Axes& axes);

  std::span<const ValueCheck> all() const { return {checks_.data(), count_}; }

 private:
  void add(const ValueCheck& check);

  std::array<ValueCheck, max_checks> checks_;
  std::size_t count_ = 0;
};

/// Goes through arrays in host memory. @throws Error for the first offender
void check_on_host(const ValueChecks& checks);

}  // namespace segpref::validation
