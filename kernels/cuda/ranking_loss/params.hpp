// What the kernels of the Plackett-Luce loss are given.
#pragma once

#include "kernels/common/batch.hpp"

namespace segpref::cuda {

/// weight_sum, loss_sum, num_skipped: the order of RankingResult::metrics.
inline constexpr int num_ranking_sums = 3;

/// ranking_loss_kernel: scores in, results of every ranking and sums per block out. A null output is not wanted.
template <typename Real>
struct RankingLossParams {
  std::int64_t num_members = 1, num_segments = 0, num_rankings = 0, num_entries = 0;
  std::int64_t top = 0;               ///< stages used; 0: all
  kernels::IndexArray entries;        ///< [num_entries] segments, best first
  kernels::IndexArray offsets;        ///< [num_rankings + 1]
  kernels::RealArray weights;         ///< [num_rankings] or [num_members, num_rankings]
  double temperature = 1.0;
  bool skip_nonfinite = false;
  const Real* scores = nullptr;       ///< [num_members, num_segments]
  Real* loss_per_ranking = nullptr;   ///< [num_members, num_rankings]
  double* grad_entries = nullptr;     ///< [num_members, num_entries]: the divisor of a mean is not applied
  double* block_sums = nullptr;       ///< [num_members, num_blocks, num_ranking_sums]
};

/// ranking_sums_kernel: sums per block in, what they mean for the whole batch out.
template <typename Real>
struct RankingSumsParams {
  std::int64_t num_members = 0, num_blocks = 0;
  bool is_mean = true;
  double normalizer = 0.0;            ///< divisor of a mean; 0: the sum of weights
  const double* block_sums = nullptr; ///< [num_members, num_blocks, num_ranking_sums]
  Real* reduced_loss = nullptr;       ///< [num_members]
  double* metrics = nullptr;          ///< [num_members, num_ranking_sums]
  Real* grad_scale = nullptr;         ///< [num_members]
};

/// ranking_keys_kernel: which segment each entry names, for the sum over all rankings that a segment stands in.
struct RankingKeysParams {
  std::int64_t num_segments = 0, num_rankings = 0, num_entries = 0;
  kernels::IndexArray entries;         ///< [num_entries] segments
  kernels::IndexArray offsets;         ///< [num_rankings + 1]
  std::uint64_t* keys = nullptr;       ///< [num_entries]: the segment, or num_segments for an entry before the first ranking or behind the last
  std::uint32_t* positions = nullptr;  ///< [num_entries]: 0, 1, 2, ...
};

}  // namespace segpref::cuda
