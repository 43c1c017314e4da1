#include "segpref/adamw.hpp"

#include <fmt/format.h>

#include "host/cuda_backend/cuda_backend.hpp"
#include "host/reference_backend/reference_backend.hpp"
#include "host/validate/adamw.hpp"
#include "kernels/cpu/adamw.hpp"

namespace segpref {
namespace {

using Arrays = validation::AdamWArrays;

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
  const validation::CallDevice device = validation::adamw_arrays("adamw_step", arrays);
  if (step < 1) throw Error(ErrorCode::invalid_argument, fmt::format("step = {} must be >= 1 (the first step is 1)", step));
  const math::AdamWRates rates = validation::adamw_rates(options);
  if (device.is_cuda()) cuda_backend::adamw_step(context, device_call(arrays, rates), step);
  else run_on_host(context, arrays, rates, step, options);
}

void adamw_step(const Context& context, TensorView parameters, ConstTensorView gradients, TensorView first_moment,
                TensorView second_moment, TensorView step, const AdamWOptions& options) {
  const Arrays arrays{parameters, gradients, first_moment, second_moment};
  const validation::CallDevice device = validation::adamw_arrays("adamw_step", arrays);
  validation::adamw_step_number(step, device);
  const math::AdamWRates rates = validation::adamw_rates(options);
  if (device.is_cuda()) return cuda_backend::adamw_step(context, device_call(arrays, rates), step);
  auto& number = *static_cast<std::int64_t*>(step.data);
  run_on_host(context, arrays, rates, number, options);
  ++number;
}

}  // namespace segpref
