// Between the shared memory of a chain's block and global memory: vectors in, finished layers out.
#pragma once

#include "kernels/cuda/reward_mlp/config.cuh"

namespace segpref::cuda {

/// Copies the columns of a layer from the tile to an array of rows [.., num_columns], 16 bytes at a time.
template <class Tile>
SEGPREF_DEVICE void store_rows(const typename Tile::SharedStorage& shared, int num_rows, int num_columns, typename Tile::Element* to) {
  const int copies_per_row = num_columns / Tile::elements_per_copy;
  SEGPREF_UNROLL_BY(4)
  for (int i = static_cast<int>(threadIdx.x); i < num_rows * copies_per_row; i += Tile::num_threads) {
    const int row = i / copies_per_row, column = i % copies_per_row * Tile::elements_per_copy;
    *reinterpret_cast<uint4*>(to + std::int64_t{row} * num_columns + column) = *reinterpret_cast<const uint4*>(shared.tile + Tile::Layout::index(row, column));
  }
}

// Vectors, zero beyond the layers' widths. A barrier follows before anyone reads them.

template <class Tile>
SEGPREF_DEVICE void load_biases(const MlpShape& shape, const float* parameters, std::int64_t member, typename Tile::SharedStorage& shared) {
  for (int layer = 0; layer < shape.num_hidden; ++layer)
    for (int unit = static_cast<int>(threadIdx.x); unit < Tile::width; unit += Tile::num_threads)
      shared.bias[layer][unit] = shape.has_bias && unit < shape.width[layer + 1] ? parameters[shape.bias_of(layer, member) + unit] : 0.0f;
}

template <class Tile>
SEGPREF_DEVICE void load_output_weights(const MlpShape& shape, const float* parameters, std::int64_t member, typename Tile::SharedStorage& shared) {
  const int last = shape.num_hidden;
  for (int unit = static_cast<int>(threadIdx.x); unit < Tile::width; unit += Tile::num_threads)
    shared.weight_out[unit] = unit < shape.width[last] ? parameters[shape.weight_of(last, member) + unit] : 0.0f;
}

}  // namespace segpref::cuda
