#include "segpref/adamw.hpp"

#include <fmt/format.h>

#include <cmath>

#include "host/cuda_backend/cuda_backend.hpp"
#include "host/reference_backend/reference_backend.hpp"
#include "host/validate/tensor.hpp"
#include "kernels/cpu/adamw.hpp"

namespace segpref {
namespace {

void check_options(const AdamWOptions& options) {
  validation::option("learning_rate", options.learning_rate, std::isfinite(options.learning_rate) && options.learning_rate >= 0, "finite and >= 0");
  validation::option("beta1", options.beta1, options.beta1 >= 0 && options.beta1 < 1, "in [0, 1)");
  validation::option("beta2", options.beta2, options.beta2 >= 0 && options.beta2 < 1, "in [0, 1)");
  validation::option("epsilon", options.epsilon, std::isfinite(options.epsilon) && options.epsilon > 0, "finite and > 0");
  validation::option("weight_decay", options.weight_decay, std::isfinite(options.weight_decay) && options.weight_decay >= 0, "finite and >= 0");
}

/// 1 - beta^step without cancellation.
double bias_correction(double beta, std::int64_t step) { return beta == 0 ? 1.0 : -std::expm1(static_cast<double>(step) * std::log(beta)); }

cpu::AdamWCoefficients coefficients_of(const AdamWOptions& options, std::int64_t step) {
  cpu::AdamWCoefficients c;
  c.beta1 = options.beta1;
  c.beta2 = options.beta2;
  c.epsilon = options.epsilon;
  c.step_size = options.learning_rate / bias_correction(options.beta1, step);
  c.root_scale = 1.0 / std::sqrt(bias_correction(options.beta2, step));
  c.keep = options.decoupled ? 1.0 - options.learning_rate * options.weight_decay : 1.0;
  c.coupled_decay = options.decoupled ? 0.0 : options.weight_decay;
  return c;
}

template <typename Real>
void run(const Context& context, const TensorView& parameters, const ConstTensorView& gradients, const TensorView& first_moment,
         const TensorView& second_moment, const cpu::AdamWCoefficients& coefficients) {
  cpu::adamw_step(coefficients, parameters.size(), static_cast<Real*>(parameters.data), static_cast<const Real*>(gradients.data),
                  static_cast<Real*>(first_moment.data), static_cast<Real*>(second_moment.data), context.pool());
}

}  // namespace

void adamw_step(const Context& context, TensorView parameters, ConstTensorView gradients, TensorView first_moment,
                TensorView second_moment, std::int64_t step, const AdamWOptions& options) {
  const validation::CallDevice device = validation::device_of_call("adamw_step", "parameters", parameters);
  validation::tensor("parameters", parameters, device, {DType::f32, DType::f64}, {validation::any_extent}, "[n]");
  const std::int64_t n = parameters.shape[0];
  validation::tensor("gradients", gradients, device, {parameters.dtype}, {n}, "[n]");
  validation::tensor("first_moment", first_moment, device, {parameters.dtype}, {n}, "[n]");
  validation::tensor("second_moment", second_moment, device, {parameters.dtype}, {n}, "[n]");
  if (step < 1) throw Error(ErrorCode::invalid_argument, fmt::format("step = {} must be >= 1 (the first step is 1)", step));
  check_options(options);
  if (reference_backend::selected()) return reference_backend::adamw_step(parameters, gradients, first_moment, second_moment, step, options);
  const cpu::AdamWCoefficients coefficients = coefficients_of(options, step);
  if (device.is_cuda()) return cuda_backend::adamw_step(context, coefficients, parameters, gradients, first_moment, second_moment);
  if (parameters.dtype == DType::f32) run<float>(context, parameters, gradients, first_moment, second_moment, coefficients);
  else run<double>(context, parameters, gradients, first_moment, second_moment, coefficients);
}

}  // namespace segpref
