// The gradient of the features: every row is the heads' weights, scaled and added up over members.
#include <type_traits>

#include "kernels/cpu/reward_linear.hpp"
#include "kernels/cpu/targets.hpp"
#include "kernels/math/half.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/reward_linear_grad_features.cpp"
#include <hwy/foreach_target.h>
//
#include "kernels/cpu/half_lanes.hpp"
#include "kernels/cpu/line_writer.hpp"

#ifndef SEGPREF_KERNELS_CPU_REWARD_LINEAR_GRAD_FEATURES_ROW
#define SEGPREF_KERNELS_CPU_REWARD_LINEAR_GRAD_FEATURES_ROW
namespace segpref::cpu {

/// The heads whose gradient reaches a row. A left-out pair's 0 does not meet its weights, which may hold anything.
template <typename Real>
struct RowOfHeads {
  std::int64_t count = 0;
  const Real* weight[32];  ///< each [feature_dim]
  Real grad[32];

  /// @param grad_of_member  one value per member, `stride` apart
  RowOfHeads(const Real* weights, std::int64_t feature_dim, const Real* grad_of_member, std::int64_t stride, std::int64_t num_members) {
    for (std::int64_t member = 0; member < num_members; ++member) {
      if (grad_of_member[member * stride] == 0) continue;
      weight[count] = weights + member * feature_dim;
      grad[count++] = grad_of_member[member * stride];
    }
  }
};

}  // namespace segpref::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace segpref::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// The gradients of one row, a line at a time. An element's bits are the same in whichever lane it is computed.
/// @param num_heads  those of the row, or 0: any number
template <typename Element, typename Real, int num_heads>
struct RowLanes {
  using Tag = hn::ScalableTag<Real>;

  const RowOfHeads<Real>& heads;
  const Real* weight[num_heads == 0 ? 1 : num_heads];  // beside the gradients, in registers
  hn::Vec<Tag> grad[num_heads == 0 ? 1 : num_heads];

  HWY_INLINE explicit RowLanes(const RowOfHeads<Real>& row) : heads(row) {
    for (int head = 0; head < num_heads; ++head) {
      weight[head] = row.weight[head];
      grad[head] = hn::Set(Tag(), row.grad[head]);
    }
  }

  HWY_INLINE hn::Vec<Tag> values(std::int64_t column) const {
    const Tag d;
    auto sum = hn::Zero(d);
    if constexpr (num_heads == 0) {
      for (std::int64_t head = 0; head < heads.count; ++head)
        sum = hn::MulAdd(hn::LoadU(d, heads.weight[head] + column), hn::Set(d, heads.grad[head]), sum);
    } else {
      for (int head = 0; head < num_heads; ++head) sum = hn::MulAdd(hn::LoadU(d, weight[head] + column), grad[head], sum);
    }
    return sum;
  }
  HWY_INLINE hn::Vec<BitsTag<Element>> at(std::int64_t column) const {
    if constexpr (parts_per_line<Element, Real> == 1) return narrow_lanes<Element>(values(column));
    else return narrow_lanes<Element>(values(column), values(column + static_cast<std::int64_t>(hn::Lanes(Tag()))));
  }
};

/// feature_dim >= the elements of a line.
template <int num_heads, typename Element, typename Real>
HWY_INLINE void write_row(const RowOfHeads<Real>& heads, std::int64_t feature_dim, LineWriter<Element>& writer) {
  const BitsTag<Element> d;
  const std::int64_t line = static_cast<std::int64_t>(hn::Lanes(d));
  const RowLanes<Element, Real, num_heads> row(heads);
  for (std::int64_t column = 0; column < feature_dim;) {
    const std::int64_t columns = std::min(writer.room(), feature_dim - column);
    auto* HWY_RESTRICT out = writer.at();
    std::int64_t c = 0;
    for (; c < columns && column + c + line <= feature_dim; c += line) hn::StoreU(row.at(column + c), d, out + c);
    if (c < columns) {  // the end of the row: weights behind it are not read
      hn::TFromD<BitsTag<Element>> last[HWY_MAX_BYTES / sizeof(Element)];
      hn::StoreU(row.at(feature_dim - line), d, last);
      std::copy_n(last + (column + c) - (feature_dim - line), columns - c, out + c);
    }
    writer.advance(columns);
    column += columns;
  }
}

