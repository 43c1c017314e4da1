// Which pairs, segments and steps a tile of the resident kernel has, and their features. Every segment has the same number of rows, whatever its
// length: a pair's place depends on capacities alone, and rows behind a short segment's end are zeros.
#pragma once

#include "kernels/cuda/preference_loss/pair_access.cuh"
#include "kernels/cuda/primitives/warp_sum_each.cuh"
#include "kernels/cuda/reward_mlp/feature_access.cuh"
#include "kernels/cuda/reward_mlp/resident_config.cuh"
#include "kernels/cuda/reward_mlp/resident_params.hpp"

namespace segpref::cuda {

template <class Tile>
class ResidentRows {
  using Operands = typename Tile::Operands;
  using Pair = typename Operands::Pair;
  using Storage = typename Tile::SharedStorage;

 public:
  SEGPREF_DEVICE ResidentRows(const MlpResidentParams& p, std::int64_t member, Storage& shared)
      : p_(p), member_(member), shared_(shared) {}

  SEGPREF_DEVICE std::int64_t first_pair(std::int64_t tile) const { return tile * p_.grid.pairs_per_tile; }
  SEGPREF_DEVICE int num_pairs(std::int64_t tile) const {
    return static_cast<int>(smaller(larger(p_.pairs.batch.num_batch_pairs - first_pair(tile), std::int64_t{0}), std::int64_t{p_.grid.pairs_per_tile}));
  }
  /// Rows up to the last slot of the tile, in whole tiles of sums.
  SEGPREF_DEVICE int num_rows(std::int64_t tile) const { return (2 * num_pairs(tile) * p_.grid.segment_rows + SumsTile::side - 1) / SumsTile::side * SumsTile::side; }

  /// Once per block; a barrier follows.
  SEGPREF_DEVICE void number_rows() const {
    const auto row = static_cast<int>(threadIdx.x);
    if (row >= Tile::rows) return;
    shared_.slot_of_row[row] = row / p_.grid.segment_rows;
    shared_.step_in_slot[row] = row % p_.grid.segment_rows;
  }

  /// A thread per segment, so that the way from the batch to a pair, a segment and its offsets is long once; a barrier follows.
  SEGPREF_DEVICE void place(std::int64_t tile) const {
    const int slot = opaque_thread();
    if (slot >= Tile::most_slots) return;
    const kernels::Batch& batch = p_.pairs.batch;
    std::int64_t begin = 0, length = 0;
    if (slot / 2 < num_pairs(tile)) {
      const std::int64_t pair = batch.pair_at(member_, first_pair(tile) + slot / 2), segment = batch.segment_of(pair, slot % 2);
      begin = batch.segment_begin(segment);
      length = batch.segment_end(segment) - begin;
      if (slot % 2 == 0) {
        const PairInput in = load_pair(batch, member_, pair);
        shared_.labels[slot / 2] = in.label;
        shared_.weights_of_pairs[slot / 2] = in.weight;
        shared_.margins[slot / 2] = in.margin;
      }
    }
    shared_.slot_begin[slot] = begin;
    shared_.slot_length[slot] = static_cast<int>(smaller(length, std::int64_t{p_.grid.segment_rows}));
    shared_.slot_trace[slot] = length > p_.grid.segment_rows ? NAN : 0.0f;
  }

  /// Features of all rows, as operands; steps and traces of rows. A barrier comes before and follows.
  SEGPREF_DEVICE void load_features() const {
    switch (p_.features.dtype) {
      case DType::f64: return load_as<double>();
      case DType::bf16: return load_as<bf16>();
      case DType::f16: return load_as<f16>();
      default: return load_as<float>();
    }
  }

 private:
  static constexpr int rows_of_warp = Tile::rows / Tile::num_warps;  ///< all of them at once: the block waits for memory once
  static_assert(Tile::width == 2 * threads_per_warp, "a lane has two neighbouring columns");

  template <typename Feature>
  SEGPREF_DEVICE void load_as() const {
    const int warp = warp_of_thread(), lane = opaque_lane(), column = 2 * lane;
    const FeatureColumn<Feature> columns[2] = {{p_.features, p_.shape.width[0], column}, {p_.features, p_.shape.width[0], column + 1}};
    float x[rows_of_warp][2], traces[rows_of_warp];
    SEGPREF_UNROLL
    for (int i = 0; i < rows_of_warp; ++i) {
      const int row = warp + i * Tile::num_warps, slot = shared_.slot_of_row[row], step_in_slot = shared_.step_in_slot[row];
      const std::int64_t step = shared_.slot_begin[slot] + step_in_slot;
      const bool is_present = step_in_slot < shared_.slot_length[slot];
      SEGPREF_UNROLL
      for (int k = 0; k < 2; ++k) x[i][k] = is_present ? columns[k].at(step) : 0.0f;
      traces[i] = 0.0f * x[i][0] + 0.0f * x[i][1];
      if (lane == 0) shared_.steps[row] = step;
    }
    SEGPREF_UNROLL
    for (int i = 0; i < rows_of_warp; ++i) {
      const int row = warp + i * Tile::num_warps;
      if (p_.features.mean != nullptr && shared_.step_in_slot[row] < shared_.slot_length[shared_.slot_of_row[row]]) {
        SEGPREF_UNROLL
        for (int k = 0; k < 2; ++k) x[i][k] = columns[k].standardised(x[i][k]);
      }
      const Pair pair = Operands::round_pair(x[i][0], x[i][1]);
      *reinterpret_cast<Pair*>(shared_.tiles[0] + Tile::Layout::index(row, column)) = pair;
    }
    constexpr int lanes_per_row = threads_per_warp / rows_of_warp;
    const float trace = warp_sum_each(traces);
    if (lane % lanes_per_row == 0) shared_.row_trace[warp + lane / lanes_per_row * Tile::num_warps] = trace;
  }

  const MlpResidentParams& p_;
  std::int64_t member_;
  Storage& shared_;
};

}  // namespace segpref::cuda
