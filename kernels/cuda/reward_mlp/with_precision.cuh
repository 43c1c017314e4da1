// From the precision that the host names to the operands that kernels are made for.
#pragma once

#include "kernels/cuda/primitives/half_operands.cuh"
#include "kernels/cuda/primitives/tf32_operands.cuh"
#include "kernels/cuda/reward_mlp/launch.hpp"
#include "kernels/cuda/reward_mlp/launchers.hpp"

namespace segpref::cuda {

template <class OperandsType>
struct OperandsTag {
  using Operands = OperandsType;
  using Launchers = MlpLaunchers<OperandsType>;
};

/// Calls f(tag) with an OperandsTag.
template <class F>
auto with_precision(MlpPrecision precision, F f) {
  switch (precision) {
    case MlpPrecision::f32: break;
    case MlpPrecision::bf16: return f(OperandsTag<Bf16Operands>());
    case MlpPrecision::tf32: return f(OperandsTag<Tf32Operands>());
    case MlpPrecision::f16: return f(OperandsTag<F16Operands>());
  }
  return f(OperandsTag<SplitTf32Operands>());
}

}  // namespace segpref::cuda
