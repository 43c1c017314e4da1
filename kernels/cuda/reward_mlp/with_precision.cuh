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
  return precision == MlpPrecision::bf16 ? f(OperandsTag<Bf16Operands>()) : f(OperandsTag<SplitTf32Operands>());
}

}  // namespace segpref::cuda
