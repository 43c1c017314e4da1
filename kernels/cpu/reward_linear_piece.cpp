#include "kernels/cpu/reward_linear_piece.hpp"

#include <algorithm>
#include <type_traits>

#include "kernels/cpu/targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/reward_linear_piece.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/cache_control.h>

#include "kernels/cpu/half_lanes.hpp"

#ifndef SEGPREF_KERNELS_CPU_REWARD_LINEAR_PIECE_SIZES
#define SEGPREF_KERNELS_CPU_REWARD_LINEAR_PIECE_SIZES
namespace segpref::cpu {

/// Rows read side by side: memory gives more bandwidth to several streams than to one.
inline constexpr int rows_at_once = 8;
/// Columns whose sums stay in the first-level cache while rows pass by.
template <typename Real>
inline constexpr std::int64_t columns_per_block = 16384 / static_cast<std::int64_t>(sizeof(Real));

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

/// One line of each of the next rows, into the second-level cache: the first one is full of lines at work.
template <typename Element>
HWY_INLINE void prefetch_rows(const Element* line, std::int64_t stride) {
  for (int row = 0; row < rows_at_once; ++row) __builtin_prefetch(line + row * stride, 0, 2);
}

/// A load waits for an earlier store whose address ends in the same 12 bits, although they have nothing to do with each other. What is read and written
/// side by side is therefore kept at different places in its page of 4096 bytes: the rows that are read at 0, their sum here ...
inline constexpr std::int64_t place_of_sum = 1024, place_of_equal_rows = 2048, place_of_equal_values = 3072, page_bytes = 4096;

HWY_INLINE std::int64_t address_of(const void* p) { return static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(p)); }

/// Bytes, in whole lines, from an address to the next one that lies in its page as `wanted` does.
HWY_INLINE std::int64_t bytes_to_place(std::int64_t from, std::int64_t wanted) { return (wanted - from) & (page_bytes - 1) & -bytes_per_line; }

/// Room for `size` elements anywhere in a page.
template <typename T, std::int64_t size>
class PlacedBuffer {
 public:
  HWY_INLINE T* at_place_of(std::int64_t address) { return room_ + bytes_to_place(address_of(room_), address) / static_cast<std::int64_t>(sizeof(T)); }

 private:
  alignas(bytes_per_line) T room_[size + page_bytes / static_cast<std::int64_t>(sizeof(T))];
};

/// Equal rows side by side, `rows_at_once` of them or one.
template <typename Element>
struct EqualRowGroup {
  using Bits = hn::TFromD<BitsTag<Element>>;
  static constexpr std::int64_t line = bytes_per_line / static_cast<std::int64_t>(sizeof(Element));

  Bits* to = nullptr;
  const Bits* values = nullptr;  // of one row, in lines
  std::int64_t stride = 0, columns = 0;
  std::int64_t ahead = 0;  // columns from the one that is read to the one that is written

  /// A line of each row.
  template <int num_rows>
  HWY_INLINE void write(std::int64_t column) const {
    const BitsTag<Element> d;
    const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
    for (int row = 0; row < num_rows; ++row)
      for (std::int64_t c = column; c < column + line; c += lanes) hn::Stream(hn::Load(d, values + c), d, to + row * stride + c);
  }
  template <int num_rows>
  HWY_INLINE void write_all() const {
    for (std::int64_t c = 0; c < columns; c += line) write<num_rows>(c);
  }
  /// While lines at `column` are read.
  template <int num_rows>
  HWY_INLINE void write_beside(std::int64_t column) const {
    const std::int64_t c = column + ahead;
    write<num_rows>(c < columns ? c : c - columns);
  }
};

/// One block of columns of a piece's equal rows, a group at a time.
template <typename Element, typename Real>
class EqualRowGroups {
 public:
  EqualRowGroups(const Piece<Element, Real>& piece, std::int64_t column, std::int64_t columns)
      : piece_(piece), column_(column), columns_(columns) {}

  /// The next group of rows_at_once, if there is one. Rows of a segment that make no whole group are written on the way.
  HWY_INLINE bool next(EqualRowGroup<Element>& group) {
    for (; run_ < piece_.num_equal_rows; ++run_, row_ = 0) {
      if (row_ == 0) begin_run();
      const std::int64_t num_rows = piece_.equal_rows[run_].num_rows;
      group = of_run_;
      group.to += row_ * group.stride;
      if (row_ + rows_at_once <= num_rows) {
        row_ += rows_at_once;
        return true;
      }
      for (; row_ < num_rows; ++row_, group.to += group.stride) group.template write_all<1>();
    }
    return false;
  }

 private:
  using Bits = typename EqualRowGroup<Element>::Bits;

