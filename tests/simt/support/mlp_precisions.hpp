// What the tests know of each precision of the MLP's kernels: how it rounds operands, how far results may lie from the oracle that rounds alike, and
// which seeds it runs in.
#pragma once

#include <cstdint>

#include "kernels/cuda/primitives/half_operands.cuh"
#include "kernels/cuda/primitives/tf32_operands.cuh"
#include "tests/simt/support/kernel_test.hpp"
#include "tests/simt/support/mlp_oracle.hpp"

namespace segpref::simt {

/// Rewards: of 1 + |reward|. Gradients: of the largest gradient of the same layer and member, or of the same row of features.
struct MlpBounds {
  double rewards, gradients;
};

template <class Operands>
struct MlpPrecisionFacts;

// The one table of bounds, which docs/design/0007 repeats. A value that lies next to the boundary between two operands may be rounded to the other one, which
// is half an ulp of it: that is the bound of low precisions. Most results come a thousand times closer.
template <>
struct MlpPrecisionFacts<cuda::SplitTf32Operands> {
  static constexpr MlpBounds bounds = {2e-6, 3e-6};
  static constexpr auto rounding = testing::exact;
  static constexpr std::uint64_t place = 1;
};
template <>
struct MlpPrecisionFacts<cuda::Tf32Operands> {
  static constexpr MlpBounds bounds = {0x1p-12, 0x1p-12};
  static constexpr auto rounding = testing::to_tf32;
  static constexpr std::uint64_t place = 3;
};
template <>
struct MlpPrecisionFacts<cuda::Bf16Operands> {
  static constexpr MlpBounds bounds = {0x1p-9, 0x1p-9};
  static constexpr auto rounding = testing::to_bf16;
  static constexpr std::uint64_t place = 2;
};
template <>
struct MlpPrecisionFacts<cuda::F16Operands> {
  static constexpr MlpBounds bounds = {0x1p-12, 0x1p-12};
  static constexpr auto rounding = testing::to_f16;
  static constexpr std::uint64_t place = 4;
};

template <class Operands>
inline constexpr MlpBounds mlp_bounds = MlpPrecisionFacts<Operands>::bounds;
template <class Operands>
inline constexpr auto rounding_of = MlpPrecisionFacts<Operands>::rounding;

/// Precisions that share a costly case take turns, seed by seed: what a schedule finds, it finds with any of them. What does not depend on the schedule
/// asan mode finds: there all of them run.
/// @param turns  of the first three seeds; 4: each alone, 2: operands of 32 bits in odd seeds, of 16 bits in even ones. Of later ones each has half as many
template <class Operands>
bool is_turn_of_precision(std::uint64_t turns) {
#if defined(__CUDACC__)
  return true;
#else
  const std::uint64_t cycle = options().seed <= 3 ? turns : 2 * turns;
  return mode == Mode::asan || options().seed % cycle == MlpPrecisionFacts<Operands>::place % cycle;
#endif
}

}  // namespace segpref::simt
