// Sums of the pieces of long segments, a block per stretch: a segment of a million steps is read by as many blocks as it has pieces, and
// blocks of stretches without long segments end after a search of a few rounds.
//   reads   every step of a segment longer than a piece once
//   writes  at most two sums per stretch, to slots of its own; warp_segment_scores_kernel adds them up
//   order   of a piece: as block_segment_scores_kernel. It depends on the segment alone, not on its neighbours
#pragma once

#include "kernels/cuda/primitives/search.cuh"
#include "kernels/cuda/segment_reduce/kernel.cuh"

namespace segpref::cuda {

/// Not measured on a GPU yet.
struct PieceTile {
  static constexpr int num_threads = 256;
};

template <typename Element, typename Real>
__global__ void __launch_bounds__(PieceTile::num_threads) piece_sums_kernel(const __grid_constant__ SegmentScoresParams<Element, Real> p) {
  using Storage = BlockSumStorage<Real, PieceTile::num_threads>;
  SEGPREF_SHARED(Storage, storage);
  // Place: the segments that hold the first and the last step of the stretch; no other long one has a piece here.
  const auto stretch = static_cast<std::int64_t>(blockIdx.x), member = static_cast<std::int64_t>(blockIdx.y);
  const std::int64_t first_step = stretch * steps_per_piece, last_step = smaller(first_step + steps_per_piece, p.num_steps) - 1;
  const std::int64_t segments[2] = {warp_last_not_above(p.offsets, p.num_segments + 1, first_step), warp_last_not_above(p.offsets, p.num_segments + 1, last_step)};
  for (int slot = 0; slot < 2; ++slot) {
    const std::int64_t segment_idx = segments[slot];
    if (segment_idx < 0 || segment_idx >= p.num_segments || (slot == 1 && segment_idx == segments[0])) continue;
    const SegmentSteps steps = steps_of(p, segment_idx);
    const std::int64_t piece = slot == 1 ? 0 : (first_step - steps.begin + steps_per_piece - 1) / steps_per_piece, begin = piece * steps_per_piece;
    if (steps.length <= steps_per_piece || begin >= steps.length) continue;
    // Load, accumulate, reduce
    const Element* rewards = p.step_rewards + member * p.num_steps + steps.begin + begin;
    const Real* powers = p.discount_powers == nullptr ? nullptr : p.discount_powers + begin;
    const std::int64_t count = smaller(steps_per_piece, steps.length - begin);
    const Real sum = block_sum<PieceTile::num_threads>(part_of_sum<PieceTile::num_threads>(rewards, powers, count, static_cast<int>(threadIdx.x)), storage);
    // Store
    if (threadIdx.x == 0) p.piece_sums[2 * (member * num_stretches(p.num_steps) + stretch) + slot] = sum;
    __syncthreads();  // storage is used again
  }
}

}  // namespace segpref::cuda
