// Plackett-Luce over a whole batch of rankings: scores [num_members, num_segments] in; loss and the gradient of every score out.
#pragma once

#include "host/parallel/thread_pool.hpp"
#include "kernels/common/rankings.hpp"
#include "kernels/cpu/batch.hpp"
#include "kernels/cpu/batch_loss.hpp"

namespace segpref::cpu {

using kernels::max_ranking_entries;
using kernels::Rankings;

/// Rankings per task. Sums are added inside a slab in ranking order, then slab after slab.
inline constexpr std::int64_t rankings_per_slab = 256;

constexpr std::int64_t num_ranking_slabs(std::int64_t num_rankings) { return (num_rankings + rankings_per_slab - 1) / rankings_per_slab; }

/// Sums over rankings, in the order of RankingResult::metrics.
struct RankingSums {
  double weight_sum = 0, loss_sum = 0, num_skipped = 0;
};

template <typename Real>
struct RankingLossArgs {
  Rankings rankings;
  std::int64_t num_members = 1, num_segments = 0;
  double temperature = 1.0;
  bool skip_nonfinite = false;
  ReductionParams reduction;
  const Real* scores = nullptr;             ///< [num_members, num_segments]

  // Outputs; null: not wanted.
  Real* reduced_loss = nullptr;             ///< [num_members]
  Real* loss_per_ranking = nullptr;         ///< [num_members, num_rankings]
  double* metrics = nullptr;                ///< [num_members, 3]
  Real* grad_scores = nullptr;              ///< [num_members, num_segments]
  std::uint8_t* segment_counted = nullptr;  ///< [num_members, num_segments]; with grad_scores

  // Scratch
  double* grad_entries = nullptr;           ///< [num_members, num_entries]; with grad_scores
  std::uint8_t* ranking_counted = nullptr;  ///< [num_members, num_rankings]
  double* grad_sums = nullptr;              ///< [num_members, num_segments]; with grad_scores
  RankingSums* slab_sums = nullptr;         ///< [num_members, num_ranking_slabs]
};

template <typename Real>
void ranking_batch_loss(const RankingLossArgs<Real>& args, ThreadPool& pool);

}  // namespace segpref::cpu
