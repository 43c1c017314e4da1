// How the rows of segments are cut into pieces, for the ways that read them: sum_features, and one sweep.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/cpu/reward_linear.hpp"
#include "kernels/cpu/reward_linear_piece.hpp"

namespace segpref::cpu {

/// Bytes of features that a task reads at least, where there are as many: many short segments join.
inline constexpr std::int64_t feature_bytes_per_task = 256 * 1024;
constexpr std::int64_t blocks_of(std::int64_t n, std::int64_t block) { return (n + block - 1) / block; }

/// One reading of the features: which rows of a segment are read, in which pieces.
template <typename Element, typename Real>
struct FeatureReading {
  const Batch& batch;
  const AggregationParams<Real>& params;
  const FeatureRows<Element>& features;
  const LinearWeights<Real>& head;
  const std::uint8_t* used;
  const FeatureSums<Real>& out;
  Real* step_rewards;  // read in passing; null: not

  bool only_last() const { return params.aggregation == Aggregation::last; }
  std::int64_t length_of(std::int64_t segment) const { return batch.segment_end(segment) - batch.segment_begin(segment); }
  /// Rows of the segment that are read, and where they begin.
  std::int64_t rows_of(std::int64_t segment) const {
    if (!used[segment] && step_rewards == nullptr) return 0;
    return only_last() ? std::min<std::int64_t>(1, length_of(segment)) : length_of(segment);
  }
  std::int64_t first_row_of(std::int64_t segment) const { return batch.segment_end(segment) - rows_of(segment); }

  std::int64_t per_task(std::int64_t rows_each) const {
    return std::max<std::int64_t>(1, feature_bytes_per_task / (std::max<std::int64_t>(1, rows_each) * features.feature_dim * static_cast<std::int64_t>(sizeof(Element))));
  }

  Piece<Element, Real> rows(std::int64_t step, std::int64_t num_rows, Real* sum, const Real* coefficients) const {
    Piece<Element, Real> piece;
    piece.rows = features.data + step * features.row_stride;
    piece.row_stride = features.row_stride;
    piece.num_rows = num_rows;
    piece.feature_dim = features.feature_dim;
    piece.sum = sum;
    piece.coefficients = coefficients;
    piece.step_rewards = step_rewards == nullptr ? nullptr : step_rewards + step;
    piece.step_rewards_stride = batch.num_steps;
    piece.num_members = batch.num_members;
    piece.head = head;
    return piece;
  }

  /// Rewards of the steps [begin, end) alone.
  void read_steps(std::int64_t begin, std::int64_t end, ThreadPool& pool) const {
    const std::int64_t rows_each = std::min(rows_per_piece, per_task(1));
    pool.run(blocks_of(end - begin, rows_each), [&](std::int64_t task, int) {
      const std::int64_t step = begin + task * rows_each;
      read_piece(rows(step, std::min(rows_each, end - step), nullptr, nullptr));
    });
  }
  /// Rewards, where they are wanted, of the steps before the first segment and after the last one, which follow each other.
  void read_steps_outside(ThreadPool& pool) const {
    if (step_rewards == nullptr) return;
    read_steps(0, batch.segment_begin(0), pool);
    read_steps(batch.segment_end(batch.num_segments - 1), batch.num_steps, pool);
  }

  /// Piece `piece` of a segment, into the sum of the segment or a partial one.
  Piece<Element, Real> piece_of(std::int64_t segment, std::int64_t piece, Real* sum) const {
    const std::int64_t first = piece * rows_per_piece;
    return rows(first_row_of(segment) + first, std::min(rows_per_piece, rows_of(segment) - first), used[segment] ? sum : nullptr,
                params.discount_powers == nullptr ? nullptr : params.discount_powers + first);
  }

  /// Sums of coefficients, and the division of the mean.
  void finish_segment(std::int64_t segment) const {
    if (!used[segment]) return;
    const std::int64_t length = length_of(segment);
    double coefficients = static_cast<double>(rows_of(segment));
    if (params.discount_powers != nullptr) {
      coefficients = 0;
      for (std::int64_t t = 0; t < length; ++t) coefficients += static_cast<double>(params.discount_powers[t]);
    }
    const bool is_mean = params.aggregation == Aggregation::mean && length > 0;
    out.coefficient_sums[segment] = static_cast<Real>(is_mean ? coefficients / static_cast<double>(length) : coefficients);
    Real* sum = out.sums + segment * features.feature_dim;
    if (is_mean)
      for (std::int64_t column = 0; column < features.feature_dim; ++column) sum[column] /= static_cast<Real>(length);
  }
};

}  // namespace segpref::cpu
