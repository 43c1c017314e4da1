#include "tests/simt/harness/core/memory_check.hpp"

#include <map>
#include <string>

#include "tests/simt/harness/core/access_history.hpp"
#include "tests/simt/harness/core/arena.hpp"
#include "tests/simt/harness/core/machine.hpp"

extern "C" char __executable_start, end;  // the linker's: the program's image

namespace segpref::simt {
namespace {

bool is_enabled = false;
std::map<const void*, ReleaseList> releases;  // of the current launch, by address

/// Where an access stands in the source, looked up only when it is an error.
struct Place {
  const Site* site = nullptr;
  const void* program_counter = nullptr;
  const char* operation = nullptr;  // of the host

  std::string text() const { return operation != nullptr ? operation : site != nullptr ? place(*site) : place_of_code(program_counter); }
};

const char* name_of(Access access) { return access == Access::read ? "read" : access == Access::write ? "write" : "atomic operation"; }
const char* memory_name(std::size_t offset) { return arena::is_shared(offset) ? "shared" : "global"; }

AccessHistory& history_of(std::size_t offset) {
  static auto* histories = reinterpret_cast<AccessHistory*>(reserve_memory(arena::arena_bytes * sizeof(AccessHistory)));
  return histories[offset];
}

/// Memory that is no device memory but belongs to a thread: its stack, the launch's arguments, constants of the program.
bool is_private(const Machine& m, const void* p) {
  const auto* arguments = static_cast<const char*>(m.launch->arguments);
  return m.is_stack(p) || (p >= &__executable_start && p < &end) || (p >= arguments && p < arguments + m.launch->arguments_bytes);
}

void check_state(std::size_t offset, std::size_t bytes, Access access, const Place& where) {
  switch (arena::state(offset)) {
    case ByteState::initialised: return;
    case ByteState::unmapped:
      fail("out-of-bounds %s of %zu bytes in %s memory at %s", name_of(access), bytes, memory_name(offset), where.text().c_str());
    case ByteState::copy_in_flight:
      fail("%s of shared memory that an asynchronous copy still writes, at %s: a wait or a barrier is missing", name_of(access), where.text().c_str());
    case ByteState::uninitialised:
      if (access == Access::write) return;
      fail("%s of uninitialised %s memory at %s", name_of(access), memory_name(offset), where.text().c_str());
  }
}

[[noreturn]] void report_race(const View& view, std::size_t offset, Access access, const char* earlier, const Event& other, const Place& where) {
  const char* whose = other.block == view.block() ? "of this block" : is_of_this_launch(other.block) ? "of another block" : "of another launch or copy";
  fail("data race in %s memory at %s: this %s and an earlier %s by thread %d %s are not ordered", memory_name(offset), where.text().c_str(), name_of(access),
       earlier, other.thread, whose);
}

void check_races(const View& view, std::size_t offset, Access access, const Place& where) {
  const bool is_shared = arena::is_shared(offset);
  AccessHistory& history = history_of(offset);
  const auto check_set = [&](const AccessSet& set, const char* earlier) {
    if (const auto other = set.find_unordered(view, is_shared)) report_race(view, offset, access, earlier, *other, where);
  };
  if (!is_ordered(history.last_write, view, is_shared)) report_race(view, offset, access, "write", history.last_write, where);
  if (access != Access::atomic) check_set(history.atomics, "atomic operation");
  if (access != Access::read) check_set(history.reads, "read");
  switch (access) {
    case Access::read: history.reads.add(view, is_shared); break;
    case Access::atomic: history.atomics.add(view, is_shared); break;
    case Access::write:
      history.last_write = view.now();
      history.reads.clear();
      history.atomics.clear();
  }
}

void check_bytes(const void* p, std::size_t bytes, Access access, const Place& where) {
  Machine& m = machine();
  if (!arena::contains(p)) {
    if (is_private(m, p)) return;
    fail("%s of %zu bytes at %p, which is not device memory (a host pointer, or a wild one), at %s", name_of(access), bytes, p, where.text().c_str());
  }
  ++statistics().memory_accesses;
  const std::size_t begin = arena::offset_of(p);
  for (std::size_t offset = begin; offset < begin + bytes; ++offset) {
    check_state(offset, bytes, access, where);
    check_races(m.thread->view, offset, access, where);
  }
  if (access != Access::read) arena::set_state(p, bytes, ByteState::initialised);
}

/// An atomic operation sees what was released through its address; after a fence it releases what its thread has seen.
void order_by_atomic(const void* p) {
  Thread& thread = *machine().thread;
  ReleaseList& list = releases[p];
  if (list.size() > 0) thread.view.acquire(list);
  if (!thread.has_fenced) return;
  list.add(thread.view);
  thread.view.end_clock();
}

}  // namespace

bool checks_memory() { return is_enabled; }
void enable_memory_checks() { is_enabled = true; }
void forget_releases() { releases.clear(); }
void fence() { machine().thread->has_fenced = true; }

void check_access(const void* p, std::size_t bytes, Access access, const void* program_counter) {
  Machine& m = machine();
  if (m.in_harness || m.thread == nullptr || bytes == 0) return;
  const InHarness guard;
  if (m.preempt > 0 && !m.is_stack(p) && m.random.chance(m.preempt)) {
    m.scheduler.add(m.thread);
    reschedule();
  }
  check_bytes(p, bytes, access, {nullptr, program_counter, nullptr});
}

void check_transfer(const void* p, std::size_t bytes, Access access, const char* what) {
  if (!checks_memory()) return;
  begin_launch_order();
  View view;
  view.start(take_block_serial(), 0);
  const std::size_t begin = arena::offset_of(p);
  for (std::size_t offset = begin; offset < begin + bytes; ++offset) {
    check_state(offset, bytes, access, {nullptr, nullptr, what});
    check_races(view, offset, access, {nullptr, nullptr, what});
  }
}

void check_aligned_access(const void* p, std::size_t bytes, Access access, const void* program_counter) {
  const Machine& m = machine();
  if (m.in_harness || m.thread == nullptr) return;
  const std::size_t alignment = bytes < 8 ? bytes : 8;
  if (const InHarness guard; reinterpret_cast<std::size_t>(p) % alignment != 0)
    fail("misaligned %s of %zu bytes at %s", name_of(access), bytes, place_of_code(program_counter).c_str());
  check_access(p, bytes, access, program_counter);
}

void note_access(const void* p, std::size_t bytes, Access access, Site site) {
  const InHarness guard;
  if (reinterpret_cast<std::size_t>(p) % bytes != 0) fail("misaligned %s of %zu bytes at %s", name_of(access), bytes, place(site).c_str());
  if (checks_memory()) check_bytes(p, bytes, access, {&site, nullptr, nullptr});
}

void atomic_update(void* p, std::size_t bytes, void (*update)(void* p, void* argument), void* argument, Site site) {
  const InHarness guard;
  note_access(p, bytes, Access::atomic, site);
  if (checks_memory()) order_by_atomic(p);
  update(p, argument);
}

}  // namespace segpref::simt
