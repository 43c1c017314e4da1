// Operations of the lanes of one warp: shuffles, votes, __syncwarp, matrix operations.
#include <cstring>

#include "tests/simt/harness/core/device_calls.hpp"
#include "tests/simt/harness/core/machine.hpp"

namespace segpref::simt {
namespace {

template <typename Function>
void for_each_lane(std::uint32_t lanes, Function function) {
  for (; lanes != 0; lanes &= lanes - 1) function(__builtin_ctz(lanes));
}

void order_memory_of_lanes(Block& block, int warp, std::uint32_t lanes) {
  const auto view_of = [&](int lane) -> View& { return block.threads[static_cast<std::size_t>(warp * warp_size + lane)]->view; };
  View seen = view_of(__builtin_ctz(lanes));
  for_each_lane(lanes, [&](int lane) { seen.join(view_of(lane)); });
  for_each_lane(lanes, [&](int lane) {
    view_of(lane).join(seen);
    view_of(lane).end_clock();
  });
}

WarpOperation& join_operation(Thread& thread, std::uint32_t mask, const char* name, WarpRule rule, const Site& site, Combine combine) {
  std::vector<WarpOperation>& operations = thread.block->warps[static_cast<std::size_t>(thread.warp())].operations;
  for (WarpOperation& operation : operations) {
    if (operation.mask != mask) continue;
    if (std::strcmp(operation.name, name) != 0 || operation.site.line() != site.line())
      fail("warp divergence: lane %d comes to %s at %s, others of mask %08x to %s at %s", thread.lane(), name, place(site).c_str(), mask, operation.name,
           place(operation.site).c_str());
    return operation;
  }
  operations.push_back({mask, 0, name, site, combine, rule == WarpRule::orders_memory, {}});
  return operations.back();
}

}  // namespace

void finish_warp_operations(Block& block, int warp) {
  Warp& state = block.warps[static_cast<std::size_t>(warp)];
  for (std::size_t i = 0; i < state.operations.size();) {
    WarpOperation operation = state.operations[i];
    if (operation.arrived == 0 || operation.arrived != (operation.mask & state.live_lanes)) {
      ++i;
      continue;
    }
    state.operations.erase(state.operations.begin() + static_cast<std::ptrdiff_t>(i));
    ++statistics().warp_operations;
    if (operation.combine != nullptr) operation.combine(operation.args.data(), operation.arrived);
    if (operation.orders_memory && checks_memory()) order_memory_of_lanes(block, warp, operation.arrived);
    for_each_lane(operation.arrived, [&](int lane) { machine().scheduler.add(block.threads[static_cast<std::size_t>(warp * warp_size + lane)]); });
  }
}

void warp_operation(std::uint32_t mask, const char* name, WarpRule rule, Site site, void* argument, Combine combine) {
  const InHarness guard;
  Thread& thread = *machine().thread;
  const std::uint32_t live = thread.block->warps[static_cast<std::size_t>(thread.warp())].live_lanes;
  if ((mask >> thread.lane() & 1) == 0) fail("%s at %s: the calling lane %d is not in mask %08x", name, place(site).c_str(), thread.lane(), mask);
  if (rule == WarpRule::whole_warp && live != 0xffffffffu) fail("%s at %s needs all 32 lanes; only those of mask %08x have not ended", name, place(site).c_str(), live);
  thread.state = ThreadState::at_warp_operation;
  thread.waits_for = name;
  thread.wait_mask = mask;
  thread.wait_site = site;
  WarpOperation& operation = join_operation(thread, mask, name, rule, site, combine);
  operation.arrived |= 1u << thread.lane();
  operation.args[static_cast<std::size_t>(thread.lane())] = argument;
  finish_warp_operations(*thread.block, thread.warp());
  reschedule();
}

int current_lane() { return machine().thread->lane(); }

void retire(Thread& thread) {
  std::size_t copies = thread.open_copies.size();
  for (const auto& group : thread.committed_copies) copies += group.size();
  if (copies > 0) fail("the thread ends with %zu asynchronous copies that it never waited for", copies);
  Block& block = *thread.block;
  thread.state = ThreadState::done;
  --block.num_live;
  block.warps[static_cast<std::size_t>(thread.warp())].live_lanes &= ~(1u << thread.lane());
  if (block.num_live > 0 && block.num_at_barrier == block.num_live) open_block_barrier(block);
  finish_warp_operations(block, thread.warp());
}

}  // namespace segpref::simt
