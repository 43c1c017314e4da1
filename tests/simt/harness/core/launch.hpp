// Runs one kernel launch to its end, or throws Error.
#pragma once

#include <cstddef>

#include "tests/simt/harness/core/block.hpp"

namespace segpref::simt {

struct Launch {
  Index3 grid, block;
  std::size_t dynamic_shared_bytes = 0;
  const void* kernel = nullptr;              ///< for its name in messages
  void (*call)(const void* arguments) = nullptr;  ///< what every thread does
  const void* arguments = nullptr;
  std::size_t arguments_bytes = 0;
};

void run_launch(const Launch& launch);

/// Launches are numbered within a test, and the number and the seed decide what is random: so a test repeats alone what it did among others.
void begin_test();

}  // namespace segpref::simt
