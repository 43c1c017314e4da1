// From the pieces of the reading to the sums of segments, and to scores: S = w . sum + b * coefficient sum, for all members.
//   reads   partial sums, sums and weights once: at most a 32nd of the features' bytes for pieces of 128 rows of bf16; weights come from the caches
//   writes  sums again where there were several pieces or a mean divides them; a dot product per block of columns, member and segment
//   flops   an addition per piece and column, 2 per column and member
//   order   pieces from the last to the first; columns as warp_sum does, then warps, then blocks of columns in float64
// Nothing was measured on a GPU.
#pragma once

#include "kernels/cuda/primitives/shared_memory.cuh"
#include "kernels/cuda/primitives/warp_sum_each.cuh"
#include "kernels/cuda/reward_linear/config.cuh"
#include "kernels/cuda/reward_linear/params.hpp"

namespace segpref::cuda {

/// Grid (blocks of columns x segments).
template <class Tile, typename Real>
__global__ void __launch_bounds__(Tile::num_threads) segment_sums_kernel(const __grid_constant__ LinearScoresParams<Real> p) {
  SEGPREF_SHARED(Real[Tile::num_warps][Tile::max_members], warp_dots);
  // Place: a column of a segment
  const FeatureSegments& segments = p.segments;
  const std::int64_t feature_dim = p.weights.feature_dim, stride = stride_of_sums(feature_dim), num_members = p.weights.num_members;
  const auto column_blocks = static_cast<unsigned>(Tile::column_blocks(feature_dim));
  const std::int64_t segment = blockIdx.x / column_blocks, column_block = blockIdx.x % column_blocks;
  const std::int64_t length = segments.length_of(segment), column = column_block * Tile::num_threads + threadIdx.x;
  if (length == 0 || !segments.is_used(segment)) return;
  const bool is_present = column < feature_dim;

  // Add up the pieces
  Real sum = 0;
  if (is_present) {
    Real* const first_piece = p.sums + segment * stride + column;
    const std::int64_t num_further = segments.num_pieces(segments.num_rows(length)) - 1;
    const bool is_mean = segments.aggregation == Aggregation::mean;
    if (num_further > 0) {
      const Real* const further = p.partial_sums + segments.first_partial_sum(segment) * stride + column;
      SEGPREF_UNROLL_BY(4)
      for (std::int64_t piece = num_further - 1; piece >= 0; --piece) sum += further[piece * stride];
    }
    sum += *first_piece;
    if (is_mean) sum = divide(sum, static_cast<Real>(length));
    if (is_mean || num_further > 0) *first_piece = sum;
  }
  if (column_block == 0 && threadIdx.x == 0) p.sums[segment * stride + feature_dim] = static_cast<Real>(segments.coefficient_sum(length));

  // Dot products, some members side by side: a lane ends with that of one member
  constexpr int lanes_per_member = threads_per_warp / Tile::members_at_once;
  const int lane = lane_of_thread(), warp = warp_of_thread();
  for (std::int64_t first = 0; first < num_members; first += Tile::members_at_once) {
    Real dots[Tile::members_at_once];
    SEGPREF_UNROLL
    for (int i = 0; i < Tile::members_at_once; ++i) dots[i] = is_present && first + i < num_members ? sum * p.weights.weight[(first + i) * feature_dim + column] : Real(0);
    const Real dot = warp_sum_each(dots);
    if (lane % lanes_per_member == 0) warp_dots[warp][first + lane / lanes_per_member] = dot;
  }
  __syncthreads();
  const auto member = static_cast<std::int64_t>(threadIdx.x);
  if (member >= num_members) return;
  Real dot = warp_dots[0][member];
  SEGPREF_UNROLL
  for (int w = 1; w < Tile::num_warps; ++w) dot += warp_dots[w][member];
  p.score_parts[(column_block * num_members + member) * segments.num_segments + segment] = dot;
}

/// Grid (segments, members). An empty segment scores 0 whatever the weights hold.
///   reads   a part per block of columns, coalesced along the segments
/// @param Sums  the tile of segment_sums_kernel
template <class Tile, class Sums, typename Real>
__global__ void __launch_bounds__(Tile::num_threads) linear_scores_kernel(const __grid_constant__ LinearScoresParams<Real> p) {
  const FeatureSegments& segments = p.segments;
  const std::int64_t segment = std::int64_t{blockIdx.x} * Tile::num_threads + threadIdx.x, member = blockIdx.y, feature_dim = p.weights.feature_dim;
  if (segment >= segments.num_segments) return;
  double score = 0;
  if (segments.length_of(segment) > 0 && segments.is_used(segment)) {
    const std::int64_t num_parts = Sums::column_blocks(feature_dim);
    SEGPREF_UNROLL_BY(4)
    for (std::int64_t part = 0; part < num_parts; ++part) score += static_cast<double>(p.score_parts[(part * p.weights.num_members + member) * segments.num_segments + segment]);
    if (p.weights.bias != nullptr)
      score += static_cast<double>(p.weights.bias_of(member)) * static_cast<double>(p.sums[segment * stride_of_sums(feature_dim) + feature_dim]);
  }
  p.scores[member * segments.num_segments + segment] = static_cast<Real>(score);
}

}  // namespace segpref::cuda
