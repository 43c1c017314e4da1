// Checks of a PreferenceBatch, its options and its results: every rule of the contract, before anything is written.
#pragma once

#include <string_view>

#include "kernels/cpu/batch.hpp"
#include "kernels/cpu/pair_stage.hpp"
#include "segpref/plan.hpp"
#include "segpref/preference_options.hpp"

namespace segpref::validation {

/// Segments alone: offsets, or begins and lengths. Fills the segment fields of `batch`.
void segments(const ConstTensorView& offsets, const ConstTensorView& begins, const ConstTensorView& lengths, std::int64_t num_steps,
              cpu::Batch& batch);

/// Checks everything, values too, and returns the raw form. `wide` says that rewards or features are f64.
cpu::Batch preference_batch(const PreferenceBatch& batch, const PreferenceOptions& options, std::int64_t num_members,
                            std::int64_t num_steps, bool wide);

/// What a call without a plan makes its plan from. The shapes read here are checked first: nothing is allocated for a tensor that is not there. The rest is checked later.
PreferenceCapacity capacity_of(const PreferenceBatch& batch, std::int64_t num_members, std::int64_t num_steps, DType dtype);

/// Ranges of all options, and rules between options and labels (observed ties).
cpu::LossParams preference_options(const PreferenceOptions& options, const cpu::Batch& batch, bool wide);

/// Shapes and dtypes of wanted results.
void preference_result(const PreferenceResult& result, const PreferenceOptions& options, const cpu::Batch& batch, bool wide);

/// A batch must not be larger than what its plan was made for.
void within_capacity(const PreferenceCapacity& capacity, const cpu::Batch& batch, DType dtype);

/// A capacity itself: nothing negative.
void capacity(const PreferenceCapacity& capacity);

// What the two are made of, for the capacities of other operations.
void capacity_extent(std::string_view name, std::int64_t value, std::int64_t least = 0, std::int64_t most = std::int64_t{1} << 48);
void within_extent(std::string_view name, std::int64_t value, std::int64_t most);
void same_dtype_as_plan(DType planned, DType dtype);

}  // namespace segpref::validation
