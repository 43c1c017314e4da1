// Check mode. Kernels are compiled with -fsanitize=thread, which makes the compiler report every load and store by a call; but not
// ThreadSanitizer's library is linked: these functions are, and they hand the reports to the harness. Linked into check-mode programs only.
#include <cstddef>
#include <cstdint>

#include "tests/simt/harness/core/memory_check.hpp"

using segpref::simt::Access;
using segpref::simt::check_access;
using segpref::simt::check_aligned_access;

// memcpy and its like are calls to the C library for some compilers and sizes: the linker leads them here (--wrap).
extern "C" {
void* __real_memcpy(void* to, const void* from, std::size_t bytes);
void* __real_memmove(void* to, const void* from, std::size_t bytes);
void* __real_memset(void* to, int value, std::size_t bytes);
}

#define SEGPREF_HERE __builtin_return_address(0)

#define SEGPREF_HOOKS_OF_SIZE(bytes)                                                                            \
  void __tsan_read##bytes(void* p) { check_aligned_access(p, bytes, Access::read, SEGPREF_HERE); }              \
  void __tsan_write##bytes(void* p) { check_aligned_access(p, bytes, Access::write, SEGPREF_HERE); }            \
  void __tsan_volatile_read##bytes(void* p) { check_aligned_access(p, bytes, Access::read, SEGPREF_HERE); }     \
  void __tsan_volatile_write##bytes(void* p) { check_aligned_access(p, bytes, Access::write, SEGPREF_HERE); }   \
  void __tsan_read_write##bytes(void* p) {                                                                      \
    check_aligned_access(p, bytes, Access::read, SEGPREF_HERE);                                                 \
    check_aligned_access(p, bytes, Access::write, SEGPREF_HERE);                                                \
  }                                                                                                             \
  void __tsan_unaligned_read##bytes(void* p) { check_access(p, bytes, Access::read, SEGPREF_HERE); }            \
  void __tsan_unaligned_write##bytes(void* p) { check_access(p, bytes, Access::write, SEGPREF_HERE); }          \
  void __tsan_unaligned_volatile_read##bytes(void* p) { check_access(p, bytes, Access::read, SEGPREF_HERE); }   \
  void __tsan_unaligned_volatile_write##bytes(void* p) { check_access(p, bytes, Access::write, SEGPREF_HERE); } \
  void __tsan_unaligned_read_write##bytes(void* p) {                                                            \
    check_access(p, bytes, Access::read, SEGPREF_HERE);                                                         \
    check_access(p, bytes, Access::write, SEGPREF_HERE);                                                        \
  }

extern "C" {

SEGPREF_HOOKS_OF_SIZE(1)
SEGPREF_HOOKS_OF_SIZE(2)
SEGPREF_HOOKS_OF_SIZE(4)
SEGPREF_HOOKS_OF_SIZE(8)
SEGPREF_HOOKS_OF_SIZE(16)

void __tsan_read_range(void* p, unsigned long bytes) { check_access(p, bytes, Access::read, SEGPREF_HERE); }
void __tsan_write_range(void* p, unsigned long bytes) { check_access(p, bytes, Access::write, SEGPREF_HERE); }

void __tsan_init() { segpref::simt::enable_memory_checks(); }
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}

void* __wrap_memcpy(void* to, const void* from, std::size_t bytes) {
  check_access(from, bytes, Access::read, SEGPREF_HERE);
  check_access(to, bytes, Access::write, SEGPREF_HERE);
  return __real_memcpy(to, from, bytes);
}
void* __wrap_memmove(void* to, const void* from, std::size_t bytes) {
  check_access(from, bytes, Access::read, SEGPREF_HERE);
  check_access(to, bytes, Access::write, SEGPREF_HERE);
  return __real_memmove(to, from, bytes);
}
void* __wrap_memset(void* to, int value, std::size_t bytes) {
  check_access(to, bytes, Access::write, SEGPREF_HERE);
  return __real_memset(to, value, bytes);
}

// What clang calls instead.
void* __tsan_memcpy(void* to, const void* from, std::size_t bytes) {
  check_access(from, bytes, Access::read, SEGPREF_HERE);
  check_access(to, bytes, Access::write, SEGPREF_HERE);
  return __real_memcpy(to, from, bytes);
}
void* __tsan_memmove(void* to, const void* from, std::size_t bytes) {
  check_access(from, bytes, Access::read, SEGPREF_HERE);
  check_access(to, bytes, Access::write, SEGPREF_HERE);
  return __real_memmove(to, from, bytes);
}
void* __tsan_memset(void* to, int value, std::size_t bytes) {
  check_access(to, bytes, Access::write, SEGPREF_HERE);
  return __real_memset(to, value, bytes);
}

// std::atomic and guards of local statics, in the tests around the kernels.
#define SEGPREF_ATOMICS_OF_SIZE(bits, Integer)                                                                                        \
  Integer __tsan_atomic##bits##_load(const volatile Integer* p, int) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }                 \
  void __tsan_atomic##bits##_store(volatile Integer* p, Integer v, int) { __atomic_store_n(p, v, __ATOMIC_SEQ_CST); }                 \
  Integer __tsan_atomic##bits##_exchange(volatile Integer* p, Integer v, int) { return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST); } \
  Integer __tsan_atomic##bits##_fetch_add(volatile Integer* p, Integer v, int) { return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST); } \
  Integer __tsan_atomic##bits##_fetch_sub(volatile Integer* p, Integer v, int) { return __atomic_fetch_sub(p, v, __ATOMIC_SEQ_CST); } \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile Integer* p, Integer* expected, Integer v, int, int) {                    \
    return __atomic_compare_exchange_n(p, expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                                    \
  }
SEGPREF_ATOMICS_OF_SIZE(8, std::uint8_t)
SEGPREF_ATOMICS_OF_SIZE(32, std::uint32_t)
SEGPREF_ATOMICS_OF_SIZE(64, std::uint64_t)

}  // extern "C"
