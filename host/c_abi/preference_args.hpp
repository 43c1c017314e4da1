// What the preference losses of all reward models have in common: batch, options, results.
#pragma once

#include "host/c_abi/tensor.hpp"
#include "segpref/plan.hpp"
#include "segpref/preference_options.hpp"

namespace segpref::c_abi {

PreferenceBatch read_batch(Tensors& tensors, const segpref_preference_batch* batch);
PreferenceOptions read_options(Tensors& tensors, const segpref_preference_options* options);
PreferenceResult read_result(Tensors& tensors, const segpref_preference_result* result);
PreferenceCapacity read_capacity(const segpref_preference_capacity* capacity);
/// A capacity's device; all zeros, from a struct that nobody initialised, is the CPU.
Device read_capacity_device(const DLDevice& device);

/// The caller's memory; NULL is a workspace of no bytes, whatever the size beside it says.
Workspace read_workspace(void* workspace, std::size_t workspace_bytes);

}  // namespace segpref::c_abi
