// Tiles of segment_reduce, one per regime of lengths. Not measured yet: counts of threads are the usual first choice.
#pragma once

#include "kernels/cuda/primitives/thread.cuh"

namespace segpref::cuda {

struct ShortSegmentTile {  // a warp per segment
  static constexpr int num_threads = 256;
  static constexpr int segments_per_block = num_threads / threads_per_warp;
};

struct LongSegmentTile {  // a block per segment
  static constexpr int num_threads = 256;
  static constexpr int segments_per_block = 1;
};

}  // namespace segpref::cuda
