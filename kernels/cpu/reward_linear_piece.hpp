// The vector kernel of the linear head: one thread reads adjacent rows of the features, and in the same breath writes rows of a gradient that
// is known already, so that memory reads and writes at the same time.
#pragma once

#include <cstdint>

#include "kernels/cpu/reward_linear.hpp"

namespace segpref::cpu {

inline constexpr std::int64_t bytes_per_line = 64;

/// Elements from `row` to the first whole line of memory.
template <typename Element>
std::int64_t elements_before_line(const Element* row) {
  const std::int64_t beyond = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(row) % bytes_per_line);
  return (bytes_per_line - beyond) % bytes_per_line / static_cast<std::int64_t>(sizeof(Element));
}

/// Rows of a segment's gradient, which are all equal. A row is a whole number of lines long but may begin anywhere in one: each row is written from its
/// first whole line on, to where the next row's first whole line begins.
template <typename Element>
struct EqualRows {
  const Element* model = nullptr;  ///< [feature_dim], the row to repeat
  Element* to = nullptr;           ///< [num_rows, feature_dim], and one row more unless rows begin with a line
  std::int64_t num_rows = 0;
};

/// Of how many segments a piece writes rows.
inline constexpr int segments_per_piece = 4;

/// Adjacent rows that one thread reads, and what it writes meanwhile.
template <typename Element, typename Real>
struct Piece {
  const Element* rows = nullptr;
  std::int64_t row_stride = 0, num_rows = 0, feature_dim = 0;
  Real* sum = nullptr;                    ///< [feature_dim]; null: not wanted
  const Real* coefficients = nullptr;     ///< [num_rows], of the sum; null: all 1, as they must be where rows are written
  Real* step_rewards = nullptr;           ///< [num_members, num_rows] with a stride of step_rewards_stride; null: not wanted
  std::int64_t step_rewards_stride = 0, num_members = 0;
  LinearWeights<Real> head;
  const EqualRows<Element>* equal_rows = nullptr;  ///< [num_equal_rows], past the caches
  int num_equal_rows = 0;
};

/// Order: rows in groups of 8, the rest one by one. What is written meanwhile changes no bit of what is read.
template <typename Element, typename Real>
void read_piece(const Piece<Element, Real>& piece);

}  // namespace segpref::cpu
