// Who touched a byte since it was last written: the race detector's memory.
#pragma once

#include <cstdint>
#include <optional>

#include "tests/simt/harness/core/happens_before.hpp"

namespace segpref::simt {

/// A set of accesses of one byte of which nobody needs to be ordered after another: readers, or atomic operations.
/// Usually one, kept in place; a crowd of them is kept elsewhere, with one entry per warp.
class AccessSet {
 public:
  /// Adds the access that `view`'s thread makes now. Accesses that it covers need not be kept: who is ordered after it is ordered after them.
  void add(const View& view, bool is_shared);
  void clear();
  /// An access that is not ordered before what `view`'s thread does now.
  std::optional<Event> find_unordered(const View& view, bool is_shared) const;

 private:
  Event single_;
  std::uint32_t crowd_ = 0;  // 0: none, `single_` alone counts
};

/// Accesses of one byte.
struct AccessHistory {
  Event last_write;
  AccessSet reads;    ///< since the last write
  AccessSet atomics;  ///< since the last write
};

/// Shared memory is new in every block: an event of another block says nothing about it.
bool is_ordered(const Event& event, const View& view, bool is_shared);

}  // namespace segpref::simt
