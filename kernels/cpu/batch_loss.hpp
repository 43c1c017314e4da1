// The pair stage over a whole batch: scores [num_members, num_segments] in; loss, metrics and the gradient of every score out.
#pragma once

#include <optional>

#include "host/parallel/thread_pool.hpp"
#include "kernels/cpu/batch.hpp"
#include "kernels/cpu/pair_stage.hpp"

namespace segpref::cpu {

/// Pairs per task. Sums are added inside a slab in pair order, then slab after slab.
inline constexpr std::int64_t pairs_per_slab = 2048;

constexpr std::int64_t num_pair_slabs(std::int64_t num_batch_pairs) { return (num_batch_pairs + pairs_per_slab - 1) / pairs_per_slab; }

/// How weighted per-pair losses become one number.
struct ReductionParams {
  bool is_mean = true;
  std::optional<double> normalizer;
  /// What gradients are multiplied with: 1 / D for the mean, 0 when nothing was counted.
  double scale(double weight_sum) const {
    if (!is_mean) return 1.0;
    const double divisor = normalizer.value_or(weight_sum);
    return divisor == 0.0 ? 0.0 : 1.0 / divisor;
  }
};

template <typename Real>
struct BatchLossArgs {
  const Batch* batch = nullptr;
  LossParams loss;
  ReductionParams reduction;
  RealArray tie_parameter;             ///< member_stride 0 or 1
  const Real* scores = nullptr;        ///< [num_members, num_segments]

  // Outputs; null: not wanted.
  Real* reduced_loss = nullptr;        ///< [num_members]
  Real* loss_per_pair = nullptr;       ///< [num_members, num_batch_pairs]
  Real* logits = nullptr;              ///< [num_members, num_batch_pairs]
  double* metrics = nullptr;           ///< [num_members, num_metrics]
  Real* grad_tie_parameter = nullptr;  ///< [1] or [num_members], as tie_parameter
  Real* grad_scores = nullptr;         ///< [num_members, num_segments]
  std::uint8_t* segment_counted = nullptr;  ///< [num_members, num_segments]: 1 where a counted pair uses the segment

  // Scratch
  Real* grad_pairs = nullptr;          ///< [num_members, num_batch_pairs, 2]; with grad_scores
  std::uint8_t* pair_counted = nullptr;     ///< [num_members, num_batch_pairs]
  PairSums* slab_sums = nullptr;       ///< [num_members, num_pair_slabs]
};

template <typename Real>
void batch_loss(const BatchLossArgs<Real>& args, ThreadPool& pool);

/// What a member's sums mean for the outputs: the reduced loss and the metrics. Shared with the fused MLP step.
template <typename Real>
void store_member_sums(const BatchLossArgs<Real>& args, std::int64_t member, const PairSums& sums);

}  // namespace segpref::cpu
