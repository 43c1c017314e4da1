// The end of a training step: weight gradients from their parts, the optimiser's step, and the operands of the next forward pass.
//   reads    num_splits partial sums, the parameter and its moments          writes  parameter and moments, its operand, and its gradient where it is wanted
//   bits     those of mlp_reduce_grad_kernel, adamw_kernel and pack_weights_kernel one after the other; 8 bytes less are moved per parameter, 12 where
//            nobody wants the gradient
//   padding  of the operands is left as pack_weights_kernel wrote it: zeros, which no step changes
#pragma once

#include "kernels/cuda/adamw/step_element.cuh"
#include "kernels/cuda/reward_mlp/reduce_adamw_params.hpp"
#include "kernels/cuda/reward_mlp/reduce_kernel.cuh"

namespace segpref::cuda {

template <class Operands>
SEGPREF_DEVICE void step_parameter(const MlpReduceAdamWParams& p, const math::AdamWCoefficients<float>& coefficients, std::int64_t position, float gradient) {
  const MlpShape& shape = p.sums.shape;
  float parameter = p.parameters[position], first = p.first_moment[position], second = p.second_moment[position];
  step_element(coefficients, gradient, parameter, first, second);
  p.parameters[position] = parameter;
  p.first_moment[position] = first;
  p.second_moment[position] = second;
  if (p.sums.gradients != nullptr) p.sums.gradients[position] = gradient;
  if (p.packed == nullptr) return;
  const ParameterPlace place = ParameterPlace::of(shape, position);
  if (place.is_packed(shape)) static_cast<typename Operands::Element*>(p.packed)[place.packed_position(shape)] = Operands::round(parameter);
}

/// Grid (parameters, in blocks of Tile::columns).
/// @tparam is_counted  the step's number lies on the device
template <class Tile, class Operands, bool is_counted>
__global__ void __launch_bounds__(Tile::num_threads) mlp_reduce_adamw_kernel(const __grid_constant__ MlpReduceAdamWParams p) {
  SEGPREF_SHARED(SliceSums<Tile>, sums);
  const std::int64_t position = reduced_position<Tile>();
  const float gradient = reduced_gradient<Tile>(p.sums, position, sums);
  if constexpr (is_counted) {
    SEGPREF_SHARED(math::AdamWCoefficients<float>, coefficients);
    share_coefficients(p.rates, p.step, coefficients);
    if (gets_gradient<Tile>(p.sums.shape, position)) step_parameter<Operands>(p, coefficients, position, gradient);
  } else {
    if (gets_gradient<Tile>(p.sums.shape, position)) step_parameter<Operands>(p, p.coefficients, position, gradient);
  }
}

}  // namespace segpref::cuda
