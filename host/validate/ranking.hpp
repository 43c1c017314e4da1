// Checks of a RankingBatch, its options and its results, before anything is written.
#pragma once

#include "kernels/cpu/ranking_loss.hpp"
#include "segpref/ranking_loss.hpp"

namespace segpref::validation {

/// Everything in `in` but its segments, which `batch` has already. `wide` says that rewards are f64.
cpu::Rankings rankings(const RankingBatch& in, const cpu::Batch& batch, bool wide);

/// What a call without a plan makes its plan from. The shapes read here are checked first: nothing is allocated for a tensor that is not there.
RankingCapacity capacity_of(const RankingBatch& batch, std::int64_t num_members, std::int64_t num_steps, DType dtype);

/// Options that rankings have no use for must have their defaults; the others must be in range.
void ranking_options(const PreferenceOptions& options, const cpu::Batch& batch, bool wide);

/// Shapes and dtypes of wanted results.
void ranking_result(const RankingResult& result, const PreferenceOptions& options, const cpu::Batch& batch, const cpu::Rankings& rankings, bool wide);

/// A batch must not be larger than what its plan was made for.
void within_capacity(const RankingCapacity& capacity, const cpu::Batch& batch, const cpu::Rankings& rankings, DType dtype);

/// A capacity itself: nothing negative.
void capacity(const RankingCapacity& capacity);

}  // namespace segpref::validation
