#include "host/validate/adamw.hpp"

#include <cmath>

#include "host/validate/batch_values.hpp"
#include "host/validate/tensor.hpp"
#include "host/validate/values.hpp"

namespace segpref::validation {

CallDevice adamw_arrays(std::string_view operation, const AdamWArrays& arrays) {
  const CallDevice device = device_of_call(operation, "parameters", arrays.parameters);
  tensor("parameters", arrays.parameters, device, {DType::f32, DType::f64}, {any_extent}, "[n]");
  const DType dtype = arrays.parameters.dtype;
  const std::int64_t n = arrays.parameters.shape[0];
  tensor("gradients", arrays.gradients, device, {dtype}, {n}, "[n]");
  tensor("first_moment", arrays.first_moment, device, {dtype}, {n}, "[n]");
  tensor("second_moment", arrays.second_moment, device, {dtype}, {n}, "[n]");
  return device;
}

void adamw_step_number(const TensorView& step, const CallDevice& device) {
  tensor("step", step, device, {DType::i64}, {1}, "[1]");
  if (!device.is_cuda()) check_on_host(adamw_values(indices(step)));
}

math::AdamWRates adamw_rates(const AdamWOptions& options) {
  option("learning_rate", options.learning_rate, std::isfinite(options.learning_rate) && options.learning_rate >= 0, "finite and >= 0");
  option("beta1", options.beta1, options.beta1 >= 0 && options.beta1 < 1, "in [0, 1)");
  option("beta2", options.beta2, options.beta2 >= 0 && options.beta2 < 1, "in [0, 1)");
  option("epsilon", options.epsilon, std::isfinite(options.epsilon) && options.epsilon > 0, "finite and > 0");
  option("weight_decay", options.weight_decay, std::isfinite(options.weight_decay) && options.weight_decay >= 0, "finite and >= 0");
  return {options.learning_rate, options.beta1, options.beta2, options.epsilon, options.weight_decay, options.decoupled};
}

}  // namespace segpref::validation
