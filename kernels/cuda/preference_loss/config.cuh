// Tile numbers of this family. None was measured on a GPU yet.
#pragma once

#include "kernels/cuda/preference_loss/params.hpp"
#include "kernels/cuda/primitives/thread.cuh"

namespace segpref::cuda {

/// One thread per pair.
struct PairTile {
  static constexpr int num_threads = 128;
  static constexpr int least_blocks = 4;  ///< per multiprocessor; without it the compiler aims at full occupancy, and spills
  static constexpr int num_warps = num_threads / threads_per_warp;
};

/// One warp per member at a time, one block in all: the order of members is kept.
struct PairSumsTile {
  static constexpr int num_threads = 256;
  static constexpr int num_warps = num_threads / threads_per_warp;
  static constexpr int max_members = 32;
};

}  // namespace segpref::cuda
