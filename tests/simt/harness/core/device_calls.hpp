// What the device functions of the harness are made of: the interface between the headers that kernels see and the machine that runs them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tests/simt/harness/core/block.hpp"
#include "tests/simt/harness/core/options.hpp"

namespace segpref::simt {

/// Stops the launch with an Error that names kernel, block and thread.
[[noreturn]] void fail(const char* format, ...) __attribute__((format(printf, 1, 2)));

// Where a thread is.
struct BuiltinIndices {
  Index3 thread, block, block_dim, grid_dim;
};
extern BuiltinIndices builtin_indices;
int current_lane();

// Barriers. All live threads of the block come to a block barrier, at one place of the source; returns the sum of their predicates.
int block_barrier(int predicate, Site site);
/// A barrier of `num_threads` threads (whole warps). `arrive` goes on at once: what the thread did before is ordered before what those who wait do after.
void named_barrier_wait(int barrier, int num_threads, Site site);
void named_barrier_arrive(int barrier, int num_threads, Site site);

// Warps. The live lanes of the mask come together, `combine` runs once, all go on.
enum class WarpRule : std::uint8_t {
  plain,          ///< shuffles and votes: exchange values, order nothing
  orders_memory,  ///< __syncwarp
  whole_warp,     ///< matrix operations: undefined unless all 32 lanes are there
};
void warp_operation(std::uint32_t mask, const char* name, WarpRule rule, Site site, void* argument, Combine combine);

// Memory.
enum class Access : std::uint8_t { read, write, atomic };
/// An access that the harness makes for the thread (the compiler reports the others).
void note_access(const void* p, std::size_t bytes, Access access, Site site);
/// Runs update(p, argument) as one atomic operation.
void atomic_update(void* p, std::size_t bytes, void (*update)(void* p, void* argument), void* argument, Site site);
void fence();

// Shared memory. A variable is known by the address of its tag.
void* dynamic_shared(std::size_t bytes);
void* shared_variable(const void* tag, std::size_t bytes, std::size_t alignment);
void require_shared(const void* p, std::size_t bytes, const char* operation, Site site);

// Asynchronous copies to shared memory; bytes beyond source_bytes become zero.
void copy_async(void* to, const void* from, std::size_t bytes, std::size_t source_bytes, Site site);
void copy_async_commit();
void copy_async_wait(int groups_in_flight);

}  // namespace segpref::simt
