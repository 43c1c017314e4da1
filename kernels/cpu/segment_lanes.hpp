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

/// The sum of `length` adjacent rewards, of which `readable` >= length may be read. The last chunk is read whole, beyond the end of the
/// segment, and the lanes of other steps are cut off.
template <typename Real, typename Element>
HWY_INLINE Real sum_of_steps(const Element* HWY_RESTRICT rewards, std::int64_t length, std::int64_t readable) {
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
  const auto masked = [&](std::int64_t k) HWY_ATTR {
    const auto inside = hn::Lt(hn::Iota(di, static_cast<Integer>(k * lanes)), rest);
    // Not IfThenElseZero: it would become a masked load, and one whose mask is empty takes tens of cycles on some processors.
    return hn::And(hn::BitCast(d, hn::VecFromMask(di, inside)), widen_lanes(d, from + k * lanes));
  };
  s0 = hn::Add(s0, masked(0)), s1 = hn::Add(s1, masked(1)), s2 = hn::Add(s2, masked(2)), s3 = hn::Add(s3, masked(3));
  s4 = hn::Add(s4, masked(4)), s5 = hn::Add(s5, masked(5)), s6 = hn::Add(s6, masked(6)), s7 = hn::Add(s7, masked(7));
  s0 = hn::Add(hn::Add(s0, s1), hn::Add(s2, s3));
  s4 = hn::Add(hn::Add(s4, s5), hn::Add(s6, s7));
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(s0, s4)));
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
