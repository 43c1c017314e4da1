// The one reading of the wide features: sums per segment, and rewards of steps in passing.
#include <type_traits>

#include "kernels/cpu/reward_linear.hpp"
#include "kernels/cpu/targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/reward_linear_rows.cpp"
#include <hwy/foreach_target.h>
//
#include "kernels/cpu/half_lanes.hpp"

#ifndef SEGPREF_KERNELS_CPU_REWARD_LINEAR_ROWS_SIZES
#define SEGPREF_KERNELS_CPU_REWARD_LINEAR_ROWS_SIZES
namespace segpref::cpu {

/// Rows read side by side: memory gives more bandwidth to several streams than to one.
inline constexpr int rows_at_once = 8;
/// Columns whose sums stay in the first-level cache while rows pass by.
template <typename Real>
inline constexpr std::int64_t columns_per_block = 16384 / static_cast<std::int64_t>(sizeof(Real));

/// Adjacent rows that one thread reads.
template <typename Element, typename Real>
struct Piece {
  const Element* rows = nullptr;
  std::int64_t row_stride = 0, num_rows = 0, feature_dim = 0;
  Real* sum = nullptr;                    ///< [feature_dim]; null: not wanted
  const Real* coefficients = nullptr;     ///< [num_rows], of the sum; null: all 1
  Real* step_rewards = nullptr;           ///< [num_members, num_rows] with a stride of step_rewards_stride; null: not wanted
  std::int64_t step_rewards_stride = 0, num_members = 0;
  LinearWeights<Real> head;
};

}  // namespace segpref::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace segpref::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// One part of a line of the sum of `num_rows` rows, two by two.
template <int part, int num_rows, class D, typename Element>
HWY_INLINE hn::Vec<D> sum_of_rows(D d, const Element* HWY_RESTRICT line, std::int64_t stride) {
  if constexpr (num_rows == 1) return widen_part<part>(d, line);
  else
    return hn::Add(sum_of_rows<part, num_rows / 2>(d, line, stride), sum_of_rows<part, num_rows / 2>(d, line + num_rows / 2 * stride, stride));
}

template <int part, int num_rows, bool is_weighted, class D, typename Element>
HWY_INLINE void add_part(D d, const Element* HWY_RESTRICT line, std::int64_t stride, const hn::TFromD<D>* HWY_RESTRICT coefficients,
                         hn::TFromD<D>* HWY_RESTRICT sum) {
  auto rows = hn::Zero(d);
  if constexpr (is_weighted) {
    for (int row = 0; row < num_rows; ++row) rows = hn::MulAdd(hn::Set(d, coefficients[row]), widen_part<part>(d, line + row * stride), rows);
  } else {
    rows = sum_of_rows<part, num_rows>(d, line, stride);
  }
  hn::StoreU(hn::Add(hn::LoadU(d, sum), rows), d, sum);
}

/// One line of each of the next rows, into the second-level cache: the first one is full of lines at work. Rows behind the last one do no harm.
template <typename Element>
HWY_INLINE void prefetch_rows(const Element* line, std::int64_t stride) {
  for (int row = 0; row < rows_at_once; ++row) __builtin_prefetch(line + row * stride, 0, 2);
}

/// sum += coefficient-weighted sum of `num_rows` rows. `sum` holds the parts of lines and has room for a whole last line.
template <int num_rows, bool is_weighted, typename Element, typename Real>
HWY_INLINE void add_rows(const Element* HWY_RESTRICT rows, std::int64_t stride, std::int64_t columns, const Real* HWY_RESTRICT coefficients,
                         Real* HWY_RESTRICT sum) {
  const hn::ScalableTag<Real> d;
  constexpr int parts = parts_per_line<Element, Real>;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d)), line = parts * lanes;
  const auto add_line = [&](const Element* from, std::int64_t from_stride, Real* to) HWY_ATTR {
    add_part<0, num_rows, is_weighted>(d, from, from_stride, coefficients, to);
    if constexpr (parts == 2) add_part<1, num_rows, is_weighted>(d, from, from_stride, coefficients, to + lanes);
  };
  std::int64_t c = 0;
  for (; c + line <= columns; c += line) {
    if constexpr (num_rows == rows_at_once) prefetch_rows(rows + num_rows * stride + c, stride);
    add_line(rows + c, stride, sum + c);
  }
  if (c == columns) return;
  constexpr std::int64_t padded_size = HWY_MAX_BYTES / sizeof(Element);
  Element padded[num_rows * padded_size] = {};
  for (int row = 0; row < num_rows; ++row) std::copy_n(rows + row * stride + c, columns - c, padded + row * padded_size);
  add_line(padded, padded_size, sum + c);
}

