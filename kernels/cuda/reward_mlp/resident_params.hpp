// What the resident kernel and the two that follow it are given: a whole training step of a narrow network, from features to gradients of weights.
#pragma once

#include "kernels/cuda/preference_loss/params.hpp"
#include "kernels/cuda/reward_mlp/params.hpp"
#include "kernels/cuda/segment_reduce/discount.hpp"
#include "segpref/preference_options.hpp"

namespace segpref::cuda {

/// How pairs are shared out: a function of a plan's capacities and its device alone, so that bits do not depend on how full the plan is.
struct MlpResidentGrid {
  int segment_rows = 1;    ///< rows of a tile for each segment: what the longest one takes. A longer segment scores NaN
  int pairs_per_tile = 1;  ///< a tile is the next so many pairs of the batch
  int num_blocks = 1;      ///< of a member. Block b takes tiles b, b + num_blocks, ...
};

/// mlp_resident_kernel, pair_sums_kernel and, where gradients are wanted, mlp_reduce_grad_kernel.
struct MlpResidentParams {
  MlpShape shape;
  MlpFormula formula;
  MlpFeatures features;
  PairLossParams<float> pairs;         ///< block_sums: [num_members, num_blocks, num_pair_sums]; scores and grad_pairs stay null: they live in shared memory
  PairSumsParams<float> sums;          ///< grad_scale is there where gradients are
  Aggregation aggregation = Aggregation::sum;
  bool is_discounted = false;
  DiscountPowers discount = {};
  MlpResidentGrid grid;
  const float* parameters = nullptr;   ///< [num_parameters], the flat buffer
  float* partial = nullptr;            ///< [num_blocks, num_parameters], every element written; null: losses alone
  float* gradients = nullptr;          ///< [num_parameters]; null: the parts alone

  /// What adds the blocks' gradients up.
  MlpWeightGradParams parts() const {
    MlpWeightGradParams reduction;
    reduction.shape = shape;
    reduction.num_splits = grid.num_blocks;
    reduction.partial = partial;
    reduction.grad_scale = sums.grad_scale;
    reduction.gradients = gradients;
    return reduction;
  }
};

}  // namespace segpref::cuda
