// Keeps the promise of Context::checking_values(): the values of a call in device memory are checked before its first kernel is enqueued.
#pragma once

#include "host/cuda_backend/device_batch.hpp"
#include "host/validate/batch_values.hpp"
#include "segpref/context.hpp"
#include "segpref/plan.hpp"
#include "segpref/reward_model.hpp"

namespace segpref::cuda_backend {

/// One kernel looks at all values; the call waits for it. The current device is the tensors'.
/// @throws Error(invalid_argument) for the first offender, in the words of the same call in host memory; Error(unsupported) while the context's stream is
///         being captured, where nobody can wait
void check_values(const Context& context, int device_index, const validation::ValueChecks& checks);

/// What every operation on pairs checks; nothing where the context does not ask for it.
inline void check_preference_values(const Context& context, const PreferenceCapacity& capacity, const kernels::Batch& batch, const PreferenceOptions& options) {
  if (!context.checks_values()) return;
  check_values(context, capacity.device.index, validation::preference_values(batch, options, reals(options.tie_parameter, 0.0), capacity.max_segment_steps));
}

/// The same for means and standard deviations of features.
inline void check_standardisation(const Context& context, const Features& features) {
  if (!context.checks_values() || !features.mean.present()) return;
  check_values(context, features.mean.device.index, validation::standardisation_values(reals(features.mean, 0.0), reals(features.std, 0.0), features.mean.size()));
}

}  // namespace segpref::cuda_backend