/// rewards[row] += w . row, the same bits for one row as for eight.
template <int num_rows, typename Element, typename Real>
HWY_INLINE void add_dots(const Element* HWY_RESTRICT rows, std::int64_t stride, std::int64_t columns, const Real* HWY_RESTRICT w,
                         Real* HWY_RESTRICT rewards) {
  const hn::ScalableTag<Real> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  hn::Vec<decltype(d)> sums[num_rows];
  for (int row = 0; row < num_rows; ++row) sums[row] = hn::Zero(d);
  std::int64_t c = 0;
  for (; c + lanes <= columns; c += lanes) {
    const auto weight = hn::LoadU(d, w + c);
    for (int row = 0; row < num_rows; ++row) sums[row] = hn::MulAdd(widen_lanes(d, rows + row * stride + c), weight, sums[row]);
  }
  if (c < columns) {
    const auto weight = widen_first(d, w + c, columns - c);
    for (int row = 0; row < num_rows; ++row) sums[row] = hn::MulAdd(widen_first(d, rows + row * stride + c, columns - c), weight, sums[row]);
  }
  for (int row = 0; row < num_rows; ++row) rewards[row] += hn::GetLane(hn::SumOfLanes(d, sums[row]));
}

/// One block of columns of `num_rows` rows of the piece, from its row `row` on.
template <int num_rows, bool is_weighted, typename Element, typename Real>
HWY_INLINE void read_rows(const Piece<Element, Real>& piece, std::int64_t row, std::int64_t column, std::int64_t columns, Real* sum) {
  const Element* rows = piece.rows + row * piece.row_stride + column;
  if (piece.sum != nullptr) add_rows<num_rows, is_weighted>(rows, piece.row_stride, columns, is_weighted ? piece.coefficients + row : nullptr, sum);
  if (piece.step_rewards == nullptr) return;
  for (std::int64_t member = 0; member < piece.num_members; ++member) {
    Real* rewards = piece.step_rewards + member * piece.step_rewards_stride + row;
    if (column == 0) std::fill_n(rewards, num_rows, piece.head.bias_of(member));
    add_dots<num_rows>(rows, piece.row_stride, columns, piece.head.weight + member * piece.feature_dim + column, rewards);
  }
}

/// The parts of lines in `parts`, as columns.
template <typename Element, typename Real>
HWY_INLINE void store_columns(const Real* parts, std::int64_t columns, Real* to) {
  const hn::ScalableTag<Real> d;
  const std::int64_t line = parts_per_line<Element, Real> * static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t c = 0;
  for (; c + line <= columns; c += line) store_line<Element>(d, parts + c, to + c);
  if (c == columns) return;
  Real last[HWY_MAX_BYTES / sizeof(Element)];
  store_line<Element>(d, parts + c, last);
  std::copy_n(last, columns - c, to + c);
}

template <bool is_weighted, typename Element, typename Real>
void read_piece(const Piece<Element, Real>& piece) {
  constexpr std::int64_t block = columns_per_block<Real>;
  alignas(64) Real sum[block + HWY_MAX_BYTES / sizeof(Element)];
  for (std::int64_t column = 0; column < piece.feature_dim; column += block) {
    const std::int64_t columns = std::min(block, piece.feature_dim - column);
    if (piece.sum != nullptr) std::fill_n(sum, columns + static_cast<std::int64_t>(HWY_MAX_BYTES / sizeof(Element)), Real(0));
    std::int64_t row = 0;
    for (; row + rows_at_once <= piece.num_rows; row += rows_at_once) read_rows<rows_at_once, is_weighted>(piece, row, column, columns, sum);
    for (; row < piece.num_rows; ++row) read_rows<1, is_weighted>(piece, row, column, columns, sum);
    if (piece.sum != nullptr) store_columns<Element>(sum, columns, piece.sum + column);
  }
}

