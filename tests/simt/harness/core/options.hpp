// What one run of the harness is told: by the environment, or by a test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <source_location>
#include <stdexcept>

namespace segpref::simt {

/// A rule of the CUDA programming model that a kernel or its caller broke. The text names kernel, block, thread, source line and seed.
class Error : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Where in a kernel something was called. Default arguments of the device functions fill it in.
using Site = std::source_location;

/// Which of several runnable threads goes first.
enum class Order : std::uint8_t { random, forward, reverse };

struct Options {
  std::uint64_t seed = 1;       ///< SEGPREF_SIMT_SEED: everything random follows from it
  Order order = Order::random;  ///< SEGPREF_SIMT_ORDER: random, forward or reverse, of blocks and of threads
  double preempt = -1;          ///< SEGPREF_SIMT_PREEMPT, check mode: chance of a switch at a memory access; -1: the seed decides
};

/// Read from the environment once; tests may change it between launches.
Options& options();

/// Counts since the start of the process, for tests of the harness and for curiosity.
struct Statistics {
  std::uint64_t launches = 0, blocks = 0, threads = 0, switches = 0, block_barriers = 0, warp_operations = 0;
  std::uint64_t memory_accesses = 0;  ///< of kernels to device memory; check mode only
};
Statistics& statistics();

/// True in check mode: every load and store of the kernels is looked at.
bool checks_memory();

/// Limits of the modelled device: what sm_90 and sm_100 give one block.
inline constexpr std::size_t max_shared_bytes = 227 * 1024;
inline constexpr std::size_t max_static_shared_bytes = 48 * 1024;
inline constexpr int max_threads_per_block = 1024;
inline constexpr int warp_size = 32;
inline constexpr int max_warps_per_block = max_threads_per_block / warp_size;

}  // namespace segpref::simt
