// Check mode: what every load and store of a kernel must obey.
#pragma once

#include <cstddef>

#include "tests/simt/harness/core/device_calls.hpp"

namespace segpref::simt {

/// Called once by an object that the compiler instrumented: check mode is on.
void enable_memory_checks();

/// One access that the compiler reported; `program_counter` says where.
void check_access(const void* p, std::size_t bytes, Access access, const void* program_counter);
/// One of a type that has its natural alignment (up to 8 bytes: compilers do not tell more).
void check_aligned_access(const void* p, std::size_t bytes, Access access, const void* program_counter);

/// An access of an operation of a stream that is no kernel: a copy, a fill, a release. `what` names it.
void check_transfer(const void* p, std::size_t bytes, Access access, const char* what);

}  // namespace segpref::simt
