// Architecture and features of an MLP as the C ABI gives them.
#pragma once

#include "host/c_abi/tensor.hpp"
#include "segpref/reward_mlp.hpp"
#include "segpref/reward_model.hpp"

namespace segpref::c_abi {

RewardArchitecture read_architecture(const segpref_reward_architecture* architecture);
Features read_features(Tensors& tensors, const segpref_features* features);
Compute read_compute(std::int32_t compute);

}  // namespace segpref::c_abi