#define SEGPREF_FOR_ELEMENTS(DO) DO(f32, float, float) DO(f64, double, double) DO(bf16, bf16, float) DO(f16, f16, float)
#define SEGPREF_DEFINE(name, Element, Real)                      \
  void read_piece_##name(const Piece<Element, Real>& piece) {    \
    if (piece.coefficients == nullptr) read_piece<false>(piece); \
    else read_piece<true>(piece);                                \
  }
SEGPREF_FOR_ELEMENTS(SEGPREF_DEFINE)
#undef SEGPREF_DEFINE

}  // namespace segpref::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace segpref::cpu {
HWY_EXPORT(read_piece_f32);
HWY_EXPORT(read_piece_f64);
HWY_EXPORT(read_piece_bf16);
HWY_EXPORT(read_piece_f16);

namespace {

// One name for the dispatched functions of all types.
#define SEGPREF_CALLS(name, Element, Real) \
  void call_read_piece(const Piece<Element, Real>& piece) { HWY_DYNAMIC_DISPATCH(read_piece_##name)(piece); }
SEGPREF_FOR_ELEMENTS(SEGPREF_CALLS)
#undef SEGPREF_CALLS

/// Bytes of features that a task reads at least, where there are as many: many short segments join.
constexpr std::int64_t bytes_per_task = 256 * 1024;
/// Columns of one task that adds up partial sums.
constexpr std::int64_t columns_per_addition = 512;

constexpr std::int64_t blocks_of(std::int64_t n, std::int64_t block) { return (n + block - 1) / block; }

/// One call of sum_features.
template <typename Element, typename Real>
struct Reading {
  const Batch& batch;
  const AggregationParams<Real>& params;
  const FeatureRows<Element>& features;
  const LinearWeights<Real>& head;
  const std::uint8_t* used;
  const FeatureSums<Real>& out;
  Real* step_rewards;  // read in passing; null: not
  ThreadPool& pool;

  bool only_last() const { return params.aggregation == Aggregation::last; }
  std::int64_t length_of(std::int64_t segment) const { return batch.segment_end(segment) - batch.segment_begin(segment); }
  /// Rows of the segment that are read, and where they begin.
  std::int64_t rows_of(std::int64_t segment) const {
    if (!used[segment] && step_rewards == nullptr) return 0;
    return only_last() ? std::min<std::int64_t>(1, length_of(segment)) : length_of(segment);
  }
  std::int64_t first_row_of(std::int64_t segment) const { return batch.segment_end(segment) - rows_of(segment); }

  std::int64_t per_task(std::int64_t rows_each) const {
    return std::max<std::int64_t>(1, bytes_per_task / (std::max<std::int64_t>(1, rows_each) * features.feature_dim * static_cast<std::int64_t>(sizeof(Element))));
  }

  void read(std::int64_t step, std::int64_t num_rows, Real* sum, const Real* coefficients) const {
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
    call_read_piece(piece);
  }

  /// Piece `piece` of a segment, into the sum of the segment or a partial one.
  void read_piece(std::int64_t segment, std::int64_t piece, Real* sum) const {
    const std::int64_t first = piece * rows_per_piece;
    read(first_row_of(segment) + first, std::min(rows_per_piece, rows_of(segment) - first), used[segment] ? sum : nullptr,
         params.discount_powers == nullptr ? nullptr : params.discount_powers + first);
  }

  void read_first_pieces() const {
    std::int64_t num_rows = 0;
    for (std::int64_t segment = 0; segment < batch.num_segments; ++segment) num_rows += std::min(rows_per_piece, rows_of(segment));
    const std::int64_t each = per_task(num_rows / std::max<std::int64_t>(1, batch.num_segments));
    pool.run(blocks_of(batch.num_segments, each), [&](std::int64_t task, int) {
      for (std::int64_t segment = task * each; segment < std::min(batch.num_segments, (task + 1) * each); ++segment)
        read_piece(segment, 0, out.sums + segment * features.feature_dim);
    });
  }

  /// The pieces beyond the first, as many at a time as there are partial sums.
  void read_further_pieces() const {
    const std::int64_t dim = features.feature_dim, at_once = num_partial_sums(batch.num_steps);
    std::int64_t* begins = out.piece_begins;
    begins[0] = 0;
    for (std::int64_t segment = 0; segment < batch.num_segments; ++segment)
      begins[segment + 1] = begins[segment] + std::max<std::int64_t>(0, blocks_of(rows_of(segment), rows_per_piece) - 1);
    const std::int64_t num_pieces = begins[batch.num_segments];
    const auto segment_of = [&](std::int64_t piece) { return std::upper_bound(begins, begins + batch.num_segments + 1, piece) - begins - 1; };
    const std::int64_t each = per_task(rows_per_piece);
    for (std::int64_t first = 0; first < num_pieces; first += at_once) {
      const std::int64_t end = std::min(num_pieces, first + at_once);
      pool.run(blocks_of(end - first, each), [&](std::int64_t task, int) {
        for (std::int64_t piece = first + task * each; piece < std::min(end, first + (task + 1) * each); ++piece) {
          const std::int64_t segment = segment_of(piece);
          read_piece(segment, 1 + piece - begins[segment], out.partial_sums + (piece - first) * dim);
        }
      });
      pool.run(blocks_of(dim, columns_per_addition), [&](std::int64_t task, int) {
        const std::int64_t column_begin = task * columns_per_addition, column_end = std::min(dim, column_begin + columns_per_addition);
        for (std::int64_t piece = first; piece < end; ++piece) {
          const std::int64_t segment = segment_of(piece);
          if (!used[segment]) continue;
          const Real* partial = out.partial_sums + (piece - first) * dim;
          Real* sum = out.sums + segment * dim;
          for (std::int64_t column = column_begin; column < column_end; ++column) sum[column] += partial[column];
        }
      });
    }
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

  void sum_segments() const {
    read_first_pieces();
    read_further_pieces();
    const std::int64_t each = per_task(1);
    pool.run(blocks_of(batch.num_segments, each), [&](std::int64_t task, int) {
      for (std::int64_t segment = task * each; segment < std::min(batch.num_segments, (task + 1) * each); ++segment) finish_segment(segment);
    });
  }

  /// Rewards of the steps [begin, end) alone.
  void read_steps(std::int64_t begin, std::int64_t end) const {
    const std::int64_t rows = std::min(rows_per_piece, per_task(1));
    pool.run(blocks_of(end - begin, rows), [&](std::int64_t task, int) {
      const std::int64_t step = begin + task * rows;
      read(step, std::min(rows, end - step), nullptr, nullptr);
    });
  }
};

}  // namespace

template <typename Element, typename Real>
void sum_features(const Batch& batch, const AggregationParams<Real>& params, const FeatureRows<Element>& features, const LinearWeights<Real>& head,
                  const std::uint8_t* used, const FeatureSums<Real>& out, Real* step_rewards, ThreadPool& pool) {
  Reading<Element, Real> reading{batch, params, features, head, used, out, step_rewards, pool};
  if (step_rewards == nullptr) return reading.sum_segments();
  // Windows may hold a step twice or leave it out, and `last` leaves most of them out: rewards of all steps are then a reading of their own.
  const bool in_passing = !batch.windows() && !reading.only_last() && batch.num_segments > 0;
  reading.read_steps(0, in_passing ? batch.segment_begin(0) : batch.num_steps);
  if (in_passing) reading.read_steps(batch.segment_end(batch.num_segments - 1), batch.num_steps);
  else reading.step_rewards = nullptr;
  reading.sum_segments();
}

#define SEGPREF_INSTANTIATE(name, Element, Real)                                                                                            \
  template void sum_features<Element, Real>(const Batch&, const AggregationParams<Real>&, const FeatureRows<Element>&,                      \
                                            const LinearWeights<Real>&, const std::uint8_t*, const FeatureSums<Real>&, Real*, ThreadPool&);
SEGPREF_FOR_ELEMENTS(SEGPREF_INSTANTIATE)
#undef SEGPREF_INSTANTIATE

}  // namespace segpref::cpu
#endif
