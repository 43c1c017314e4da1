// Plackett-Luce loss of rankings of segments.
#pragma once

#include <string>

#include "context.hpp"
#include "export.hpp"
#include "plan.hpp"
#include "preference_options.hpp"

namespace segpref {

/// The rankings that one call uses.
struct RankingBatch {
  ConstTensorView offsets, begins, lengths;  ///< segments, as in PreferenceBatch
  ConstTensorView rankings;                  ///< [num_entries] segment indices, best first, one ranking after the other
  ConstTensorView ranking_offsets;           ///< [num_rankings + 1]: ranking k is [ranking_offsets[k], ranking_offsets[k + 1]), 2 to 64 entries
  ConstTensorView weights;                   ///< [num_rankings] or [num_members, num_rankings]; absent: 1
  std::int64_t ranking_top = 0;              ///< stages used per ranking; 0 means all
};

/// Sums over the rankings of a call, one row per member, in this order.
enum RankingMetric : int {
  ranking_metric_weight_sum,   ///< sum of w
  ranking_metric_loss_sum,     ///< sum of w * loss
  ranking_metric_num_skipped,  ///< rankings left out by NonFinite::skip
  num_ranking_metrics
};

/// Where results go; an absent view is not computed.
struct RankingResult {
  TensorView loss;              ///< [num_members] real: reduced loss; must be absent with Reduction::none
  TensorView loss_per_ranking;  ///< [num_members, num_rankings] real: w * loss; 0 for a left-out ranking
  TensorView scores;            ///< [num_members, num_segments] real
  TensorView metrics;           ///< [num_members, num_ranking_metrics] f64
};

/// The most that a batch run with a plan may hold. A batch may be smaller in every number.
struct RankingCapacity {
  std::int64_t num_members = 1;
  std::int64_t num_steps = 0;
  std::int64_t num_segments = 0;
  std::int64_t num_rankings = 0;
  std::int64_t num_entries = 0;  ///< of all rankings together
  DType dtype = DType::f32;      ///< of step rewards
  std::int64_t max_segment_steps = 0;  ///< no segment is longer; 0: unknown. As in PreferenceCapacity
  Device device{};               ///< where the runs take place, and the workspace lies
};

/// How ranking_loss will run within given capacities: a pure function of them, printable, with its exact workspace.
class SEGPREF_API RankingLossPlan {
 public:
  /// @throws Error(invalid_argument) when a capacity is negative or sizes overflow
  explicit RankingLossPlan(const RankingCapacity& capacity);
  const RankingCapacity& capacity() const { return capacity_; }
  std::size_t workspace_bytes() const { return workspace_bytes_; }
  std::string describe() const;

 private:
  RankingCapacity capacity_;
  std::size_t workspace_bytes_ = 0;
};

/// Plackett-Luce: sum over stages j of (logsumexp_{k >= j} S_k - S_j), S over temperature. Two entries give the pair loss of a hard label.
/// Formula: docs/ops/ranking_loss.md.
/// @param step_rewards       [num_members, num_steps] or [num_steps]; f32, f64, bf16 or f16
/// @param grad_step_rewards  the shape and dtype of step_rewards, overwritten (0 where no counted ranking reaches); absent: no backward pass
/// @param options            aggregation, discount, temperature, reduction, normalizer and nonfinite are used; every other
///                           field must have its default (Error unsupported otherwise)
/// @param workspace          plan.workspace_bytes() bytes; nothing is allocated
/// Order     sums run in a fixed order: the same bits for any number of threads.
/// Throws    Error naming argument, position, value and rule; nothing is written when it is invalid_argument, invalid_type or unsupported.
/// Source    Plackett 1975; Luce 1959.
SEGPREF_API void ranking_loss(const Context& context, const RankingLossPlan& plan, ConstTensorView step_rewards, const RankingBatch& batch,
                              const PreferenceOptions& options, const RankingResult& result, TensorView grad_step_rewards, Workspace workspace);

/// The same with a plan and a workspace of its own, made for this call.
SEGPREF_API void ranking_loss(const Context& context, ConstTensorView step_rewards, const RankingBatch& batch,
                              const PreferenceOptions& options, const RankingResult& result, TensorView grad_step_rewards = {});

}  // namespace segpref
