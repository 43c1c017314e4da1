// Which rows of the features a segment sums, with which coefficients, and how long segments are cut into pieces.
//
// A piece is up to rows_per_piece adjacent rows of one segment, counted from the segment's own first row, so that a sum does not depend on
// the segment's neighbours. Offsets: piece k is read by the block whose stretch of rows_per_piece rows of the whole array holds the piece's
// first row. Such a stretch holds the first row of at most one piece k > 0, hence one partial sum per stretch is enough: the host, who knows
// shapes but no lengths, books those. First pieces need none: they go where the segment's sum will be.
// Windows may overlap, so their rows are not bounded by the array: a window is cut into a bounded number of pieces, longer ones if need be. Many
// windows keep a device busy without being cut: the more there are, the fewer pieces each may have, and partial sums stay below a fixed number.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/common/batch.hpp"
#include "kernels/cuda/segment_reduce/discount.hpp"
#include "segpref/preference_options.hpp"

namespace segpref::cuda {

/// Not measured on a GPU yet: 1 MiB of bf16 features of dimension 4096, beside 16 KiB of partial sums.
inline constexpr std::int64_t rows_per_piece = 128;
inline constexpr std::int64_t max_window_pieces = 16;
inline constexpr std::int64_t max_window_partial_sums = 4096;

SEGPREF_HOST_DEVICE constexpr std::int64_t blocks_of(std::int64_t count, std::int64_t per_block) { return (count + per_block - 1) / per_block; }

/// Pieces that one of `num_segments` windows may have.
SEGPREF_HOST_DEVICE constexpr std::int64_t most_window_pieces(std::int64_t num_segments) {
  const std::int64_t pieces = 1 + max_window_partial_sums / (num_segments < 1 ? 1 : num_segments);
  return pieces < max_window_pieces ? pieces : max_window_pieces;
}

/// Partial sums that any batch within these numbers needs. @param longest  no segment has more steps
constexpr std::int64_t most_partial_sums(std::int64_t num_steps, std::int64_t num_segments, std::int64_t longest) {
  if (longest <= rows_per_piece) return 0;
  const std::int64_t per_window = max_window_pieces - 1, stretches = blocks_of(num_steps, rows_per_piece);
  const std::int64_t of_windows = num_segments < max_window_partial_sums / per_window ? num_segments * per_window : max_window_partial_sums;
  return stretches > of_windows ? stretches : of_windows;
}

struct FeatureSegments {
  std::int64_t num_steps = 0, num_segments = 0;
  kernels::IndexArray offsets;              ///< [num_segments + 1], or
  kernels::IndexArray begins, lengths;      ///< [num_segments] windows
  const std::uint32_t* used = nullptr;      ///< [num_segments] 0: stands in no pair, and is not read; null: all are used
  std::int64_t most_pieces = max_window_pieces;  ///< of any window, and
  std::int64_t pieces_per_window = 1;            ///< of the longest one: see set_longest_window
  Aggregation aggregation = Aggregation::sum;
  bool is_discounted = false;
  DiscountPowers discount = {};
  double discount_less_one = 0, log_discount = 0;

  // On the host
  void set_discount(double value) {
    is_discounted = value != 1.0;
    discount = DiscountPowers::of(value);
    discount_less_one = value - 1.0;
    log_discount = std::log(value);
  }
  /// After num_segments and aggregation. @param steps  no window is longer; num_steps is always true
  void set_longest_window(std::int64_t steps) {
    const std::int64_t pieces = only_last() ? 1 : blocks_of(steps, rows_per_piece);
    most_pieces = most_window_pieces(num_segments);
    pieces_per_window = pieces < 1 ? 1 : pieces > most_pieces ? most_pieces : pieces;
  }
  std::int64_t num_stretches() const { return blocks_of(num_steps, rows_per_piece); }
  std::int64_t num_partial_sums() const { return windows() ? num_segments * (pieces_per_window - 1) : num_stretches(); }

  SEGPREF_HOST_DEVICE bool windows() const { return begins.present(); }
  SEGPREF_HOST_DEVICE bool only_last() const { return aggregation == Aggregation::last; }
  SEGPREF_HOST_DEVICE bool is_used(std::int64_t segment) const { return used == nullptr || used[segment] != 0; }
  SEGPREF_HOST_DEVICE std::int64_t begin_of(std::int64_t segment) const { return windows() ? begins[segment] : offsets[segment]; }
  SEGPREF_HOST_DEVICE std::int64_t length_of(std::int64_t segment) const { return windows() ? lengths[segment] : offsets[segment + 1] - offsets[segment]; }

  /// Rows that a segment of `length` steps reads: the last row alone, or all.
  SEGPREF_HOST_DEVICE std::int64_t num_rows(std::int64_t length) const { return only_last() && length > 1 ? 1 : length; }
  SEGPREF_HOST_DEVICE std::int64_t rows_per_window_piece(std::int64_t rows) const {
    const std::int64_t share = blocks_of(rows, most_pieces);
    return share > rows_per_piece ? share : rows_per_piece;
  }
  SEGPREF_HOST_DEVICE std::int64_t num_pieces(std::int64_t rows) const { return blocks_of(rows, windows() ? rows_per_window_piece(rows) : rows_per_piece); }
  /// Where the partial sum of the segment's piece 1 stands; the next pieces' follow.
  SEGPREF_HOST_DEVICE std::int64_t first_partial_sum(std::int64_t segment) const {
    return windows() ? segment * (pieces_per_window - 1) : offsets[segment] / rows_per_piece + 1;
  }

  /// What the step counts in its segment, before the division of a mean.
  SEGPREF_HOST_DEVICE double coefficient(std::int64_t step_in_segment) const { return is_discounted ? discount(step_in_segment) : 1.0; }
  /// Sum over the segment of d(score)/d(step reward). expm1 keeps the digits of 1 - discount^length where that is small.
  SEGPREF_HOST_DEVICE double coefficient_sum(std::int64_t length) const {
    if (length == 0) return 0.0;
    if (only_last()) return 1.0;
    const double steps = static_cast<double>(length), sum = is_discounted ? ::expm1(steps * log_discount) / discount_less_one : steps;
    return aggregation == Aggregation::mean ? sum / steps : sum;
  }
};

}  // namespace segpref::cuda
