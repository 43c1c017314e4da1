// Barriers of the block: the one of everybody, and the numbered ones of some warps.
#include <algorithm>
#include <cstring>

#include "tests/simt/harness/core/device_calls.hpp"
#include "tests/simt/harness/core/machine.hpp"

namespace segpref::simt {
namespace {

bool same_place(const Site& a, const Site& b) { return a.line() == b.line() && std::strcmp(a.file_name(), b.file_name()) == 0; }

void check_one_place(const Block& block) {
  const Thread* first = nullptr;
  for (const Thread* thread : block.threads) {
    if (thread->state != ThreadState::at_block_barrier) continue;
    if (first == nullptr) first = thread;
    if (!same_place(first->wait_site, thread->wait_site))
      fail("divergent barrier: thread %d waits at %s, thread %d at %s", first->index, place(first->wait_site).c_str(), thread->index,
           place(thread->wait_site).c_str());
  }
}

/// Everyone sees what anyone has seen; a new epoch begins for all.
void order_memory_of_block(Block& block) {
  View seen;
  bool is_first = true;
  for (Thread* thread : block.threads) {
    if (thread->state != ThreadState::at_block_barrier) continue;
    thread->view.end_epoch();
    if (is_first) seen = thread->view;
    else seen.join(thread->view);
    is_first = false;
  }
  for (Thread* thread : block.threads)
    if (thread->state == ThreadState::at_block_barrier) thread->view.join(seen);
}

void check_named(int barrier, int num_threads) {
  if (barrier < 1 || barrier >= num_named_barriers) fail("named barrier %d is outside [1, %d): 0 is __syncthreads", barrier, num_named_barriers);
  if (num_threads <= 0 || num_threads % warp_size != 0) fail("named barrier %d: %d threads are not a number of whole warps", barrier, num_threads);
}

/// The whole warp comes to a named barrier as one; what its lanes did is then ordered before what the barrier orders.
NamedBarrier& come_to(int barrier, int num_threads, const char* name, Site site) {
  check_named(barrier, num_threads);
  Machine& m = machine();
  Block& block = *m.block;
  warp_operation(0xffffffffu, name, WarpRule::orders_memory, site, nullptr, nullptr);
  NamedBarrier& b = block.named_barriers[static_cast<std::size_t>(barrier)];
  if (b.num_threads == 0) b.num_threads = num_threads;
  if (b.num_threads != num_threads) fail("named barrier %d: this thread expects %d threads, others %d", barrier, num_threads, b.num_threads);
  if (checks_memory()) m.thread->view.end_epoch();
  b.seen_by_arrived.push_back(m.thread->view);
  return b;
}

/// Hardware counts a warp as 32 threads also when some have ended.
int threads_arrived(const Block& block, const NamedBarrier& b) {
  int num_threads = 0;
  for (std::size_t w = 0; w < block.warps.size(); ++w) {
    const auto num_arrived = std::count_if(b.seen_by_arrived.begin(), b.seen_by_arrived.end(), [&](const View& v) { return v.warp() == static_cast<int>(w); });
    if (num_arrived >= __builtin_popcount(block.warps[w].live_lanes) && num_arrived > 0) num_threads += warp_size;
  }
  return num_threads;
}

void open_if_complete(Block& block, NamedBarrier& b) {
  if (b.num_threads == 0 || threads_arrived(block, b) < b.num_threads) return;
  if (checks_memory())
    for (Thread* thread : b.waiting)
      for (const View& view : b.seen_by_arrived) thread->view.join(view);
  for (Thread* thread : b.waiting) machine().scheduler.add(thread);
  b = NamedBarrier();
}

}  // namespace

void open_block_barrier(Block& block) {
  check_one_place(block);
  if (checks_memory()) order_memory_of_block(block);
  int sum = 0;
  for (const Thread* thread : block.threads)
    if (thread->state == ThreadState::at_block_barrier) sum += thread->predicate;
  block.num_at_barrier = 0;
  ++statistics().block_barriers;
  Machine& m = machine();
  m.scheduler.draw_priorities();
  for (Thread* thread : block.threads) {
    if (thread->state != ThreadState::at_block_barrier) continue;
    thread->predicate_sum = sum;
    m.scheduler.add(thread);
  }
}

int block_barrier(int predicate, Site site) {
  const InHarness guard;
  Machine& m = machine();
  Thread& thread = *m.thread;
  thread.predicate = predicate;
  thread.waits_for = "__syncthreads";
  thread.wait_site = site;
  thread.state = ThreadState::at_block_barrier;
  if (++m.block->num_at_barrier == m.block->num_live) open_block_barrier(*m.block);
  reschedule();
  return thread.predicate_sum;
}

void named_barrier_wait(int barrier, int num_threads, Site site) {
  const InHarness guard;
  Machine& m = machine();
  NamedBarrier& b = come_to(barrier, num_threads, "named barrier (wait)", site);
  Thread& thread = *m.thread;
  thread.waits_for = "named barrier";
  thread.wait_site = site;
  thread.state = ThreadState::at_named_barrier;
  b.waiting.push_back(&thread);
  open_if_complete(*m.block, b);
  reschedule();
}

void named_barrier_arrive(int barrier, int num_threads, Site site) {
  const InHarness guard;
  open_if_complete(*machine().block, come_to(barrier, num_threads, "named barrier (arrive)", site));
}

}  // namespace segpref::simt
