// Scores to losses: one thread per pair and member.
//   reads   two scores, label, weight and margin of each pair
//   writes  loss, logit and both gradients of each pair; one row of sums per block
//   order   a block's sums are added lane by lane as warp_sum does, then warp by warp: a function of the batch's shape alone
#pragma once

#include "kernels/cuda/preference_loss/config.cuh"
#include "kernels/cuda/preference_loss/pair_step.cuh"
#include "kernels/cuda/primitives/shared_memory.cuh"
#include "kernels/cuda/primitives/warp.cuh"

namespace segpref::cuda {

struct PairLossStorage {
  math::ObjectiveConstants constants;
  double warp_sums[PairTile::num_warps][num_pair_sums];
};

template <bool has_lapse, class Model, typename Real>
__global__ void __launch_bounds__(PairTile::num_threads, PairTile::least_blocks) pair_loss_kernel(const __grid_constant__ PairLossParams<Real> p) {
  SEGPREF_SHARED(PairLossStorage, shared);
  // Place: member and position in the batch. Threads behind the batch's end stay for the sums.
  const int thread = static_cast<int>(threadIdx.x), lane = lane_of_thread(), warp = warp_of_thread();
  const std::int64_t member = blockIdx.y, position = std::int64_t{blockIdx.x} * PairTile::num_threads + thread;
  if (thread == 0) {
    const double tie_parameter = static_cast<double>(static_cast<Real>(p.tie_parameter(member, 0)));
    const math::ObjectiveConstants constants = math::objective_constants(p.loss.tie_model, p.loss.lapse, tie_parameter);
    shared.constants = constants;
  }
  __syncthreads();

  // Load
  PairInput in{0, 0, 0, 0, 0, position < p.batch.num_batch_pairs};
  if (in.present) {
    const std::int64_t pair = p.batch.pair_at(member, position);
    const Real* scores = p.scores + member * p.batch.num_segments;
    in.first = static_cast<double>(scores[p.batch.segment_of(pair, 0)]);
    in.second = static_cast<double>(scores[p.batch.segment_of(pair, 1)]);
    in.label = p.batch.labels(0, pair);
    in.weight = p.batch.weights(member, pair);
    in.margin = p.batch.margins(member, pair);
  }

  // The objective
  const PairStep step = pair_step<has_lapse, Model, Real>(p.loss, shared.constants, in);

  // Store
  if (in.present) {
    const std::int64_t at = member * p.batch.num_batch_pairs + position;
    if (p.loss_per_pair != nullptr) p.loss_per_pair[at] = static_cast<Real>(step.loss);
    if (p.logits != nullptr) p.logits[at] = static_cast<Real>(step.logit);
    if (p.grad_pairs != nullptr) {
      p.grad_pairs[2 * at] = static_cast<Real>(step.grad_first);
      p.grad_pairs[2 * at + 1] = static_cast<Real>(step.grad_second);
    }
  }

  // Reduce: lanes to warps, warps to one row per block
  SEGPREF_UNROLL
  for (int i = 0; i < num_pair_sums; ++i) {
    const double sum = warp_sum(step.sums[i]);
    if (lane == 0) shared.warp_sums[warp][i] = sum;
  }
  __syncthreads();
  if (thread >= num_pair_sums) return;
  double sum = shared.warp_sums[0][thread];
  SEGPREF_UNROLL
  for (int w = 1; w < PairTile::num_warps; ++w) sum += shared.warp_sums[w][thread];
  p.block_sums[(member * gridDim.x + blockIdx.x) * num_pair_sums + thread] = sum;
}

}  // namespace segpref::cuda
