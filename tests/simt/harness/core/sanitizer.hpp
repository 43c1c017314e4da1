// AddressSanitizer's interface where the harness is built with it, nothing elsewhere.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define SEGPREF_SIMT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SEGPREF_SIMT_ASAN 1
#endif
#endif

#ifdef SEGPREF_SIMT_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#include <cstddef>

namespace segpref::simt {

/// Accesses to the range are errors from now on.
inline void forbid([[maybe_unused]] const void* begin, [[maybe_unused]] std::size_t bytes) {
#ifdef SEGPREF_SIMT_ASAN
  ASAN_POISON_MEMORY_REGION(begin, bytes);
#endif
}

inline void permit([[maybe_unused]] const void* begin, [[maybe_unused]] std::size_t bytes) {
#ifdef SEGPREF_SIMT_ASAN
  ASAN_UNPOISON_MEMORY_REGION(begin, bytes);
#endif
}

}  // namespace segpref::simt
