// Checks of a RankingBatch, its options and its results, before anything is written.
#pragma once

#include "host/validate/call_device.hpp"
#include "kernels/cpu/ranking_loss.hpp"
#include "segpref/ranking_loss.hpp"

namespace segpref::validation {

/// The numbers that the shapes of a batch give.
struct RankingShape {
  std::int64_t num_members = 1, num_steps = 0, num_segments = 0, num_rankings = 0, num_entries = 0;
};

/// All arrays of a batch, wherever they lie, without their values. `wide` says that rewards are f64.
RankingShape ranking_shape(const RankingBatch& batch, const CallDevice& device, std::int64_t num_members, std::int64_t num_steps, bool wide);

/// Options that rankings have no use for must have their defaults; the others must be in range.
void ranking_options(const PreferenceOptions& options, const CallDevice& device, std::int64_t num_members, bool wide);

/// Shapes and dtypes of wanted results.
void ranking_result(const RankingResult& result, const PreferenceOptions& options, const RankingShape& shape, const CallDevice& device, bool wide);

/// What a call without a plan makes its plan from.
RankingCapacity capacity_of(const RankingShape& shape, DType dtype, const CallDevice& device);

/// A batch must not be larger than what its plan was made for, nor lie elsewhere.
void within_capacity(const RankingCapacity& capacity, const RankingShape& shape, DType dtype, const CallDevice& device);

/// A capacity itself: nothing negative, on a device that can run it.
void capacity(const RankingCapacity& capacity);

/// Values of a batch in host memory, and the raw forms.
struct HostRankings {
  cpu::Batch segments;
  cpu::Rankings rankings;
};
HostRankings ranking_batch(const RankingBatch& batch, const RankingShape& shape);

}  // namespace segpref::validation
