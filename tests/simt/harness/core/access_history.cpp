#include "tests/simt/harness/core/access_history.hpp"

#include <algorithm>
#include <bit>
#include <deque>
#include <vector>

namespace segpref::simt {
namespace {

/// Accesses of one warp in its latest epoch: earlier ones of the same warp are ordered before them.
struct WarpAccesses {
  std::uint32_t block, epoch, lanes = 0;  // lanes: bit mask
  int warp;
  std::uint32_t clocks[warp_size];

  Event event(int lane) const { return {block, epoch, clocks[lane], static_cast<std::uint16_t>(warp * warp_size + lane)}; }
};

struct Crowd {
  std::vector<WarpAccesses> warps;       // of the block that runs
  std::vector<Event> finished_blocks;    // one access stands for all of a block: room for every warp of every block is not worth its price
};

// Crowds are taken and given back all the time: their vectors keep their memory.
struct CrowdPool {
  std::deque<Crowd> crowds = std::deque<Crowd>(1);  // number 0 stands for none
  std::vector<std::uint32_t> unused;

  std::uint32_t take() {
    if (unused.empty()) {
      crowds.emplace_back();
      return static_cast<std::uint32_t>(crowds.size() - 1);
    }
    const std::uint32_t taken = unused.back();
    unused.pop_back();
    return taken;
  }
  void give_back(std::uint32_t crowd) {
    crowds[crowd].warps.clear();
    crowds[crowd].finished_blocks.clear();
    unused.push_back(crowd);
  }
};

CrowdPool& pool() {
  static CrowdPool instance;
  return instance;
}

/// Blocks run one after another: what is not of the event's block is finished.
void retire_other_blocks(Crowd& crowd, std::uint32_t block, bool is_shared) {
  if (crowd.warps.empty() || crowd.warps.back().block == block) return;
  const WarpAccesses& last = crowd.warps.back();
  crowd.finished_blocks.push_back(last.event(std::countr_zero(last.lanes)));
  crowd.warps.clear();
  // Shared memory is new in every block; and what is visible to all is of no interest any more.
  std::erase_if(crowd.finished_blocks, [&](const Event& event) { return is_shared || is_finished_and_visible(event.block); });
}

void add_to(Crowd& crowd, const Event& event, bool is_shared) {
  retire_other_blocks(crowd, event.block, is_shared);
  auto found = std::find_if(crowd.warps.begin(), crowd.warps.end(), [&](const WarpAccesses& w) { return w.warp == event.warp(); });
  if (found == crowd.warps.end()) {
    crowd.warps.push_back({event.block, event.epoch, 0, event.warp(), {}});
    found = crowd.warps.end() - 1;
  }
  if (found->epoch != event.epoch) {
    found->epoch = event.epoch;
    found->lanes = 0;
  }
  found->lanes |= 1u << event.lane();
  found->clocks[event.lane()] = event.clock;
}

}  // namespace

bool is_ordered(const Event& event, const View& view, bool is_shared) {
  return event.block == 0 || (is_shared && event.block != view.block()) || view.covers(event);
}

void AccessSet::clear() {
  single_ = Event();
  if (crowd_ != 0) pool().give_back(crowd_);
  crowd_ = 0;
}

void AccessSet::add(const View& view, bool is_shared) {
  const Event event = view.now();
  if (crowd_ == 0) {
    if (is_ordered(single_, view, is_shared)) {
      single_ = event;
      return;
    }
    crowd_ = pool().take();
    add_to(pool().crowds[crowd_], single_, is_shared);
  }
  add_to(pool().crowds[crowd_], event, is_shared);
}

std::optional<Event> AccessSet::find_unordered(const View& view, bool is_shared) const {
  if (crowd_ == 0) return is_ordered(single_, view, is_shared) ? std::nullopt : std::optional(single_);
  const Crowd& crowd = pool().crowds[crowd_];
  for (const Event& event : crowd.finished_blocks)
    if (!is_ordered(event, view, is_shared)) return event;
  for (const WarpAccesses& warp : crowd.warps) {
    if (warp.block == view.block() && warp.epoch < view.epoch_of(warp.warp)) continue;  // the quick way for a warp behind a barrier
    for (std::uint32_t lanes = warp.lanes; lanes != 0; lanes &= lanes - 1) {
      const Event event = warp.event(std::countr_zero(lanes));
      if (!is_ordered(event, view, is_shared)) return event;
    }
  }
  return std::nullopt;
}

}  // namespace segpref::simt
