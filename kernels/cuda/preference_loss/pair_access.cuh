// What the kernels of the pair stage read and write of one pair.
#pragma once

#include "kernels/cuda/preference_loss/pair_step.cuh"
#include "kernels/cuda/primitives/warp.cuh"

namespace segpref::cuda {

/// All but the scores.
SEGPREF_DEVICE PairInput load_pair(const kernels::Batch& batch, std::int64_t member, std::int64_t pair) {
  PairInput in;
  in.label = batch.labels(0, pair);
  in.weight = batch.weights(member, pair);
  in.margin = batch.margins(member, pair);
  in.present = true;
  return in;
}

/// @param at  member * num_batch_pairs + position in the batch
template <typename Real>
SEGPREF_DEVICE void store_pair(const PairLossParams<Real>& p, std::int64_t at, const PairStep& step) {
  if (p.loss_per_pair != nullptr) p.loss_per_pair[at] = static_cast<Real>(step.loss);
  if (p.logits != nullptr) p.logits[at] = static_cast<Real>(step.logit);
}

/// The sums over the lanes' pairs, for all threads after a barrier. All lanes come.
SEGPREF_DEVICE void store_warp_sums(const PairStep& step, double (&warp_sums)[num_pair_sums] SEGPREF_CALLER) {
  SEGPREF_UNROLL
  for (int i = 0; i < num_pair_sums; ++i) {
    const double sum = warp_sum(step.sums[i] SEGPREF_PASS_CALLER);
    if (lane_of_thread() == 0) warp_sums[i] = sum;
  }
}

}  // namespace segpref::cuda
