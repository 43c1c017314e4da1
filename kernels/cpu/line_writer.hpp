// Large outputs that nothing reads again soon, written past the caches whatever their alignment.
// Included once per target, inside Highway's foreach_target.
#if defined(SEGPREF_KERNELS_CPU_LINE_WRITER_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef SEGPREF_KERNELS_CPU_LINE_WRITER_HPP
#undef SEGPREF_KERNELS_CPU_LINE_WRITER_HPP
#else
#define SEGPREF_KERNELS_CPU_LINE_WRITER_HPP
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace segpref::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Adjacent elements, laid out in a buffer in the first-level cache that leaves in whole lines of 64 bytes, past the caches when `stream` asks.
/// A line written partly past the caches and partly through them would be read from memory first.
template <typename Element>
class LineWriter {
 public:
  using Bits = hwy::UnsignedFromSize<sizeof(Element)>;

  LineWriter(Element* to, bool stream) : to_(reinterpret_cast<Bits*>(to)), stream_(stream) {
    // The buffer is aligned like the output, so that lines of one are lines of the other.
    begin_ = fill_ = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(to) % line_bytes / sizeof(Element));
  }

  /// Where the next elements go: room() of them, and then some vectors that do not count.
  HWY_INLINE Bits* at() { return buffer_ + fill_; }
  HWY_INLINE std::int64_t room() const { return capacity - fill_; }
  /// Elements in the buffer before at(); the buffer begins with a whole line.
  HWY_INLINE std::int64_t filled() const { return fill_; }
  HWY_INLINE void advance(std::int64_t count) {
    fill_ += count;
    if (fill_ == capacity) flush();
  }

  /// While elements are written, as many from here on come into the second-level cache: memory reads and writes at the same time.
  void read_ahead(const Element* from) { ahead_ = from; }

  /// Writes what is left. Called once, at the end.
  void finish() {
    flush();
    if (stream_) hwy::FlushStream();
  }

 private:
  static constexpr std::int64_t line_bytes = 64;
  static constexpr std::int64_t line = line_bytes / static_cast<std::int64_t>(sizeof(Element));
  static constexpr std::int64_t capacity = 64 * line;
  static constexpr std::int64_t beyond = 9 * (HWY_MAX_BYTES / static_cast<std::int64_t>(sizeof(Bits)));

  void flush() {
    const hn::ScalableTag<Bits> d;
    const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d)), end = fill_;
    std::int64_t i = begin_;
    const auto copy_to = [&](std::int64_t until) {
      std::memcpy(to_ + (i - begin_), buffer_ + i, static_cast<std::size_t>(until - i) * sizeof(Bits));
      i = until;
    };
    copy_to(std::min(end, (begin_ + line - 1) / line * line));
    if (stream_)
      for (; i + line <= end; i += line) {
        if (ahead_ != nullptr) __builtin_prefetch(ahead_ + (i - begin_), 0, 2);
        for (std::int64_t k = 0; k < line; k += lanes) hn::Stream(hn::Load(d, buffer_ + i + k), d, to_ + (i + k - begin_));
      }
    copy_to(end);
    if (ahead_ != nullptr) ahead_ += end - begin_;
    to_ += end - begin_;
    begin_ = fill_ = end == capacity ? 0 : end;
  }

  alignas(64) Bits buffer_[static_cast<std::size_t>(capacity + beyond)];
  Bits* to_;              // where buffer_[begin_] goes
  const Element* ahead_ = nullptr;
  std::int64_t begin_, fill_;
  bool stream_;
};

}  // namespace segpref::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
