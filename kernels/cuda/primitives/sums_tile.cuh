// A 16x16 tile of f32 sums of one warp, as two 16x8 products of matrix.cuh leave them: values 0 to 3 are columns 0 to 7, values 4 to 7 columns
// 8 to 15. A lane holds four pairs of neighbouring columns.
#pragma once

#include "kernels/cuda/primitives/thread.cuh"

namespace segpref::cuda {

struct SumsTile {
  static constexpr int side = 16, pairs = 4;
  float values[2 * pairs];

  SEGPREF_DEVICE void clear() {
    SEGPREF_UNROLL
    for (float& value : values) value = 0.0f;
  }

  /// Row and first column of this lane's pair `i`, inside the tile. Odd pairs lie 8 rows below the even ones.
  static SEGPREF_DEVICE int row_of(int lane, int i) { return lane / 4 + 8 * (i % 2); }
  static SEGPREF_DEVICE int column_of(int lane, int i) { return lane % 4 * 2 + 8 * (i / 2); }
};

}  // namespace segpref::cuda
