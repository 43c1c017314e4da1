// The state of one running block: its threads, warps and barriers.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "tests/simt/harness/core/fiber.hpp"
#include "tests/simt/harness/core/happens_before.hpp"
#include "tests/simt/harness/core/options.hpp"

namespace segpref::simt {

struct Block;

/// Three-dimensional indices and sizes, x fastest.
struct Index3 {
  unsigned x = 0, y = 0, z = 0;
};

enum class ThreadState : std::uint8_t { ready, at_block_barrier, at_named_barrier, at_warp_operation, done };

/// One asynchronous copy on its way.
struct Copy {
  std::byte* to;
  const std::byte* from;
  std::size_t bytes, source_bytes;      ///< the rest becomes zero
  std::array<std::byte, 16> source_at_issue;
  Site site;
};

struct Thread {
  Fiber fiber;
  Block* block = nullptr;
  int index = 0;  ///< within the block
  Index3 position;
  ThreadState state = ThreadState::ready;
  View view;
  View fenced_view;         ///< at the last __threadfence: an atomic operation after it releases what was seen then, not more
  bool has_fenced = false;

  // What the thread waits for, when it waits.
  const char* waits_for = "";
  std::uint32_t wait_mask = 0;
  Site wait_site;
  int predicate = 0, predicate_sum = 0;  ///< of __syncthreads_count and its like

  // Asynchronous copies: the group that is open, then those that were committed, oldest first.
  std::vector<Copy> open_copies;
  std::deque<std::vector<Copy>> committed_copies;

  int lane() const { return index % warp_size; }
  int warp() const { return index / warp_size; }
};

/// Combines what the lanes of `mask` brought; args[lane] is the lane's own argument.
using Combine = void (*)(void** args, std::uint32_t mask);

/// A shuffle, vote or matrix operation that has begun: some of its lanes have come.
struct WarpOperation {
  std::uint32_t mask, arrived;
  const char* name;
  Site site;
  Combine combine;
  bool orders_memory;
  std::array<void*, warp_size> args;
};

struct Warp {
  std::uint32_t live_lanes = 0;
  std::vector<WarpOperation> operations;  ///< of disjoint masks, at most
};

/// A barrier with a number of its own, for some of the block's warps.
struct NamedBarrier {
  int num_threads = 0;                ///< 0: nobody has come
  std::vector<Thread*> waiting;       ///< those who wait
  std::vector<View> seen_by_arrived;  ///< what everybody who came had seen, waiting or not
};
inline constexpr int num_named_barriers = 16;

struct Block {
  Index3 position;
  std::uint32_t serial = 0;
  int num_live = 0, num_at_barrier = 0;
  std::vector<Thread*> threads;
  std::vector<Warp> warps;
  std::array<NamedBarrier, num_named_barriers> named_barriers;

  // Shared memory: the dynamic part first, then variables in the order in which threads met them.
  std::byte *shared = nullptr, *dynamic = nullptr;
  std::size_t dynamic_bytes = 0, static_bytes = 0, used_bytes = 0;
  std::map<const void*, std::byte*> shared_variables;
};

}  // namespace segpref::simt
