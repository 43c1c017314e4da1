// Tiles of segment_reduce, one per regime of lengths. Not measured yet: counts of threads are the usual first choice.
#pragma once

#include "kernels/cuda/primitives/thread.cuh"

namespace segpref::cuda {

struct ShortSegmentTile {  // a warp per group of segments
  static constexpr int num_threads = 256;
  static constexpr int least_blocks = 5;          ///< per multiprocessor
  static constexpr int num_warps = num_threads / threads_per_warp;
  static constexpr int segments_per_warp = 4;     ///< 4 segments of 50 f32 steps are 800 bytes in flight per warp, 32 KB per multiprocessor; 8 take twice the registers
  static constexpr int longest_in_group = 256;    ///< steps; a longer segment is read by its warp alone
  static constexpr int segments_per_block = num_warps * segments_per_warp;
};

struct LongSegmentTile {  // a block per segment
  static constexpr int num_threads = 256;
  static constexpr int segments_per_block = 1;
};

}  // namespace segpref::cuda