/// feature_dim < the elements of a line: weights are padded with zeros.
template <typename Element, typename Real>
HWY_INLINE void write_narrow_row(RowOfHeads<Real> heads, std::int64_t feature_dim, LineWriter<Element>& writer) {
  constexpr std::int64_t padded_size = HWY_MAX_BYTES / sizeof(Element);
  Real padded[32][padded_size] = {};
  for (std::int64_t head = 0; head < heads.count; ++head) {
    std::copy_n(heads.weight[head], feature_dim, padded[head]);
    heads.weight[head] = padded[head];
  }
  typename LineWriter<Element>::Bits values[padded_size];
  hn::StoreU(RowLanes<Element, Real, 0>(heads).at(0), BitsTag<Element>(), values);
  for (std::int64_t c = 0; c < feature_dim;) {
    const std::int64_t columns = std::min(writer.room(), feature_dim - c);
    std::copy_n(values + c, columns, writer.at());
    writer.advance(columns);
    c += columns;
  }
}

template <typename Element, typename Real>
void write_rows(const Real* weight, std::int64_t num_members, std::int64_t feature_dim, const Real* grad, std::int64_t grad_stride,
                std::int64_t num_rows, bool stream, Element* out) {
  LineWriter<Element> writer(out, stream);
  const bool is_narrow = feature_dim < static_cast<std::int64_t>(hn::Lanes(BitsTag<Element>()));
  for (std::int64_t row = 0; row < num_rows; ++row) {
    const RowOfHeads<Real> heads(weight, feature_dim, grad + row, grad_stride, num_members);
    if (is_narrow) write_narrow_row(heads, feature_dim, writer);
    else if (heads.count == 1) write_row<1>(heads, feature_dim, writer);
    else if (heads.count == 2) write_row<2>(heads, feature_dim, writer);
    else if (heads.count == 3) write_row<3>(heads, feature_dim, writer);
    else write_row<0>(heads, feature_dim, writer);
  }
  writer.finish();
}

#define SEGPREF_FOR_ELEMENTS(DO) DO(f32, float, float) DO(f64, double, double) DO(bf16, bf16, float) DO(f16, f16, float)
#define SEGPREF_DEFINE(name, Element, Real)                                                                                          \
  void write_rows_##name(const Real* weight, std::int64_t num_members, std::int64_t feature_dim, const Real* grad,                   \
                         std::int64_t grad_stride, std::int64_t num_rows, bool stream, Element* out) {                               \
    write_rows(weight, num_members, feature_dim, grad, grad_stride, num_rows, stream, out);                                          \
  }
SEGPREF_FOR_ELEMENTS(SEGPREF_DEFINE)
#undef SEGPREF_DEFINE

}  // namespace segpref::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace segpref::cpu {
HWY_EXPORT(write_rows_f32);
HWY_EXPORT(write_rows_f64);
HWY_EXPORT(write_rows_bf16);
HWY_EXPORT(write_rows_f16);

namespace {

/// Bytes of the gradient that one task writes.
constexpr std::int64_t bytes_per_task = 256 * 1024;

}  // namespace

#define SEGPREF_DEFINE(name, Element, Real)                                                                                              \
  template <>                                                                                                                            \
  void linear_grad_features<Element, Real>(std::int64_t num_members, std::int64_t num_steps, std::int64_t feature_dim, const Real* weight, \
                                           const Real* grad_step_rewards, Element* grad_features, ThreadPool& pool) {                    \
    const std::int64_t row_bytes = feature_dim * static_cast<std::int64_t>(sizeof(Element));                                             \
    const std::int64_t rows = std::max<std::int64_t>(1, bytes_per_task / row_bytes);                                                     \
    const bool stream = num_steps * row_bytes > stream_from_bytes;                                                                       \
    pool.run((num_steps + rows - 1) / rows, [&](std::int64_t task, int) {                                                                \
      const std::int64_t begin = task * rows;                                                                                            \
      HWY_DYNAMIC_DISPATCH(write_rows_##name)                                                                                            \
      (weight, num_members, feature_dim, grad_step_rewards + begin, num_steps, std::min(rows, num_steps - begin), stream,                \
       grad_features + begin * feature_dim);                                                                                             \
    });                                                                                                                                  \
  }                                                                                                                                      \
  template <>                                                                                                                            \
  void linear_grad_row<Element, Real>(std::int64_t num_members, std::int64_t feature_dim, const Real* weight, const Real* grad,          \
                                      Element* grad_row) {                                                                               \
    HWY_DYNAMIC_DISPATCH(write_rows_##name)(weight, num_members, feature_dim, grad, 1, 1, false, grad_row);                              \
  }
SEGPREF_FOR_ELEMENTS(SEGPREF_DEFINE)
#undef SEGPREF_DEFINE

}  // namespace segpref::cpu
#endif
