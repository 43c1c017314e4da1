#include "tests/simt/harness/core/happens_before.hpp"

#include <algorithm>
#include <map>

namespace segpref::simt {
namespace {

std::uint32_t next_serial = 1;
std::uint32_t first_of_launch = 1;
IsLaunchOrdered is_launch_ordered = nullptr;

}  // namespace

std::uint32_t take_block_serial() { return next_serial++; }
void begin_launch_order() { first_of_launch = next_serial; }
void set_launch_order(IsLaunchOrdered is_ordered) { is_launch_ordered = is_ordered; }

bool is_of_this_launch(std::uint32_t block) { return block >= first_of_launch; }
bool is_finished_and_visible(std::uint32_t block) {
  return block < first_of_launch && (is_launch_ordered == nullptr || is_launch_ordered(block));
}

void View::start(std::uint32_t block, int thread) {
  block_ = block;
  thread_ = static_cast<std::uint16_t>(thread);
  epochs_.fill(0);
  clocks_.fill(0);
  epochs_[static_cast<std::size_t>(warp())] = 1;
  clocks_[static_cast<std::size_t>(lane())] = 1;
  acquired_.clear();
}

bool View::covers_in_block(const Event& event) const {
  if (event.epoch < epochs_[static_cast<std::size_t>(event.warp())]) return true;
  return event.warp() == warp() && event.clock <= clocks_[static_cast<std::size_t>(event.lane())];
}

bool View::covers(const Event& event) const {
  if (event.block == block_ && covers_in_block(event)) return true;
  if (is_finished_and_visible(event.block)) return true;
  // Through releases: what their threads had seen, and what those had acquired in turn. Each list is walked once.
  std::map<const ReleaseList*, std::size_t> walked;
  std::vector<Acquired> to_walk = acquired_;
  while (!to_walk.empty()) {
    const auto [list, count] = to_walk.back();
    to_walk.pop_back();
    for (std::size_t& i = walked[list]; i < count; ++i) {
      const View& released = (*list)[i];
      if (event.block == released.block_ && released.covers_in_block(event)) return true;
      to_walk.insert(to_walk.end(), released.acquired_.begin(), released.acquired_.end());
    }
  }
  return false;
}

void View::join(const View& other) {
  for (std::size_t w = 0; w < epochs_.size(); ++w) epochs_[w] = std::max(epochs_[w], other.epochs_[w]);
  if (other.block_ == block_ && other.warp() == warp())
    for (std::size_t l = 0; l < clocks_.size(); ++l) clocks_[l] = std::max(clocks_[l], other.clocks_[l]);
  for (const Acquired& theirs : other.acquired_) {
    const auto mine = std::find_if(acquired_.begin(), acquired_.end(), [&](const Acquired& a) { return a.list == theirs.list; });
    if (mine == acquired_.end()) acquired_.push_back(theirs);
    else mine->count = std::max(mine->count, theirs.count);
  }
}

void View::acquire(const ReleaseList& list) {
  const auto known = std::find_if(acquired_.begin(), acquired_.end(), [&](const Acquired& a) { return a.list == &list; });
  if (known == acquired_.end()) acquired_.push_back({&list, list.size()});
  else known->count = list.size();
}

}  // namespace segpref::simt
