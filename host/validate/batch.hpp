// Checks of a PreferenceBatch, its options and its results that need no values: what every call checks, wherever its tensors lie.
// host_batch.hpp checks the values of those that lie in host memory.
#pragma once

#include <string_view>

#include "host/validate/call_device.hpp"
#include "kernels/cpu/pair_stage.hpp"
#include "segpref/plan.hpp"
#include "segpref/preference_options.hpp"

namespace segpref::validation {

/// The numbers that the shapes of a batch give.
struct BatchShape {
  std::int64_t num_members = 1, num_steps = 0, num_segments = 0, num_pairs = 0, num_batch_pairs = 0;
};

/// Segments alone: offsets, or begins and lengths. Returns num_segments.
std::int64_t segments_shape(const ConstTensorView& offsets, const ConstTensorView& begins, const ConstTensorView& lengths, const CallDevice& device);

/// All arrays of a batch. `wide` says that rewards or features are f64.
BatchShape preference_shape(const PreferenceBatch& batch, const CallDevice& device, std::int64_t num_members, std::int64_t num_steps, bool wide);

/// Ranges of all options, and the shape of the tie parameter.
cpu::LossParams preference_options(const PreferenceOptions& options, const CallDevice& device, std::int64_t num_members, bool wide);

/// Shapes and dtypes of wanted results.
void preference_result(const PreferenceResult& result, const PreferenceOptions& options, const BatchShape& shape, const CallDevice& device, bool wide);

/// What a call without a plan makes its plan from.
PreferenceCapacity capacity_of(const BatchShape& shape, DType dtype, const CallDevice& device);

/// A batch must not be larger than what its plan was made for, nor lie elsewhere.
void within_capacity(const PreferenceCapacity& capacity, const BatchShape& shape, DType dtype, const CallDevice& device);

/// The capacity of a plan of `operation`: nothing negative, on a device that can run it.
void capacity(std::string_view operation, const PreferenceCapacity& capacity);

// What the two are made of, for the capacities of other operations.
void capacity_extent(std::string_view name, std::int64_t value, std::int64_t least = 0, std::int64_t most = std::int64_t{1} << 48);
void within_extent(std::string_view name, std::int64_t value, std::int64_t most);
void same_dtype_as_plan(DType planned, DType dtype);

}  // namespace segpref::validation
