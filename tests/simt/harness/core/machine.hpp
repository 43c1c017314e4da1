// The one machine that runs kernels: the launch, block and thread that are running now, and what all parts of the harness share.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/simt/harness/core/block.hpp"
#include "tests/simt/harness/core/launch.hpp"
#include "tests/simt/harness/core/random.hpp"
#include "tests/simt/harness/core/scheduler.hpp"

namespace segpref::simt {

struct Machine {
  const Launch* launch = nullptr;
  Block* block = nullptr;
  Thread* thread = nullptr;  ///< null outside of kernels
  Fiber caller;              ///< of the one who launched
  Scheduler scheduler;
  Random random;
  std::uint64_t launches_of_test = 0;
  double preempt = 0;
  std::string error;         ///< of the current launch; empty: none
  std::vector<std::unique_ptr<Thread>> threads;  ///< kept from block to block
  std::byte* stacks = nullptr;
  std::size_t stack_bytes = 0;  ///< of one thread

  /// True while harness code runs. Inline functions of the standard library may be linked in the instrumented copy that a kernel's
  /// object brought: their accesses are no kernel's. Kept per call, so it survives switches.
  bool in_harness = true;

  bool is_stack(const void* p) const {
    return p >= stacks && p < stacks + stack_bytes * static_cast<std::size_t>(max_threads_per_block);
  }
};

Machine& machine();

class InHarness {
 public:
  InHarness() { machine().in_harness = true; }
  ~InHarness() { machine().in_harness = before_; }
  InHarness(const InHarness&) = delete;
  InHarness& operator=(const InHarness&) = delete;

 private:
  bool before_ = machine().in_harness;
};

/// The current thread waits, or ends: another one runs.
void reschedule(bool thread_ends = false);

/// Lets the waiting lanes of a warp's complete operations go on. Called when a lane comes or ends.
void finish_warp_operations(Block& block, int warp);
/// Opens the block's barrier.
void open_block_barrier(Block& block);
/// What follows from a thread's end for those who wait.
void retire(Thread& thread);

/// Forgets which blocks released what: a new launch begins.
void forget_releases();

/// Shared memory of a new block, and the end of it.
void start_shared_memory(Block& block);

// Texts for messages.
std::string place(const Site& site);
std::string place_of_code(const void* program_counter);
std::string kernel_name(const void* kernel);
std::string where_thread_is(const Thread& thread);
/// Who waits where, when nobody can go on.
std::string describe_deadlock(const Block& block);

}  // namespace segpref::simt
