#include "host/validate/step_rewards.hpp"

#include <fmt/format.h>

#include "host/validate/tensor.hpp"

namespace segpref::validation {

void shape_of_rewards(std::string_view name, const ConstTensorView& tensor, const ConstTensorView& step_rewards, const CallDevice& device,
                      std::initializer_list<DType> dtypes) {
  if (step_rewards.rank == 2)
    validation::tensor(name, tensor, device, dtypes, {members_of(step_rewards), steps_of(step_rewards)}, "[num_members, num_steps]");
  else
    validation::tensor(name, tensor, device, dtypes, {steps_of(step_rewards)}, "[num_steps]");
}

void step_rewards(const ConstTensorView& step_rewards, const CallDevice& device) {
  shape_of_rewards("step_rewards", step_rewards, step_rewards, device, {DType::f32, DType::f64, DType::bf16, DType::f16});
  const std::int64_t num_members = members_of(step_rewards);
  if (num_members < 1 || num_members > 32)
    throw Error(ErrorCode::invalid_argument, fmt::format("step_rewards has {} members; 1 to 32 are supported", num_members));
}

}  // namespace segpref::validation
