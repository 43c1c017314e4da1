// Which rows a block of the chain kernels has.
#pragma once

#include "kernels/cuda/primitives/thread.cuh"
#include "kernels/cuda/reward_mlp/params.hpp"

namespace segpref::cuda {

/// The rows of one tile.
struct TileRows {
  std::int64_t member, first_row;
  int num_rows;  ///< 0: nothing to do

  template <class Tile>
  static SEGPREF_DEVICE TileRows of_block(const MlpRows& rows) {
    const std::int64_t member = blockIdx.y, first_row = std::int64_t{blockIdx.x} * Tile::rows;
    return {member, first_row, static_cast<int>(smaller(larger(rows.num_rows_of(member) - first_row, std::int64_t{0}), std::int64_t{Tile::rows}))};
  }
};

}  // namespace segpref::cuda