  /// The values of the block's columns in the order of whole lines: the last line of a row ends with the begin of the next one.
  HWY_INLINE void begin_run() {
    const EqualRows<Element>& run = piece_.equal_rows[run_];
    const std::int64_t from = column_ + elements_before_line(run.to), first = std::min(columns_, piece_.feature_dim - from);
    const std::int64_t size = static_cast<std::int64_t>(sizeof(Element)), read = address_of(piece_.rows) + column_ * size;
    Bits* to = reinterpret_cast<Bits*>(run.to) + from;
    const std::int64_t ahead = bytes_to_place(address_of(to), read + place_of_equal_rows) / size % columns_;
    Bits* values = values_.at_place_of(read + place_of_equal_values - ahead * size);
    const Bits* model = reinterpret_cast<const Bits*>(run.model);
    std::copy_n(model + from, first, values);
    std::copy_n(model, columns_ - first, values + first);
    of_run_ = {to, values, piece_.feature_dim, columns_, ahead};
  }

  const Piece<Element, Real>& piece_;
  const std::int64_t column_, columns_;
  int run_ = 0;
  std::int64_t row_ = 0;           // of the run; those before it are written or in the group at hand
  EqualRowGroup<Element> of_run_;  // its first row
  PlacedBuffer<Bits, columns_per_block<Real>> values_;
};

/// sum += coefficient-weighted sum of `num_rows` rows. `sum` holds the parts of lines and has room for a whole last line.
/// @param more_follow  rows of the same piece: what lies behind a piece another thread reads, and to fetch it twice costs bandwidth
/// @param beside  written line by line as the rows are read; null: nothing is
template <int num_rows, bool is_weighted, typename Element, typename Real, typename Beside>
HWY_INLINE void add_rows(const Element* HWY_RESTRICT rows, std::int64_t stride, std::int64_t columns, const Real* HWY_RESTRICT coefficients,
                         Real* HWY_RESTRICT sum, bool more_follow, Beside beside) {
  const hn::ScalableTag<Real> d;
  constexpr int parts = parts_per_line<Element, Real>;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d)), line = parts * lanes;
  const auto add_line = [&](const Element* from, std::int64_t from_stride, Real* to) HWY_ATTR {
    add_part<0, num_rows, is_weighted>(d, from, from_stride, coefficients, to);
    if constexpr (parts == 2) add_part<1, num_rows, is_weighted>(d, from, from_stride, coefficients, to + lanes);
  };
  std::int64_t c = 0;
  for (; c + line <= columns; c += line) {
    if (num_rows == rows_at_once && more_follow) prefetch_rows(rows + num_rows * stride + c, stride);
    add_line(rows + c, stride, sum + c);
    if constexpr (!std::is_null_pointer_v<Beside>)
      if (c % EqualRowGroup<Element>::line == 0) beside.template write_beside<num_rows>(c);
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
template <int num_rows, bool is_weighted, typename Element, typename Real, typename Beside>
HWY_INLINE void read_rows(const Piece<Element, Real>& piece, std::int64_t row, std::int64_t column, std::int64_t columns, Real* sum, Beside beside) {
  const Element* rows = piece.rows + row * piece.row_stride + column;
  if (piece.sum != nullptr) {
    const Real* coefficients = is_weighted ? piece.coefficients + row : nullptr;
    add_rows<num_rows, is_weighted>(rows, piece.row_stride, columns, coefficients, sum, row + num_rows < piece.num_rows, beside);
  }
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
  constexpr std::int64_t block = columns_per_block<Real>, last_line = static_cast<std::int64_t>(HWY_MAX_BYTES / sizeof(Element));
  PlacedBuffer<Real, block + last_line> sums;
  for (std::int64_t column = 0; column < piece.feature_dim; column += block) {
    const std::int64_t columns = std::min(block, piece.feature_dim - column);
    Real* sum = sums.at_place_of(address_of(piece.rows + column) + place_of_sum);
    if (piece.sum != nullptr) std::fill_n(sum, columns + last_line, Real(0));
    EqualRowGroups<Element, Real> writing(piece, column, columns);
    EqualRowGroup<Element> group;
    std::int64_t row = 0;
    for (; row + rows_at_once <= piece.num_rows; row += rows_at_once) {
      if (!is_weighted && piece.sum != nullptr && writing.next(group)) read_rows<rows_at_once, is_weighted>(piece, row, column, columns, sum, group);
      else read_rows<rows_at_once, is_weighted>(piece, row, column, columns, sum, nullptr);
    }
    for (; row < piece.num_rows; ++row) read_rows<1, is_weighted>(piece, row, column, columns, sum, nullptr);
    while (writing.next(group)) group.template write_all<rows_at_once>();
    if (piece.sum != nullptr) store_columns<Element>(sum, columns, piece.sum + column);
  }
  if (piece.num_equal_rows > 0) hwy::FlushStream();
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

#define SEGPREF_DEFINE(name, Element, Real)                     \
  template <>                                                   \
  void read_piece<Element, Real>(const Piece<Element, Real>& piece) { \
    HWY_DYNAMIC_DISPATCH(read_piece_##name)(piece);             \
  }
SEGPREF_FOR_ELEMENTS(SEGPREF_DEFINE)
#undef SEGPREF_DEFINE

}  // namespace segpref::cpu
#endif
