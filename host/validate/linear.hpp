// Checks of the tensors that only the linear reward has.
#pragma once

#include "host/validate/call_device.hpp"
#include "segpref/reward_linear.hpp"

namespace segpref::validation {

struct LinearShape {
  std::int64_t num_members = 0, num_steps = 0, feature_dim = 0;
  bool wide = false;  ///< features are f64
};

/// Shapes and dtypes of head and features; what they say about the call.
LinearShape linear_inputs(const LinearHead& head, const ConstTensorView& features, const CallDevice& device);

/// Shapes and dtypes of the wanted outputs.
void linear_outputs(const LinearShape& shape, const LinearHead& head, const ConstTensorView& features, const LinearGradients& gradients,
                    const TensorView& step_rewards, const CallDevice& device);

/// feature_dim lies in [1, 16384].
void linear_feature_dim(std::int64_t feature_dim);

}  // namespace segpref::validation
