// Checks of features, parameters and what goes with them.
#pragma once

#include "segpref/reward_mlp.hpp"

namespace segpref::validation {

/// Features against an architecture; returns num_steps.
std::int64_t features(const Features& features, std::int64_t feature_dim);

/// [num_parameters], f32 or f64.
void parameters(const RewardArchitecture& architecture, const ConstTensorView& parameters);

/// bf16 compute, the processors that have it, and the parameters that it takes.
void compute(Compute compute, DType parameters);

}  // namespace segpref::validation
