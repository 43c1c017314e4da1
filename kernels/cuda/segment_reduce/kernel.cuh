// Scores of ragged segments: sum over t of discount^t * r_t, divided by the length (mean), or the last step alone.
//   reads   each counted step once, coalesced; offsets twice per segment, a lane each; powers of the discount once per step (they stay in the cache)
//   order   fixed by a segment's length and the tile: a thread adds its steps from the last to the first, so that small powers come first;
//           then the lanes at distance 16, 8, 4, 2, 1; then the warps, first to last. A rerun is bit-identical
//   empty   a segment without steps scores 0          formula: docs/ops/segment_reduce.md
#pragma once

#include "kernels/cuda/primitives/block.cuh"
#include "kernels/cuda/primitives/convert.cuh"
#include "kernels/cuda/segment_reduce/config.cuh"
#include "kernels/cuda/segment_reduce/params.hpp"
#include "kernels/cuda/segment_reduce/segment_group.cuh"

namespace segpref::cuda {

/// Steps [begin, begin + length) of one segment.
struct SegmentSteps {
  std::int64_t begin, length;
};

template <class Params>
SEGPREF_DEVICE SegmentSteps steps_of(const Params& p, std::int64_t segment_idx) {
  if (!p.offsets.present()) return {p.begins[segment_idx], p.lengths[segment_idx]};
  const std::int64_t begin = p.offsets[segment_idx];
  return {begin, p.offsets[segment_idx + 1] - begin};
}

/// This thread's part of the sum: steps thread, thread + NumThreads, ... of the segment.
template <int NumThreads, typename Element, typename Real>
SEGPREF_DEVICE Real part_of_sum(const Element* rewards, const Real* powers, std::int64_t length, int thread) {
  Real sum = 0;
  if (thread >= length) return sum;
  std::int64_t step_in_segment = (length - 1 - thread) / NumThreads * NumThreads + thread;
  SEGPREF_UNROLL_BY(4)
  for (; step_in_segment >= 0; step_in_segment -= NumThreads) {
    const Real reward = widen(rewards[step_in_segment]);
    sum = powers == nullptr ? sum + reward : multiply_add(reward, powers[step_in_segment], sum);
  }
  return sum;
}

/// From the sum to the score; the last step is read here.
template <typename Element, typename Real>
SEGPREF_DEVICE Real finish_score(Aggregation aggregation, const Element* rewards, std::int64_t length, Real sum) {
  if (length == 0) return 0;
  if (aggregation == Aggregation::last) return widen(rewards[length - 1]);
  return aggregation == Aggregation::mean ? divide(sum, static_cast<Real>(length)) : sum;
}

/// This lane's part of the sum over a long segment's pieces: pieces lane, lane + 32, ...
template <typename Element, typename Real>
SEGPREF_DEVICE Real part_of_pieces(const SegmentScoresParams<Element, Real>& p, std::int64_t member, const SegmentSteps& steps) {
  const Real* piece_sums = p.piece_sums + 2 * member * num_stretches(p.num_steps);
  const std::int64_t num_pieces = (steps.length + steps_per_piece - 1) / steps_per_piece;
  Real sum = 0;
  for (std::int64_t piece = lane_of_thread(); piece < num_pieces; piece += threads_per_warp) {
    const std::int64_t stretch = (steps.begin + piece * steps_per_piece) / steps_per_piece;
    const int slot = piece == 0 && steps.begin % steps_per_piece != 0 ? 1 : 0;
    sum += piece_sums[2 * stretch + slot];
  }
  return sum;
}

template <class Tile, typename Element, typename Real>
__global__ void __launch_bounds__(Tile::num_threads, Tile::least_blocks) warp_segment_scores_kernel(const __grid_constant__ SegmentScoresParams<Element, Real> p) {
  using Group = SegmentGroup<Tile::segments_per_warp, std::int64_t>;
  // Place: a warp per group of segments, grid (groups, members). A lane knows the ends of one segment.
  const int lane = lane_of_thread();
  const std::int64_t first = (static_cast<std::int64_t>(blockIdx.x) * Tile::num_warps + warp_of_thread()) * Tile::segments_per_warp;
  if (first >= p.num_segments) return;
  const auto member = static_cast<std::int64_t>(blockIdx.y);
  const Element* row = p.step_rewards + member * p.num_steps;
  const bool is_there = lane < Tile::segments_per_warp && first + lane < p.num_segments;
  const SegmentSteps own = is_there ? steps_of(p, first + lane) : SegmentSteps{0, 0};

  // Load, accumulate, reduce
  Real sum = 0;
  if (p.aggregation != Aggregation::last) {
    Group group;
    SEGPREF_UNROLL
    for (int i = 0; i < Tile::segments_per_warp; ++i) {
      const std::int64_t length = warp_broadcast(own.length, i);
      group.begins[i] = warp_broadcast(own.begin, i);
      group.lengths[i] = length <= Tile::longest_in_group ? static_cast<int>(length) : 0;
    }
    sum = sum_of_group<Real>(row, group, [&](int step) { return p.discount_powers == nullptr ? Real(1) : p.discount_powers[step]; });
    // Longer ones, one after another. With piece_sums, those longer than a piece were read before.
    unsigned longer = __ballot_sync(all_lanes, own.length > Tile::longest_in_group);
    for (; longer != 0; longer &= longer - 1) {
      const int i = __ffs(static_cast<int>(longer)) - 1;
      const SegmentSteps steps = {warp_broadcast(own.begin, i), warp_broadcast(own.length, i)};
      const bool in_pieces = p.piece_sums != nullptr && steps.length > steps_per_piece;
      const Real part = in_pieces ? part_of_pieces(p, member, steps) : part_of_sum<threads_per_warp>(row + steps.begin, p.discount_powers, steps.length, lane);
      const Real whole = warp_sum(part);
      if (Group::of_lane() == i) sum = whole;
    }
  }

  // Finish and store, by the first lane of each segment
  const SegmentSteps steps = {warp_broadcast(own.begin, Group::of_lane()), warp_broadcast(own.length, Group::of_lane())};
  const std::int64_t segment_idx = first + Group::of_lane();
  if (lane % Group::lanes_per_segment != 0 || segment_idx >= p.num_segments) return;
  p.scores[member * p.num_segments + segment_idx] = finish_score(p.aggregation, row + steps.begin, steps.length, sum);
}

template <class Tile, typename Element, typename Real>
__global__ void __launch_bounds__(Tile::num_threads) block_segment_scores_kernel(const __grid_constant__ SegmentScoresParams<Element, Real> p) {
  using Storage = BlockSumStorage<Real, Tile::num_threads>;
  SEGPREF_SHARED(Storage, storage);
  // Place: a block per segment, grid (segments, members)
  const auto segment_idx = static_cast<std::int64_t>(blockIdx.x);
  const auto member = static_cast<std::int64_t>(blockIdx.y);
  const SegmentSteps steps = steps_of(p, segment_idx);
  const Element* rewards = p.step_rewards + member * p.num_steps + steps.begin;
  // Load, accumulate, reduce
  Real sum = 0;
  if (p.aggregation != Aggregation::last)
    sum = block_sum<Tile::num_threads>(part_of_sum<Tile::num_threads>(rewards, p.discount_powers, steps.length, static_cast<int>(threadIdx.x)), storage);
  // Finish and store
  if (threadIdx.x == 0) p.scores[member * p.num_segments + segment_idx] = finish_score(p.aggregation, rewards, steps.length, sum);
}

}  // namespace segpref::cuda
