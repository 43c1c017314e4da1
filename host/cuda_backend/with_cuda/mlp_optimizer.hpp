// The optimiser's step at the end of a training step of an MLP.
#pragma once

#include "host/cuda_backend/cuda_backend.hpp"
#include "kernels/cuda/reward_mlp/reduce_adamw_launch.hpp"

namespace segpref::cuda_backend {

/// What a call's optimiser is given, but for the gradients.
inline cuda::MlpReduceAdamWParams optimizer_params(const MlpLossCall& call) {
  cuda::MlpReduceAdamWParams p;
  p.parameters = static_cast<float*>(call.optimizer->call.parameters.data);
  p.first_moment = static_cast<float*>(call.optimizer->call.first_moment.data);
  p.second_moment = static_cast<float*>(call.optimizer->call.second_moment.data);
  p.rates = call.optimizer->call.rates;
  p.step = static_cast<std::int64_t*>(call.optimizer->step.data);
  return p;
}

}  // namespace segpref::cuda_backend
