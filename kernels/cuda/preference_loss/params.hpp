// What the kernels of this family are given: plain structs, a shape on every pointer. "Real" is f64 where rewards are f64, else f32.
#pragma once

#include <cstdint>

#include "kernels/common/batch.hpp"
#include "kernels/common/loss_params.hpp"

namespace segpref::cuda {

/// Sums over pairs: the metrics in their order, then the gradient of the tie parameter.
inline constexpr int num_pair_sums = num_metrics + 1;

/// pair_loss_kernel: scores in, results of every pair and sums per block out. A null output is not wanted.
template <typename Real>
struct PairLossParams {
  kernels::Batch batch;
  kernels::LossParams loss;
  kernels::RealArray tie_parameter;        ///< member_stride 0 or 1
  const Real* scores = nullptr;            ///< [num_members, num_segments], or
  const Real* side_scores = nullptr;       ///< [num_members, num_batch_pairs, 2] (first, second)
  Real* loss_per_pair = nullptr;           ///< [num_members, num_batch_pairs]
  Real* logits = nullptr;                  ///< [num_members, num_batch_pairs]
  Real* grad_pairs = nullptr;              ///< [num_members, num_batch_pairs, 2] (first, second): the divisor of a mean is not applied
  std::uint8_t* pair_counted = nullptr;    ///< [num_members, num_batch_pairs]: 0 for a pair that is left out
  double* block_sums = nullptr;            ///< [num_members, num_blocks, num_pair_sums]
};

/// pair_sums_kernel: sums per block in, what they mean for the whole batch out.
template <typename Real>
struct PairSumsParams {
  std::int64_t num_members = 0, num_blocks = 0;
  bool is_mean = true;
  double normalizer = 0.0;                 ///< divisor of a mean; 0: the sum of weights
  bool shared_tie_parameter = false;       ///< its gradient is then the sum over members
  const double* block_sums = nullptr;      ///< [num_members, num_blocks, num_pair_sums]
  Real* reduced_loss = nullptr;            ///< [num_members]
  double* metrics = nullptr;               ///< [num_members, num_metrics]
  Real* grad_tie_parameter = nullptr;      ///< [1] or [num_members]
  Real* grad_scale = nullptr;              ///< [num_members]: what gradients are multiplied with; 0 when nothing was counted
};

}  // namespace segpref::cuda
