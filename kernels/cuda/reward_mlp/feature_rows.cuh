// Features of a tile's rows, from one tensor or two, of any element type, into shared memory as operands.
#pragma once

#include "kernels/cuda/primitives/fast_divide.cuh"
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

  /// A warp takes whole rows, always the same ones. steps gets their steps; row_values gets 0, or NaN where a feature is not finite: a reward takes it
  /// along, because an activation may turn an infinite feature into a finite reward, and nobody would notice.
  SEGPREF_DEVICE void load(int first_column, int num_columns, typename Tile::SharedStorage& shared) const {
    switch (rows_.dtype) {
      case DType::f64: return load_as<double>(first_column, num_columns, shared);
      case DType::bf16: return load_as<bf16>(first_column, num_columns, shared);
      case DType::f16: return load_as<f16>(first_column, num_columns, shared);
      default: return load_as<float>(first_column, num_columns, shared);
    }
  }

 private:
  static constexpr int rows_of_warp = Tile::rows / Tile::num_warps, rows_at_once = rows_of_warp < 4 ? rows_of_warp : 4;  ///< so many loads are on their way
  static_assert(Tile::rows % (Tile::num_warps * rows_at_once) == 0);

  /// Two neighbouring columns per lane of some rows at a time. Rolled loops around it: unrolled ones take more registers than there are.
  template <typename Feature>
  SEGPREF_DEVICE void load_as(int first_column, int num_columns, typename Tile::SharedStorage& shared) const {
    SEGPREF_UNROLL_BY(1)
    for (int lane_0_column = 0; lane_0_column < num_columns; lane_0_column += 2 * threads_per_warp) {
      const int column = lane_0_column + 2 * lane_of_thread();
      SEGPREF_UNROLL_BY(1)
      for (int first_row = warp_of_thread(); first_row < Tile::rows; first_row += Tile::num_warps * rows_at_once) {
        std::int64_t steps[rows_at_once];
        float x[rows_at_once][2];
        SEGPREF_UNROLL
        for (int i = 0; i < rows_at_once; ++i) steps[i] = step_of(first_row + i * Tile::num_warps);
        SEGPREF_UNROLL
        for (int i = 0; i < rows_at_once; ++i)
          SEGPREF_UNROLL
          for (int k = 0; k < 2; ++k) x[i][k] = column < num_columns && first_row + i * Tile::num_warps < place_.num_rows ? feature_at<Feature>(steps[i], first_column + column + k) : 0.0f;
        SEGPREF_UNROLL
        for (int i = 0; i < rows_at_once; ++i) {
          const int row = first_row + i * Tile::num_warps;
          const float trace = warp_sum(0.0f * x[i][0] + 0.0f * x[i][1]);
          if (column < num_columns) store(row, first_column, column, x[i], shared);
          if (lane_of_thread() != 0) continue;
          shared.row_values[row] = first_column + lane_0_column == 0 ? trace : shared.row_values[row] + trace;
          shared.steps[row] = steps[i];
        }
      }
    }
  }

  SEGPREF_DEVICE std::int64_t step_of(int row) const { return row < place_.num_rows ? rows_.step_of(place_.member, place_.first_row + row) : 0; }

  template <typename Feature>
  SEGPREF_DEVICE float feature_at(std::int64_t step, int feature) const {
    if (feature >= feature_dim_) return 0.0f;
    const bool is_first = feature < rows_.first_dim;
    const Feature* const row = static_cast<const Feature*>(is_first ? rows_.first : rows_.second) + step * (is_first ? rows_.first_stride : rows_.second_stride);
    return static_cast<float>(widen(row[is_first ? feature : feature - rows_.first_dim]));
  }

  SEGPREF_DEVICE void store(int row, int first_column, int column, const float (&x)[2], typename Tile::SharedStorage& shared) const {
    const bool is_row = row < place_.num_rows;
    float standardised[2];
    SEGPREF_UNROLL
    for (int k = 0; k < 2; ++k) {
      const int feature = first_column + column + k;
      standardised[k] = is_row && rows_.mean != nullptr && feature < feature_dim_ ? fast_divide(x[k] - rows_.mean[feature], rows_.std[feature]) : x[k];
    }
    const Pair pair = Operands::round_pair(standardised[0], standardised[1]);
    *reinterpret_cast<Pair*>(shared.tile + Tile::Layout::index(row, column)) = pair;
    if (kept_ != nullptr && is_row) *reinterpret_cast<Pair*>(kept_ + std::int64_t{row} * kept_stride_ + first_column + column) = pair;
  }

  int feature_dim_, kept_stride_;
  const MlpRows& rows_;
  const TileRows& place_;
  Element* kept_;
};

}  // namespace segpref::cuda
