#include "segpref/adamw.hpp"

#include <fmt/format.h>

#include <cmath>

#include "host/cuda_backend/cuda_backend.hpp"
#include "host/reference_backend/reference_backend.hpp"
#include "host/validate/batch_values.hpp"
#include "host/validate/tensor.hpp"
#include "host/validate/values.hpp"
#include "kernels/cpu/adamw.hpp"

namespace segpref {
namespace {

struct Arrays {
  const TensorView& parameters;
  const ConstTensorView& gradients;
  const TensorView& first_moment;
  const TensorView& second_moment;
};

validation::CallDevice check_arrays(const Arrays& arrays) {
  const validation::CallDevice device = validation::device_of_call("adamw_step", "parameters", arrays.parameters);
  validation::tensor("parameters", arrays.parameters, device, {DType::f32, DType::f64}, {validation::any_extent}, "[n]");
  const DType dtype = arrays.parameters.dtype;
  const std::int64_t n = arrays.parameters.shape[0];
  validation::tensor("gradients", arrays.gradients, device, {dtype}, {n}, "[n]");
  validation::tensor("first_moment", arrays.first_moment, device, {dtype}, {n}, "[n]");
  validation::tensor("second_moment", arrays.second_moment, device, {dtype}, {n}, "[n]");
  return device;
}

math::AdamWRates checked_rates(const AdamWOptions& options) {
  validation::option("learning_rate", options.learning_rate, std::isfinite(options.learning_rate) && options.learning_rate >= 0, "finite and >= 0");
  validation::option("beta1", options.beta1, options.beta1 >= 0 && options.beta1 < 1, "in [0, 1)");
  validation::option("beta2", options.beta2, options.beta2 >= 0 && options.beta2 < 1, "in [0, 1)");
  validation::option("epsilon", options.epsilon, std::isfinite(options.epsilon) && options.epsilon > 0, "finite and > 0");
  validation::option("weight_decay", options.weight_decay, std::isfinite(options.weight_decay) && options.weight_decay >= 0, "finite and >= 0");
  return {options.learning_rate, options.beta1, options.beta2, options.epsilon, options.weight_decay, options.decoupled};
}

template <typename Real>
void run(const Context& context, const Arrays& arrays, const math::AdamWRates& rates, std::int64_t step) {
  cpu::adamw_step(math::adamw_coefficients<Real>(rates, step), arrays.parameters.size(), static_cast<Real*>(arrays.parameters.data),
                  static_cast<const Real*>(arrays.gradients.data), static_cast<Real*>(arrays.first_moment.data), static_cast<Real*>(arrays.second_moment.data),
                  context.pool());
}

void run_on_host(const Context& context, const Arrays& arrays, const math::AdamWRates& rates, std::int64_t step, const AdamWOptions& options) {
  if (reference_backend::selected())
    return reference_backend::adamw_step(arrays.parameters, arrays.gradients, arrays.first_moment, arrays.second_moment, step, options);
  if (arrays.parameters.dtype == DType::f32) run<float>(context, arrays, rates, step);
  else run<double>(context, arrays, rates, step);
}

cuda_backend::AdamWCall device_call(const Arrays& arrays, const math::AdamWRates& rates) {
  return {rates, arrays.parameters, arrays.gradients, arrays.first_moment, arrays.second_moment};
}

}  // namespace

void adamw_step(const Context& context, TensorView parameters, ConstTensorView gradients, TensorView first_moment,
                TensorView second_moment, std::int64_t step, const AdamWOptions& options) {
  const Arrays arrays{parameters, gradients, first_moment, second_moment};
  const validation::CallDevice device = check_arrays(arrays);
  if (step < 1) throw Error(ErrorCode::invalid_argument, fmt::format("step = {} must be >= 1 (the first step is 1)", step));
  const math::AdamWRates rates = checked_rates(options);
  if (device.is_cuda()) cuda_backend::adamw_step(context, device_call(arrays, rates), step);
  else run_on_host(context, arrays, rates, step, options);
}

void adamw_step(const Context& context, TensorView parameters, ConstTensorView gradients, TensorView first_moment,
                TensorView second_moment, TensorView step, const AdamWOptions& options) {
  const Arrays arrays{parameters, gradients, first_moment, second_moment};
  const validation::CallDevice device = check_arrays(arrays);
  validation::tensor("step", step, device, {DType::i64}, {1}, "[1]");
  const math::AdamWRates rates = checked_rates(options);
  if (device.is_cuda()) return cuda_backend::adamw_step(context, device_call(arrays, rates), step);
  validation::check_on_host(validation::adamw_values(validation::indices(step)));
  auto& number = *static_cast<std::int64_t*>(step.data);
  run_on_host(context, arrays, rates, number, options);
  ++number;
}

}  // namespace segpref
