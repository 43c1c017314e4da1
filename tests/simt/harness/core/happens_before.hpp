// Which memory accesses are ordered before which, by barriers, __syncwarp and fence-plus-atomic. Used in check mode.
//
// Every thread has a clock. Time inside a block has two scales: an epoch per warp, which a block or named barrier ends, and a
// clock per lane, which __syncwarp or a release ends. A thread's View says up to which epoch it has seen every warp of its block,
// and up to which clock every lane of its own warp. Blocks see each other only through releases that were acquired.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "tests/simt/harness/core/options.hpp"

namespace segpref::simt {

/// When a thread did something: enough to compare it with a later View.
struct Event {
  std::uint32_t block = 0;  ///< serial number of the block over the whole process; 0: no event
  std::uint32_t epoch = 0;  ///< of its warp
  std::uint32_t clock = 0;  ///< its own
  std::uint16_t thread = 0;

  int warp() const { return thread / warp_size; }
  int lane() const { return thread % warp_size; }
};

class ReleaseList;

/// All releases of one address up to a point.
struct Acquired {
  const ReleaseList* list;
  std::size_t count;
};

class View {
 public:
  void start(std::uint32_t block, int thread);

  /// The event of an access that this thread makes now.
  Event now() const { return {block_, epochs_[warp()], clocks_[lane()], thread_}; }
  std::uint32_t block() const { return block_; }
  int warp() const { return thread_ / warp_size; }
  int lane() const { return thread_ % warp_size; }
  std::uint32_t epoch_of(int warp) const { return epochs_[static_cast<std::size_t>(warp)]; }
  std::uint32_t clock_of(int lane) const { return clocks_[static_cast<std::size_t>(lane)]; }

  /// Whether the event is ordered before whatever this thread does next.
  bool covers(const Event& event) const;

  /// Sees what the other has seen.
  void join(const View& other);
  /// Ends this thread's epoch: what follows is not covered by anyone who joined before.
  void end_epoch() { ++epochs_[warp()]; }
  void end_clock() { ++clocks_[lane()]; }
  void acquire(const ReleaseList& list);

 private:
  bool covers_in_block(const Event& event) const;

  std::uint32_t block_ = 0;
  std::uint16_t thread_ = 0;
  std::array<std::uint32_t, max_warps_per_block> epochs_{};  ///< events of a warp before this epoch are seen
  std::array<std::uint32_t, warp_size> clocks_{};            ///< events of a lane of the own warp up to this clock are seen
  std::vector<Acquired> acquired_;
};

/// What the threads that released through one address had seen, oldest first.
class ReleaseList {
 public:
  void add(const View& view) { views_.push_back(view); }
  std::size_t size() const { return views_.size(); }
  const View& operator[](std::size_t i) const { return views_[i]; }

 private:
  std::vector<View> views_;
};

/// Serial numbers of blocks over the whole process. A copy or another operation of a stream takes one too.
std::uint32_t take_block_serial();

/// What runs from now on is a new launch: blocks with smaller serial numbers are finished.
void begin_launch_order();

/// Whether a finished launch is ordered before the one that runs now. Always, unless streams say otherwise (tests/simt/cuda_runtime).
using IsLaunchOrdered = bool (*)(std::uint32_t block);
void set_launch_order(IsLaunchOrdered is_ordered);

bool is_of_this_launch(std::uint32_t block);

/// Whether all that the block did is over, and ordered before what happens now.
bool is_finished_and_visible(std::uint32_t block);

}  // namespace segpref::simt
