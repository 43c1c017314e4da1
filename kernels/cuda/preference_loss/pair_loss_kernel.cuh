// Scores to losses: one thread per pair and member.
//   reads   two scores, label, weight and margin of each pair
//   writes  loss, logit and both gradients of each pair; one row of sums per block
//   order   a block's sums are added lane by lane as warp_sum does, then warp by warp: a function of the batch's shape alone
#pragma once

#include "kernels/cuda/preference_loss/config.cuh"
#include "kernels/cuda/preference_loss/pair_access.cuh"
#include "kernels/cuda/primitives/shared_memory.cuh"

namespace segpref::cuda {

struct PairLossStorage {
  math::ObjectiveConstants constants;
  double warp_sums[PairTile::num_warps][num_pair_sums];
};

template <bool has_lapse, class Model, typename Real>
__global__ void __launch_bounds__(PairTile::num_threads, PairTile::least_blocks) pair_loss_kernel(const __grid_constant__ PairLossParams<Real> p) {
  SEGPREF_SHARED(PairLossStorage, shared);
  // Place: member and position in the batch. Threads behind the batch's end stay for the sums.
  const int thread = static_cast<int>(threadIdx.x);
  const std::int64_t member = blockIdx.y, position = std::int64_t{blockIdx.x} * PairTile::num_threads + thread;
  if (thread == 0) {
    const double tie_parameter = static_cast<double>(static_cast<Real>(p.tie_parameter(member, 0)));
    const math::ObjectiveConstants constants = math::objective_constants(p.loss.tie_model, p.loss.lapse, tie_parameter);
    shared.constants = constants;
  }
  __syncthreads();

  // Load
  PairInput in;
  if (position < p.batch.num_batch_pairs) {
    const std::int64_t pair = p.batch.pair_at(member, position);
    const bool of_sides = p.side_scores != nullptr;
    const Real* scores = of_sides ? p.side_scores + 2 * (member * p.batch.num_batch_pairs + position) : p.scores + member * p.batch.num_segments;
    in = load_pair(p.batch, member, pair);
    in.first = static_cast<double>(scores[of_sides ? 0 : p.batch.segment_of(pair, 0)]);
    in.second = static_cast<double>(scores[of_sides ? 1 : p.batch.segment_of(pair, 1)]);
  }

  // The objective
  const PairStep step = pair_step<has_lapse, Model, Real>(p.loss, shared.constants, in);

  // Store
  if (in.present) {
    const std::int64_t at = member * p.batch.num_batch_pairs + position;
    store_pair(p, at, step);
    if (p.grad_pairs != nullptr) {
      p.grad_pairs[2 * at] = static_cast<Real>(step.grad_first);
      p.grad_pairs[2 * at + 1] = static_cast<Real>(step.grad_second);
    }
    if (p.pair_counted != nullptr) p.pair_counted[at] = step.sums[metric_weight_sum] > 0.0 ? 1 : 0;
  }

  // Reduce: lanes to warps, warps to one row per block
  store_warp_sums(step, shared.warp_sums[warp_of_thread()]);
  __syncthreads();
  if (thread >= num_pair_sums) return;
  double sum = shared.warp_sums[0][thread];
  SEGPREF_UNROLL
  for (int w = 1; w < PairTile::num_warps; ++w) sum += shared.warp_sums[w][thread];
  p.block_sums[(member * gridDim.x + blockIdx.x) * num_pair_sums + thread] = sum;
}

}  // namespace segpref::cuda
