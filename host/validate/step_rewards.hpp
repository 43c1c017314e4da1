// Checks of step rewards given by the caller, [num_members, num_steps] or [num_steps].
#pragma once

#include <initializer_list>
#include <string_view>

#include "host/validate/call_device.hpp"
#include "segpref/view.hpp"

namespace segpref::validation {

void step_rewards(const ConstTensorView& step_rewards, const CallDevice& device);

/// `tensor` has the shape of `step_rewards`.
void shape_of_rewards(std::string_view name, const ConstTensorView& tensor, const ConstTensorView& step_rewards, const CallDevice& device,
                      std::initializer_list<DType> dtypes);

inline std::int64_t members_of(const ConstTensorView& step_rewards) { return step_rewards.rank == 2 ? step_rewards.shape[0] : 1; }
inline std::int64_t steps_of(const ConstTensorView& step_rewards) { return step_rewards.rank >= 1 ? step_rewards.shape[step_rewards.rank - 1] : 0; }

}  // namespace segpref::validation
