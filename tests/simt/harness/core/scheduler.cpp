#include "tests/simt/harness/core/scheduler.hpp"

#include <algorithm>

namespace segpref::simt {

void Scheduler::start(const Block& block, Order order, Random& random) {
  order_ = order;
  random_ = &random;
  ready_ = block.threads;
  const bool by_priority = order == Order::random && random.chance(0.5);
  priorities_.assign(by_priority ? block.warps.size() : 0, 0);
  draw_priorities();
}

void Scheduler::draw_priorities() {
  for (std::uint64_t& priority : priorities_) priority = random_->next();
}

void Scheduler::add(Thread* thread) {
  thread->state = ThreadState::ready;
  if (order_ == Order::random) ready_.push_back(thread);
  else ready_.insert(std::upper_bound(ready_.begin(), ready_.end(), thread, [](const Thread* a, const Thread* b) { return a->index < b->index; }), thread);
}

std::size_t Scheduler::choose() const {
  if (order_ == Order::forward) return 0;
  if (order_ == Order::reverse) return ready_.size() - 1;
  if (priorities_.empty()) return random_->below(ready_.size());
  const auto priority_of = [&](const Thread* t) { return priorities_[static_cast<std::size_t>(t->warp())]; };
  const auto best = std::max_element(ready_.begin(), ready_.end(), [&](const Thread* a, const Thread* b) { return priority_of(a) < priority_of(b); });
  return static_cast<std::size_t>(best - ready_.begin());
}

Thread* Scheduler::take() {
  if (ready_.empty()) return nullptr;
  const std::size_t chosen = choose();
  Thread* thread = ready_[chosen];
  if (order_ == Order::random) {
    ready_[chosen] = ready_.back();
    ready_.pop_back();
  } else {
    ready_.erase(ready_.begin() + static_cast<std::ptrdiff_t>(chosen));
  }
  return thread;
}

}  // namespace segpref::simt
