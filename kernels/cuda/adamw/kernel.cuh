// One optimiser step over flat parameters, element by element.
//   reads   every array once, writes parameters and moments once, 16 bytes at a time where the arrays are aligned
//   bits    an element's do not depend on its place, nor on where the step's number lies: vector and tail, host and device do the same arithmetic
//   formula docs/ops/adamw.md
#pragma once

#include "kernels/cuda/adamw/config.cuh"
#include "kernels/cuda/adamw/params.hpp"
#include "kernels/cuda/adamw/step_element.cuh"

namespace segpref::cuda {

template <typename Real, int Count>
struct alignas(Count * sizeof(Real)) Pack {
  Real values[Count];
};

/// The elements of one thread.
template <class Tile, typename Real>
SEGPREF_DEVICE void step_pack(const AdamWParams<Real>& p, const math::AdamWCoefficients<Real>& coefficients) {
  constexpr int count = Tile::elements_per_thread;
  using Elements = Pack<Real, count>;
  const std::int64_t begin = (static_cast<std::int64_t>(blockIdx.x) * Tile::num_threads + static_cast<int>(threadIdx.x)) * count;
  if (begin + count <= p.num_parameters) {
    auto& parameters_out = *reinterpret_cast<Elements*>(p.parameters + begin);
    auto& first_out = *reinterpret_cast<Elements*>(p.first_moment + begin);
    auto& second_out = *reinterpret_cast<Elements*>(p.second_moment + begin);
    const Elements gradients = *reinterpret_cast<const Elements*>(p.gradients + begin);
    Elements parameters = parameters_out, first = first_out, second = second_out;
    SEGPREF_UNROLL
    for (int i = 0; i < count; ++i) step_element(coefficients, gradients.values[i], parameters.values[i], first.values[i], second.values[i]);
    parameters_out = parameters;
    first_out = first;
    second_out = second;
    return;
  }
  // The tail: fewer elements than a pack
  for (std::int64_t i = begin; i < p.num_parameters; ++i) step_element(coefficients, p.gradients[i], p.parameters[i], p.first_moment[i], p.second_moment[i]);
}

template <class Tile, typename Real>
__global__ void __launch_bounds__(Tile::num_threads) adamw_kernel(const __grid_constant__ AdamWParams<Real> p) {
  step_pack<Tile>(p, p.coefficients);
}

/// The step's number is read, not advanced: blocks that have not begun must still find it.
template <class Tile, typename Real>
__global__ void __launch_bounds__(Tile::num_threads) counted_adamw_kernel(const __grid_constant__ CountedAdamWParams<Real> p) {
  SEGPREF_SHARED(math::AdamWCoefficients<Real>, coefficients);
  share_coefficients(p.rates, p.step, coefficients);
  step_pack<Tile>(p.arrays, coefficients);
}

}  // namespace segpref::cuda
