// What the end of a training step on the device is given: the reduction of the weight gradients, the optimiser's step and the operands of the next forward
// pass, in one kernel instead of three.
#pragma once

#include "kernels/cuda/reward_mlp/params.hpp"
#include "kernels/math/adamw.hpp"

namespace segpref::cuda {

/// mlp_reduce_adamw_kernel.
struct MlpReduceAdamWParams {
  MlpWeightGradParams sums;            ///< partial, num_splits and grad_scale are read; gradients are written, null: not wanted
  float* parameters = nullptr;         ///< [num_parameters], in place
  float* first_moment = nullptr;       ///< [num_parameters], in place
  float* second_moment = nullptr;      ///< [num_parameters], in place
  math::AdamWCoefficients<float> coefficients;  ///< of this step, where the host knows its number
  math::AdamWRates rates;              ///< where the number lies on the device
  std::int64_t* step = nullptr;        ///< [1], >= 1: of this step; the launcher advances it. Null: the host knows it
  void* packed = nullptr;              ///< [num_members, packed_size] operands that pack_weights_kernel has written once; null: not wanted
};

}  // namespace segpref::cuda
