// Sums of short ragged segments and their way back, a gradient of adjacent runs of one value, without a branch on the length that a
// processor could not foresee. Included once per target, inside Highway's foreach_target.
#if defined(SEGPREF_KERNELS_CPU_SEGMENT_LANES_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef SEGPREF_KERNELS_CPU_SEGMENT_LANES_HPP
#undef SEGPREF_KERNELS_CPU_SEGMENT_LANES_HPP
#else
#define SEGPREF_KERNELS_CPU_SEGMENT_LANES_HPP
#endif

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "kernels/cpu/batch.hpp"
#include "kernels/cpu/half_lanes.hpp"
#include "kernels/cpu/line_writer.hpp"

HWY_BEFORE_NAMESPACE();
namespace segpref::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Calls `use` with the array as const int32_t* or const int64_t*, so that a loop over it has one type.
template <typename Use>
HWY_INLINE void with_index_type(const IndexArray& array, Use use) {
  if (array.wide) use(static_cast<const std::int64_t*>(array.data));
  else use(static_cast<const std::int32_t*>(array.data));
}

/// Vectors handled at once: most segments of a preference data set fit, so a mispredicted branch is rare.
inline constexpr std::int64_t vectors_per_chunk = 8;

/// `length` adjacent rewards, of which `readable` >= length may be read, added up in each lane. The last chunk is read whole, beyond the end of the
/// segment, and the lanes of other steps are cut off.
template <typename Real, typename Element>
HWY_INLINE hn::Vec<hn::ScalableTag<Real>> lane_sums(const Element* HWY_RESTRICT rewards, std::int64_t length, std::int64_t readable) {
  const hn::ScalableTag<Real> d;
  const hn::RebindToSigned<decltype(d)> di;
  using Integer = hn::TFromD<decltype(di)>;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d)), chunk = vectors_per_chunk * lanes;
  auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  std::int64_t t = 0;
  for (; length - t > chunk; t += chunk) {
    const Element* from = rewards + t;
    s0 = hn::Add(s0, widen_lanes(d, from));
    s1 = hn::Add(s1, widen_lanes(d, from + lanes));
    s2 = hn::Add(s2, widen_lanes(d, from + 2 * lanes));
    s3 = hn::Add(s3, widen_lanes(d, from + 3 * lanes));
    s4 = hn::Add(s4, widen_lanes(d, from + 4 * lanes));
    s5 = hn::Add(s5, widen_lanes(d, from + 5 * lanes));
    s6 = hn::Add(s6, widen_lanes(d, from + 6 * lanes));
    s7 = hn::Add(s7, widen_lanes(d, from + 7 * lanes));
  }
  const Element* from = rewards + t;
  Element padded[vectors_per_chunk * (HWY_MAX_BYTES / sizeof(Real))];
  if (readable - t < chunk) {
    std::memset(static_cast<void*>(padded), 0, sizeof(padded));
    std::copy_n(from, length - t, padded);
    from = padded;
  }
  const auto rest = hn::Set(di, static_cast<Integer>(length - t));
  const auto masked_add = [&](auto sum, std::int64_t k) HWY_ATTR {
    const auto inside = hn::Lt(hn::Iota(di, static_cast<Integer>(k * lanes)), rest);
    return hn::IfThenElse(hn::RebindMask(d, inside), hn::Add(sum, widen_lanes(d, from + k * lanes)), sum);
  };
  s0 = masked_add(s0, 0), s1 = masked_add(s1, 1), s2 = masked_add(s2, 2), s3 = masked_add(s3, 3);
  s4 = masked_add(s4, 4), s5 = masked_add(s5, 5), s6 = masked_add(s6, 6), s7 = masked_add(s7, 7);
  s0 = hn::Add(hn::Add(s0, s1), hn::Add(s2, s3));
  s4 = hn::Add(hn::Add(s4, s5), hn::Add(s6, s7));
  return hn::Add(s0, s4);
}

/// rows [lanes][lanes] to the sum of each row, in order: neighbouring lanes of two rows at a time join in one vector, until one vector is left.
/// Every row is added up the same way, wherever it stands. The rows are lost.
template <class D>
HWY_INLINE hn::Vec<D> sums_of_rows(D d, hn::TFromD<D>* rows) {
#if HWY_TARGET != HWY_SCALAR
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t left = lanes / 2; left > 0; left /= 2)
    for (std::size_t row = 0; row < left; ++row) {
      const auto a = hn::Load(d, rows + 2 * row * lanes), b = hn::Load(d, rows + (2 * row + 1) * lanes);
      hn::Store(hn::Add(hn::ConcatEven(d, b, a), hn::ConcatOdd(d, b, a)), d, rows + row * lanes);
    }
