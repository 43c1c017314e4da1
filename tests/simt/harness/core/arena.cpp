#include "tests/simt/harness/core/arena.hpp"

#include <sys/mman.h>

#include <cstring>
#include <map>
#include <string>

#include "tests/simt/harness/core/options.hpp"
#include "tests/simt/harness/core/sanitizer.hpp"

namespace segpref::simt {

std::byte* reserve_memory(std::size_t bytes) {
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) throw Error("the harness cannot reserve " + std::to_string(bytes) + " bytes of addresses");
  return static_cast<std::byte*>(p);
}

namespace arena {
namespace {

struct Arena {
  std::byte* begin = reserve_memory(arena_bytes);
  std::byte* states = checks_memory() ? reserve_memory(arena_bytes) : nullptr;
  std::size_t next_free = shared_bytes;
  std::map<const std::byte*, std::size_t> buffers;  // begin -> bytes

  Arena() { forbid(begin, arena_bytes); }
};

Arena& instance() {
  static Arena arena;
  return arena;
}

}  // namespace

std::size_t offset_of(const void* p) { return static_cast<std::size_t>(static_cast<const std::byte*>(p) - instance().begin); }
bool contains(const void* p) { return offset_of(p) < arena_bytes; }
std::byte* at(std::size_t offset) { return instance().begin + offset; }
ByteState state(std::size_t offset) { return static_cast<ByteState>(instance().states[offset]); }

void set_state(const void* p, std::size_t bytes, ByteState state) {
  if (state == ByteState::unmapped) forbid(p, bytes);
  else permit(p, bytes);
  if (instance().states != nullptr) std::memset(instance().states + offset_of(p), static_cast<int>(state), bytes);
}

void* allocate(std::size_t bytes, ByteState initial) {
  Arena& a = instance();
  if (a.buffers.empty()) a.next_free = shared_bytes;
  constexpr std::size_t alignment = 256;
  const std::size_t begin = (a.next_free + gap_bytes + alignment - 1) / alignment * alignment;
  if (begin + bytes + gap_bytes > arena_bytes) throw Error("the modelled device has no " + std::to_string(bytes) + " bytes left");
  a.next_free = begin + bytes;
  std::byte* p = a.begin + begin;
  a.buffers[p] = bytes;
  permit(p, bytes);
  std::memset(p, poison_byte, bytes);
  set_state(p, bytes, initial);
  return p;
}

std::size_t bytes_left() {
  const Arena& a = instance();
  const std::size_t begin = (a.buffers.empty() ? shared_bytes : a.next_free) + 2 * gap_bytes;  // with what alignment takes
  return begin + gap_bytes < arena_bytes ? arena_bytes - begin - gap_bytes : 0;
}

void release(void* p) {
  Arena& a = instance();
  const auto found = a.buffers.find(static_cast<std::byte*>(p));
  if (found == a.buffers.end()) throw Error("memory is freed that is not allocated, or freed twice");
  permit(p, found->second);
  std::memset(p, poison_byte, found->second);
  set_state(p, found->second, ByteState::unmapped);
  a.buffers.erase(found);
}

std::size_t bytes_of_buffer(const void* p) {
  const auto found = instance().buffers.find(static_cast<const std::byte*>(p));
  return found == instance().buffers.end() ? 0 : found->second;
}

bool is_device_range(const void* p, std::size_t bytes) {
  const Arena& a = instance();
  const auto* begin = static_cast<const std::byte*>(p);
  auto found = a.buffers.upper_bound(begin);
  if (found == a.buffers.begin()) return false;
  --found;
  return begin + bytes <= found->first + found->second;
}

void write_from_host(void* device, const void* host, std::size_t bytes) {
  set_state(device, bytes, ByteState::initialised);
  std::memcpy(device, host, bytes);
}

void read_to_host(void* host, const void* device, std::size_t bytes) {
  if (instance().states != nullptr)
    for (std::size_t i = 0; i < bytes; ++i)
      if (state(offset_of(device) + i) == ByteState::uninitialised)
        throw Error("the host reads device memory that nobody wrote: byte " + std::to_string(i) + " of " + std::to_string(bytes));
  std::memcpy(host, device, bytes);
}

}  // namespace arena
}  // namespace segpref::simt
