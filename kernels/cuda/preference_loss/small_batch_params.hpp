// What small_batch_kernel is given: the whole of preference_loss for given rewards, for batches that one block per member can hold.
#pragma once

#include "kernels/cuda/preference_loss/params.hpp"
#include "kernels/cuda/segment_reduce/discount.hpp"
#include "segpref/dtype.hpp"
#include "segpref/preference_options.hpp"

namespace segpref::cuda {

template <typename Real>
struct SmallBatchParams {
  PairLossParams<Real> pairs;          ///< scores, grad_pairs and block_sums stay null: they live in shared memory
  PairSumsParams<Real> sums;           ///< block_sums and grad_scale too; a tie parameter is not shared by several members
  const void* step_rewards = nullptr;  ///< [num_members, num_steps]
  DType dtype = DType::f32;            ///< of step_rewards and grad_steps
  Real* scores = nullptr;              ///< [num_members, num_segments], or null
  void* grad_steps = nullptr;          ///< [num_members, num_steps], every element written; or null
  Aggregation aggregation = Aggregation::sum;
  bool is_discounted = false;
  DiscountPowers discount;
};

/// A block holds up to so much. Offsets, no windows.
struct SmallBatchLimits {
  static constexpr std::int64_t pairs = 512, segments = 1024, steps = 32768;
  static constexpr std::int64_t segment_steps = 1024;  ///< a warp reads a segment alone; longer ones would hold up the block
};

}  // namespace segpref::cuda