#endif
  return hn::Load(d, rows);
}

/// Segments that are added up together: as many as a vector has lanes.
template <typename Real>
inline constexpr std::int64_t segments_per_group = static_cast<std::int64_t>(hn::MaxLanes(hn::ScalableTag<Real>()));

/// sums[i] of the steps of segments[i], for at most a group. A function of its own: compiled once for each element type, not for every form of bounds.
template <typename Element, typename Real>
HWY_NOINLINE void sums_of_group(const Element* HWY_RESTRICT rewards, std::int64_t num_steps, const StepRange* segments, std::int64_t count, Real* HWY_RESTRICT sums) {
  const hn::ScalableTag<Real> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  HWY_ALIGN Real rows[segments_per_group<Real> * segments_per_group<Real>];
  for (std::int64_t i = 0; i < count; ++i) {
    const auto [begin, end] = segments[i];
    hn::Store(lane_sums<Real>(rewards + begin, end - begin, num_steps - begin), d, rows + i * lanes);
  }
  for (std::int64_t i = count; i < lanes; ++i) hn::Store(hn::Zero(d), d, rows + i * lanes);
  if (count == lanes) hn::StoreU(sums_of_rows(d, rows), d, sums);
  else store_first(sums_of_rows(d, rows), d, sums, count);
}

/// sums[i] of the steps of the segments [segment_begin, segment_end); bounds_of(segment) gives begin and end of one.
template <typename Element, typename Real, typename BoundsOf>
HWY_INLINE void sums_of_segments(const Element* HWY_RESTRICT rewards, std::int64_t num_steps, std::int64_t segment_begin, std::int64_t segment_end,
                                 BoundsOf bounds_of, Real* HWY_RESTRICT sums) {
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<Real>()));
  StepRange group[segments_per_group<Real>];
  for (std::int64_t first = segment_begin; first < segment_end; first += lanes, sums += lanes) {
    const std::int64_t count = std::min(lanes, segment_end - first);
    for (std::int64_t i = 0; i < count; ++i) group[i] = bounds_of(first + i);
    sums_of_group(rewards, num_steps, group, count, sums);
  }
}

/// Writes runs of equal elements one after the other: in whole aligned vectors, the first of which joins the end of the run before, and with a few
/// more that reach beyond the end and are overwritten by the next.
template <typename Element>
class RunWriter {
 public:
  using Bits = typename LineWriter<Element>::Bits;

  RunWriter(Element* to, bool stream) : writer_(to, stream), before_(hn::Zero(Tag())) {}

  HWY_INLINE void append(Element value, std::int64_t count) {
    Bits bits;
    std::memcpy(&bits, &value, sizeof(bits));
    while (count >= writer_.room()) {
      const std::int64_t part = writer_.room();
      lay(bits, part);
      writer_.advance(part);
      count -= part;
    }
    if (count == 0) return;
    lay(bits, count);
    writer_.advance(count);
  }

  /// While elements are written, as many from here on come into the caches.
  void read_ahead(const Element* from) { writer_.read_ahead(from); }

  /// Writes what is left. Called once, after the last run.
  void finish() { writer_.finish(); }

 private:
  using Tag = hn::ScalableTag<Bits>;

  HWY_INLINE void lay(Bits bits, std::int64_t count) {
    const Tag d;
    const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d)), filled = writer_.filled() % lanes;
    const auto value = hn::Set(d, bits);
    Bits* HWY_RESTRICT at = writer_.at() - filled;
    const auto first = hn::IfThenElse(hn::FirstN(d, static_cast<std::size_t>(filled)), before_, value);
    hn::Store(first, d, at);
    for (std::int64_t k = 1; k < vectors_per_chunk; ++k) hn::Store(value, d, at + k * lanes);
    for (std::int64_t i = vectors_per_chunk * lanes; i < filled + count; i += lanes) hn::Store(value, d, at + i);
    before_ = filled + count < lanes ? first : value;
  }

  LineWriter<Element> writer_;
  hn::Vec<Tag> before_;  // the vector that the last run ends in
};

}  // namespace segpref::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
