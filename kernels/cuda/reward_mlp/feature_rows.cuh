// Features of a tile's rows, from one tensor or two, of any element type, into shared memory as operands.
#pragma once

#include "kernels/cuda/primitives/warp.cuh"
#include "kernels/cuda/reward_mlp/config.cuh"
#include "kernels/cuda/reward_mlp/params.hpp"
#include "kernels/cuda/reward_mlp/tile_rows.cuh"

namespace segpref::cuda {

/// Loads the padded columns [first_column, first_column + num_columns) of all rows; rows beyond the end and columns beyond the features are zeros.
template <class Tile>
class FeatureLoader {
  using Operands = typename Tile::Operands;
  using Element = typename Tile::Element;
  using Pair = typename Operands::Pair;

 public:
  /// @param kept  where the tile's first row is kept, or null
  SEGPREF_DEVICE FeatureLoader(const MlpShape& shape, const MlpRows& rows, const TileRows& place, Element* kept)
      : feature_dim_(shape.width[0]), kept_stride_(shape.padded_width[0]), rows_(rows), place_(place), kept_(kept) {}

  /// A warp takes whole rows, always the same ones. steps gets their steps; row_values gets 0, or NaN where a feature is not finite: a reward takes it along, because an
  /// activation may turn an infinite feature into a finite reward, and nobody would notice.
  SEGPREF_DEVICE void load(int first_column, int num_columns, typename Tile::SharedStorage& shared) const {
    switch (rows_.dtype) {
      case DType::f64: return load_as<double>(first_column, num_columns, shared);
      case DType::bf16: return load_as<bf16>(first_column, num_columns, shared);
      case DType::f16: return load_as<f16>(first_column, num_columns, shared);
      default: return load_as<float>(first_column, num_columns, shared);
    }
  }

 private:
  template <typename Feature>
  SEGPREF_DEVICE void load_as(int first_column, int num_columns, typename Tile::SharedStorage& shared) const {
    const int lane = lane_of_thread();
    SEGPREF_UNROLL_BY(4)
    for (int row = warp_of_thread(); row < Tile::rows; row += Tile::num_warps) {
      const bool is_row = row < place_.num_rows;
      const std::int64_t step = is_row ? rows_.step_of(place_.member, place_.first_row + row) : 0;
      const Feature* const first = static_cast<const Feature*>(rows_.first) + step * rows_.first_stride;
      const Feature* const second = static_cast<const Feature*>(rows_.second) + step * rows_.second_stride;
      float trace = 0.0f;
      for (int column = 2 * lane; column < num_columns; column += 2 * threads_per_warp) {
        float x[2] = {0.0f, 0.0f};
        SEGPREF_UNROLL
        for (int i = 0; i < 2; ++i) {
          const int feature = first_column + column + i;
          if (!is_row || feature >= feature_dim_) continue;
          x[i] = static_cast<float>(widen(feature < rows_.first_dim ? first[feature] : second[feature - rows_.first_dim]));
          trace += 0.0f * x[i];
          if (rows_.mean != nullptr) x[i] = divide(x[i] - rows_.mean[feature], rows_.std[feature]);
        }
        const Pair pair = Operands::round_pair(x[0], x[1]);
        *reinterpret_cast<Pair*>(shared.tile + Tile::Layout::index(row, column)) = pair;
        if (kept_ != nullptr && is_row) *reinterpret_cast<Pair*>(kept_ + std::int64_t{row} * kept_stride_ + first_column + column) = pair;
      }
      trace = warp_sum(trace);
      if (lane != 0) continue;
      shared.row_values[row] = first_column == 0 ? trace : shared.row_values[row] + trace;
      shared.steps[row] = step;
    }
  }

  int feature_dim_, kept_stride_;
  const MlpRows& rows_;
  const TileRows& place_;
  Element* kept_;
};

}  // namespace segpref::cuda
