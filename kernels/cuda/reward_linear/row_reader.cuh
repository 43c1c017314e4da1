// Reads rows of one block of columns: adds them up, and takes their dot products with the members' weights in passing.
#pragma once

#include "kernels/cuda/primitives/shared_memory.cuh"
#include "kernels/cuda/primitives/warp_sum_each.cuh"
#include "kernels/cuda/reward_linear/columns.cuh"
#include "kernels/cuda/reward_linear/params.hpp"

namespace segpref::cuda {

/// What the rows of a piece count. Shared by the block.
template <typename Real>
struct PieceCoefficients {
  Real at[rows_per_piece];
};

/// For a piece that begins `first` steps into its segment. Powers are computed in f64 and rounded once.
template <typename Real>
SEGPREF_DEVICE void fill_coefficients(const FeatureSegments& segments, std::int64_t first, int num_threads, PieceCoefficients<Real>& coefficients) {
  __syncthreads();  // the piece before has been read
  for (int row = static_cast<int>(threadIdx.x); row < rows_per_piece; row += num_threads) coefficients.at[row] = static_cast<Real>(segments.coefficient(first + row));
  __syncthreads();
}

template <class Tile, bool with_rewards, typename Element, typename Real>
class RowReader {
 public:
  SEGPREF_DEVICE RowReader(const FeatureSumsParams<Element, Real>& p, std::int64_t column_block)
      : p_(p), columns_(column_block, p.weights.feature_dim), warp_of_row_(column_block * Tile::num_warps + warp_of_thread()) {}

  SEGPREF_DEVICE void begin_sum() {
    SEGPREF_UNROLL
    for (int c = 0; c < Tile::columns_per_thread; ++c) sums_[c] = 0;
  }

  /// Up to rows_per_piece adjacent rows, eight at a time, from the last to the first: small powers of the discount come first.
  SEGPREF_DEVICE void add_rows(std::int64_t first_row, std::int64_t num_rows, const PieceCoefficients<Real>& coefficients) {
    for (auto row = static_cast<int>((num_rows - 1) / Tile::rows_at_once * Tile::rows_at_once); row >= 0; row -= Tile::rows_at_once) {
      Group group;
      const int count = load(first_row + row, static_cast<int>(num_rows) - row, group);
      add(group, coefficients.at + row);
      if constexpr (with_rewards) add_rewards(group, first_row + row, count);
    }
  }

  /// @param row  of sums or partial sums
  SEGPREF_DEVICE void store_sum(Real* row) const { store_reals<Tile>(columns_, row + columns_.first, sums_); }

 private:
  struct Group {
    RowPart<Tile, Element> rows[Tile::rows_at_once];

    SEGPREF_DEVICE Real get(int row, int column) const { return rows[row].get(column); }
  };

  /// Rows behind the piece's end and columns behind the row's are zeros. Returns how many rows there are.
  SEGPREF_DEVICE int load(std::int64_t first_row, int rows_left, Group& group) const {
    const int count = smaller(rows_left, Tile::rows_at_once);
    const Element* rows = p_.features + first_row * p_.row_stride + columns_.first;
    if (columns_.is_whole() && count == Tile::rows_at_once) {
      SEGPREF_UNROLL
      for (int r = 0; r < Tile::rows_at_once; ++r) group.rows[r].load(rows + r * p_.row_stride);
    } else {
      SEGPREF_UNROLL
      for (int r = 0; r < Tile::rows_at_once; ++r) {
        if (r >= count) continue;
        if (columns_.is_whole()) group.rows[r].load(rows + r * p_.row_stride);
        else group.rows[r].load_present(columns_, rows + r * p_.row_stride);
      }
    }
    return count;
  }

  SEGPREF_DEVICE void add(const Group& group, const Real* coefficients) {
    Real weighted[Tile::columns_per_thread] = {};
    SEGPREF_UNROLL
    for (int r = Tile::rows_at_once - 1; r >= 0; --r) {
      const Real coefficient = coefficients[r];
      SEGPREF_UNROLL
      for (int c = 0; c < Tile::columns_per_thread; ++c) weighted[c] = multiply_add(coefficient, group.get(r, c), weighted[c]);
    }
    SEGPREF_UNROLL
    for (int c = 0; c < Tile::columns_per_thread; ++c) sums_[c] += weighted[c];
  }

  /// The warp's part of w . x, for each row and member; all lanes come.
  SEGPREF_DEVICE void add_rewards(const Group& group, std::int64_t first_row, int count) const {
    const LinearWeights<Real>& weights = p_.weights;
    const bool is_aligned = rows_are_aligned(weights.weight, weights.feature_dim * static_cast<std::int64_t>(sizeof(Real)));
    constexpr int lanes_per_row = threads_per_warp / Tile::rows_at_once;
    const int lane = lane_of_thread(), row = lane / lanes_per_row;
    for (std::int64_t member = 0; member < weights.num_members; ++member) {
      Real weight[Tile::columns_per_thread];
      load_reals<Tile>(columns_, is_aligned, weights.weight + member * weights.feature_dim + columns_.first, weight);
      Real dots[Tile::rows_at_once] = {};
      SEGPREF_UNROLL
      for (int r = 0; r < Tile::rows_at_once; ++r)
        SEGPREF_UNROLL
        for (int c = 0; c < Tile::columns_per_thread; ++c) dots[r] = multiply_add(group.get(r, c), weight[c], dots[r]);
      const Real dot = warp_sum_each(dots);
      if (lane % lanes_per_row == 0 && row < count) p_.reward_parts[(warp_of_row_ * weights.num_members + member) * p_.segments.num_steps + first_row + row] = dot;
    }
  }

  const FeatureSumsParams<Element, Real>& p_;
  ThreadColumns<Tile> columns_;
  std::int64_t warp_of_row_;
  Real sums_[Tile::columns_per_thread];
};

}  // namespace segpref::cuda
