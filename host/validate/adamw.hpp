// What adamw_step checks before anything is written, for whoever takes such a step.
#pragma once

#include "host/validate/call_device.hpp"
#include "kernels/math/adamw.hpp"
#include "segpref/adamw.hpp"

namespace segpref::validation {

struct AdamWArrays {
  const TensorView& parameters;
  const ConstTensorView& gradients;
  const TensorView& first_moment;
  const TensorView& second_moment;
};

/// Shapes, types and devices. @param operation  that takes the step
CallDevice adamw_arrays(std::string_view operation, const AdamWArrays& arrays);
/// The tensor that holds the number of the step; its value only where it is in host memory.
void adamw_step_number(const TensorView& step, const CallDevice& device);
math::AdamWRates adamw_rates(const AdamWOptions& options);

}  // namespace segpref::validation
