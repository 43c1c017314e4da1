// Batches in host memory: checks of their values, and the raw form in which the CPU kernels read them. What batch.hpp checks was checked before;
// device memory is refused as a defect (values.hpp).
#pragma once

#include "host/validate/batch.hpp"
#include "kernels/cpu/batch.hpp"

namespace segpref::validation {

/// The raw form of segments: sets the segment fields of `batch` but num_steps and num_segments. Values are not checked yet.
void segments(const ConstTensorView& offsets, const ConstTensorView& begins, const ConstTensorView& lengths, cpu::Batch& batch);

/// All values of a batch, those of the tie parameter, and the rules between ties and margins.
cpu::Batch preference_batch(const PreferenceBatch& batch, const PreferenceOptions& options, const BatchShape& shape);

/// No segment is longer than the plan's promise, max_segment_steps; 0 promises nothing.
void within_segment_steps(std::int64_t max_segment_steps, const cpu::Batch& batch);

}  // namespace segpref::validation
