// Plackett-Luce loss of rankings of segments.
#pragma once

#include "context.hpp"
#include "export.hpp"
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

/// Where results go; an absent view is not computed.
struct RankingResult {
  TensorView loss;              ///< [num_members] real
  TensorView loss_per_ranking;  ///< [num_members, num_rankings] real: w * loss
  TensorView scores;            ///< [num_members, num_segments] real
  TensorView metrics;           ///< [num_members, 3] f64: weight_sum, loss_sum, num_skipped
};

/// Not supported by this version: throws Error(unsupported). What it will compute:
/// Plackett-Luce: sum over stages j of (logsumexp_{k >= j} S_k - S_j), S over temperature. Two entries give the pair loss.
/// @param step_rewards       [num_members, num_steps] or [num_steps]; f32, f64, bf16 or f16
/// @param grad_step_rewards  the shape and dtype of step_rewards, overwritten; absent: no backward pass
/// @param options            aggregation, discount, temperature, reduction, normalizer and nonfinite are used; every other
///                           field must have its default (Error unsupported otherwise)
/// Source  Plackett 1975; Luce 1959.
SEGPREF_API void ranking_loss(const Context& context, ConstTensorView step_rewards, const RankingBatch& batch,
                              const PreferenceOptions& options, const RankingResult& result, TensorView grad_step_rewards = {});

}  // namespace segpref
