// Tile numbers of this family. None was measured on a GPU yet.
#pragma once

#include "kernels/cuda/primitives/thread.cuh"

namespace segpref::cuda {

/// One thread per side or row.
struct BatchRowsTile {
  static constexpr int num_threads = 256;
};

}  // namespace segpref::cuda
