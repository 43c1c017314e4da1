// Asynchronous copies from global to shared memory (cp.async). Nothing arrives before it is waited for: until then the target holds NaN
// patterns and, in check mode, must not be touched.
#include <cstring>

#include "tests/simt/harness/core/arena.hpp"
#include "tests/simt/harness/core/device_calls.hpp"
#include "tests/simt/harness/core/machine.hpp"

namespace segpref::simt {
namespace {

void finish(const std::vector<Copy>& group) {
  for (const Copy& copy : group) {
    if (copy.source_bytes > 0 && std::memcmp(copy.from, copy.source_at_issue.data(), copy.source_bytes) != 0)
      fail("the source of the asynchronous copy at %s changed while it was on its way", place(copy.site).c_str());
    arena::set_state(copy.to, copy.bytes, ByteState::initialised);
    std::memcpy(copy.to, copy.source_at_issue.data(), copy.source_bytes);
    std::memset(copy.to + copy.source_bytes, 0, copy.bytes - copy.source_bytes);
    note_access(copy.to, copy.bytes, Access::write, copy.site);  // what others read is ordered after the wait, not after the issue
  }
}

}  // namespace

void copy_async(void* to, const void* from, std::size_t bytes, std::size_t source_bytes, Site site) {
  const InHarness guard;
  require_shared(to, bytes, "asynchronous copy", site);
  if (reinterpret_cast<std::size_t>(from) % bytes != 0) fail("misaligned source of an asynchronous copy of %zu bytes at %s", bytes, place(site).c_str());
  Copy copy{static_cast<std::byte*>(to), static_cast<const std::byte*>(from), bytes, source_bytes, {}, site};
  for (std::size_t i = 0; i < source_bytes; ++i) note_access(copy.from + i, 1, Access::read, site);
  note_access(to, bytes, Access::write, site);
  if (source_bytes > 0) std::memcpy(copy.source_at_issue.data(), from, source_bytes);
  std::memset(to, poison_byte, bytes);
  arena::set_state(to, bytes, ByteState::copy_in_flight);
  machine().thread->open_copies.push_back(copy);
}

void copy_async_commit() {
  const InHarness guard;
  Thread& thread = *machine().thread;
  thread.committed_copies.push_back(std::move(thread.open_copies));
  thread.open_copies.clear();
}

void copy_async_wait(int groups_in_flight) {
  const InHarness guard;
  auto& groups = machine().thread->committed_copies;
  while (static_cast<int>(groups.size()) > groups_in_flight) {
    finish(groups.front());
    groups.pop_front();
  }
}

}  // namespace segpref::simt
