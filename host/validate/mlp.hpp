// Checks of features, parameters and what goes with them.
#pragma once

#include "host/validate/call_device.hpp"
#include "segpref/reward_mlp.hpp"

namespace segpref::validation {

/// Features against an architecture, the values of mean and std too where they lie in host memory; returns num_steps.
std::int64_t features(const Features& features, std::int64_t feature_dim, const CallDevice& device);

/// [num_parameters], f32 or f64.
void parameters(const RewardArchitecture& architecture, const ConstTensorView& parameters, const CallDevice& device);

/// bf16 compute, the processors that have it (every CUDA device does), and the parameters that it takes.
void compute(Compute compute, DType parameters, Device::Kind where);

}  // namespace segpref::validation
