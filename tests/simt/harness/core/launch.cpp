#include "tests/simt/harness/core/launch.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <numeric>

#include "tests/simt/harness/core/arena.hpp"
#include "tests/simt/harness/core/device_calls.hpp"
#include "tests/simt/harness/core/machine.hpp"

namespace segpref::simt {

BuiltinIndices builtin_indices;

Machine& machine() {
  static Machine instance;
  return instance;
}

namespace {

std::size_t volume(const Index3& extent) { return std::size_t{extent.x} * extent.y * extent.z; }

Index3 position(std::size_t index, const Index3& extent) {
  return {static_cast<unsigned>(index % extent.x), static_cast<unsigned>(index / extent.x % extent.y),
          static_cast<unsigned>(index / extent.x / extent.y)};
}

void check(const Launch& launch) {
  const auto refuse = [&](const std::string& rule) { throw Error(kernel_name(launch.kernel) + ": invalid launch: " + rule); };
  const std::size_t threads = volume(launch.block);
  if (threads == 0 || threads > static_cast<std::size_t>(max_threads_per_block) || launch.block.z > 64)
    refuse("a block has 1 to 1024 threads, at most 64 along z");
  if (volume(launch.grid) == 0) refuse("the grid is empty");
  if (launch.grid.x > 0x7fffffffu || launch.grid.y > 65535 || launch.grid.z > 65535) refuse("the grid is too large");
  if (launch.dynamic_shared_bytes > max_shared_bytes) refuse(std::to_string(launch.dynamic_shared_bytes) + " bytes of dynamic shared memory are too many");
}

/// One stack per thread of a block, each with a page below it that nobody may touch.
void make_threads(Machine& m) {
  if (m.stacks != nullptr) return;
  constexpr std::size_t page = 4096;
  m.stack_bytes = 256 * 1024;
  m.stacks = reserve_memory(m.stack_bytes * static_cast<std::size_t>(max_threads_per_block));
  for (int i = 0; i < max_threads_per_block; ++i) {
    m.threads.push_back(std::make_unique<Thread>());
    mprotect(m.stacks + m.stack_bytes * static_cast<std::size_t>(i), page, PROT_NONE);
  }
}

void thread_main() {
  Machine& m = machine();
  Fiber::entered(m.caller);
  m.in_harness = false;
  m.launch->call(m.launch->arguments);
  m.in_harness = true;
  retire(*m.thread);
  reschedule(true);
  std::abort();
}

void start_block(Machine& m, Block& block, std::size_t block_idx) {
  const std::size_t num_threads = volume(m.launch->block);
  block.position = builtin_indices.block = position(block_idx, m.launch->grid);
  block.serial = take_block_serial();
  block.num_live = static_cast<int>(num_threads);
  block.dynamic_bytes = m.launch->dynamic_shared_bytes;
  block.warps.resize((num_threads + warp_size - 1) / warp_size);
  start_shared_memory(block);
  for (std::size_t i = 0; i < num_threads; ++i) {
    Thread& thread = *m.threads[i];
    thread.block = &block;
    thread.index = static_cast<int>(i);
    thread.position = position(i, m.launch->block);
    thread.state = ThreadState::ready;
    thread.has_fenced = false;
    thread.open_copies.clear();
    thread.committed_copies.clear();
    thread.view.start(block.serial, thread.index);
    thread.fiber.prepare(m.stacks + m.stack_bytes * i, m.stack_bytes, thread_main);
    block.warps[i / warp_size].live_lanes |= 1u << thread.lane();
    block.threads.push_back(&thread);
  }
  m.scheduler.start(block, options().order, m.random);
  ++statistics().blocks;
  statistics().threads += num_threads;
}

void run_block(Machine& m, std::size_t block_idx) {
  Block block;
  m.block = &block;
  start_block(m, block, block_idx);
  m.thread = m.scheduler.take();
  builtin_indices.thread = m.thread->position;
  Fiber::switch_between(m.caller, m.thread->fiber);
  m.thread = nullptr;
  if (m.error.empty() && block.num_live > 0) m.error = describe_deadlock(block);
  m.block = nullptr;
}

std::vector<std::size_t> block_order(Machine& m, std::size_t num_blocks) {
  std::vector<std::size_t> order(num_blocks);
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (options().order == Order::reverse) std::reverse(order.begin(), order.end());
  if (options().order == Order::random)
    for (std::size_t i = num_blocks; i > 1; --i) std::swap(order[i - 1], order[m.random.below(i)]);
  return order;
}

/// Most launches switch threads only where they must; one in four also does so at memory accesses.
double draw_preempt(Random& random) {
  const bool drawn = random.chance(0.25);
  if (options().preempt >= 0) return options().preempt;
  return drawn && options().order == Order::random ? 1.0 / 64 : 0;
}

}  // namespace

void begin_test() { machine().launches_of_test = 0; }

void reschedule(bool thread_ends) {
  Machine& m = machine();
  Thread* left = m.thread;
  m.thread = m.scheduler.take();
  if (m.thread == left) return;
  ++statistics().switches;
  if (m.thread != nullptr) builtin_indices.thread = m.thread->position;
  Fiber::switch_between(left->fiber, m.thread != nullptr ? m.thread->fiber : m.caller, thread_ends);
}

void run_launch(const Launch& launch) {
  Machine& m = machine();
  if (m.thread != nullptr) fail("a kernel launches a kernel: not modelled");
  const InHarness guard;
  check(launch);
  make_threads(m);
  m.launch = &launch;
  m.error.clear();
  m.caller = Fiber();
  m.random = Random(options().seed + 0x9e3779b9ull * m.launches_of_test++);
  ++statistics().launches;
  m.preempt = draw_preempt(m.random);
  builtin_indices.block_dim = launch.block;
  builtin_indices.grid_dim = launch.grid;
  begin_launch_order();
  forget_releases();
  for (std::size_t block_idx : block_order(m, volume(launch.grid))) {
    run_block(m, block_idx);
    if (!m.error.empty()) break;
  }
  if (!m.error.empty()) throw Error(m.error + " [SEGPREF_SIMT_SEED=" + std::to_string(options().seed) + "]");
}

void fail(const char* format, ...) {
  Machine& m = machine();
  m.in_harness = true;
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (m.thread == nullptr) throw Error(text);
  m.error = where_thread_is(*m.thread) + ": " + text;
  // The thread stays where it is for ever; its caller goes on.
  Fiber::switch_between(m.thread->fiber, m.caller, true);
  std::abort();
}

}  // namespace segpref::simt
