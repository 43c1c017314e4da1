// The pair stage over a whole batch: scores [num_members, num_segments] in; loss, metrics and the gradient of every score out.
#pragma once

#include <optional>

#include "host/parallel/thread_pool.hpp"
#include "kernels/cpu/batch.hpp"
#include "kernels/cpu/pair_stage.hpp"

namespace segpref::cpu {

/// Pairs per task. Sums are added inside a slab, then slab after slab.
inline constexpr std::int64_t pairs_per_slab = 512;

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

void add(PairSums& total, const PairSums& part);

/// Stores what a member's sums mean for reduced loss, metrics and the gradient of the tie parameter. Members are visited in order.
template <typename Real>
void store_member_sums(const BatchLossArgs<Real>& args, std::int64_t member, const PairSums& sums);

/// The end of the pair stage: adds up args.slab_sums [num_members, num_slabs], the total into each member's first slab, and stores reduced loss, metrics and the
/// gradient of the tie parameter.
template <typename Real>
void store_sums(const BatchLossArgs<Real>& args, std::int64_t num_slabs);

/// values of the pairs [begin, begin + count): where they lie when their type is Real already, else converted into `buffer`; null where absent.
template <typename Real>
const Real* in_order(const RealArray& array, std::int64_t member, std::int64_t begin, std::int64_t count, Real* buffer) {
  if (!array.present()) return nullptr;
  const std::int64_t position = member * array.member_stride + begin;
  if (array.wide == (sizeof(Real) == sizeof(double))) return static_cast<const Real*>(array.data) + position;
  for (std::int64_t i = 0; i < count; ++i) buffer[i] = static_cast<Real>(array(member, begin + i));
  return buffer;
}

}  // namespace segpref::cpu
