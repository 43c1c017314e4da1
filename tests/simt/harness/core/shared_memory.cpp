// Shared memory of a block: one window of the arena, filled with NaN patterns, with gaps between the variables.
#include <cstring>

#include "tests/simt/harness/core/arena.hpp"
#include "tests/simt/harness/core/device_calls.hpp"
#include "tests/simt/harness/core/machine.hpp"

namespace segpref::simt {
namespace {

constexpr std::size_t gap = 256;  // between variables
std::size_t used_bytes[arena::num_windows] = {};

std::size_t window_of(const Block& block) { return block.serial % arena::num_windows; }

std::byte* place_variable(Block& block, std::size_t bytes, std::size_t alignment) {
  std::byte* p = block.shared + (block.used_bytes + gap + alignment - 1) / alignment * alignment;
  block.used_bytes = static_cast<std::size_t>(p - block.shared) + bytes;
  if (block.used_bytes + gap > arena::window_bytes) fail("the block's shared memory is used up");
  used_bytes[window_of(block)] = block.used_bytes;
  arena::set_state(p, bytes, ByteState::uninitialised);
  std::memset(p, poison_byte, bytes);
  return p;
}

}  // namespace

void start_shared_memory(Block& block) {
  block.shared = arena::at(window_of(block) * arena::window_bytes);
  // The memory of earlier blocks disappears: a pointer that was kept leads nowhere.
  for (std::size_t w = 0; w < arena::num_windows; ++w) {
    if (used_bytes[w] > 0) arena::set_state(arena::at(w * arena::window_bytes), used_bytes[w], ByteState::unmapped);
    used_bytes[w] = 0;
  }
  if (block.dynamic_bytes > 0) block.dynamic = place_variable(block, block.dynamic_bytes, 1024);
}

void* dynamic_shared(std::size_t bytes) {
  const InHarness guard;
  const Block& block = *machine().block;
  if (bytes > block.dynamic_bytes) fail("the kernel uses %zu bytes of dynamic shared memory, the launch gave %zu", bytes, block.dynamic_bytes);
  return block.dynamic;
}

void* shared_variable(const void* tag, std::size_t bytes, std::size_t alignment) {
  const InHarness guard;
  Block& block = *machine().block;
  std::byte*& variable = block.shared_variables[tag];
  if (variable == nullptr) {
    block.static_bytes += bytes;
    if (block.static_bytes > max_static_shared_bytes) fail("the kernel's shared variables take %zu bytes, more than 48 KiB", block.static_bytes);
    if (block.static_bytes + block.dynamic_bytes > max_shared_bytes) fail("%zu bytes of shared memory are too many", block.static_bytes + block.dynamic_bytes);
    variable = place_variable(block, bytes, alignment < 16 ? 16 : alignment);
  }
  return variable;
}

void require_shared(const void* p, std::size_t bytes, const char* operation, Site site) {
  const InHarness guard;
  const auto* begin = static_cast<const std::byte*>(p);
  const Block& block = *machine().block;
  if (begin < block.shared || begin + bytes > block.shared + arena::window_bytes)
    fail("%s at %s: the address is not in this block's shared memory", operation, place(site).c_str());
}

}  // namespace segpref::simt
