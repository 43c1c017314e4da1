// preference_loss for given rewards in one launch, a block per member: where a batch is so small that the gaps between kernels would take longer
// than the kernels. One member's 128 pairs of two segments of 50 f32 steps are 51 KB read and as many written.
//   reads   rewards, offsets, pairs, labels, weights, margins once
//   writes  what is asked for; scores and their gradients pass through shared memory
//   order   a segment's sum as warp_segment_scores_kernel has it; sums over pairs lane by lane, then warp by warp; a segment that stands in several
//           pairs adds their gradients in the order of the batch
#pragma once

#include "kernels/cuda/preference_loss/pair_access.cuh"
#include "kernels/cuda/preference_loss/pair_sums_kernel.cuh"
#include "kernels/cuda/preference_loss/small_batch_params.hpp"
#include "kernels/cuda/segment_reduce/expand_kernel.cuh"
#include "kernels/cuda/segment_reduce/kernel.cuh"

namespace segpref::cuda {

/// Not measured on a GPU yet.
struct SmallBatchTile {
  static constexpr int num_threads = 512;  ///< a thread per pair
  static constexpr int num_warps = num_threads / threads_per_warp;
  static constexpr int least_blocks = 1;   ///< per multiprocessor; without it the compiler aims at more, and spills
  static constexpr int segments_per_group = 8;
};
static_assert(SmallBatchTile::num_threads >= SmallBatchLimits::pairs);

template <typename Real>
struct SmallBatchStorage {
  double warp_sums[SmallBatchTile::num_warps][num_pair_sums], totals[num_pair_sums];
  int offsets[SmallBatchLimits::segments + 1];
  int sides[2 * SmallBatchLimits::pairs];         ///< segments of the pairs of the batch
  Real grad_sides[2 * SmallBatchLimits::pairs];   ///< gradients of those scores
  Real scores[SmallBatchLimits::segments];        ///< then their gradients, scaled
  Real grad_scale;
};

/// call(Element()) with the type of the step rewards.
template <typename Real, class Call>
SEGPREF_DEVICE void with_element(DType dtype, Call call) {
  if constexpr (sizeof(Real) == 8) {
    call(double());
  } else {
    if (dtype == DType::f32) call(float());
    else if (dtype == DType::bf16) call(bf16());
    else call(f16());
  }
}

template <typename Element, typename Real>
SEGPREF_DEVICE void small_batch_scores(const SmallBatchParams<Real>& p, std::int64_t member, SmallBatchStorage<Real>& shared SEGPREF_CALLER) {
  constexpr int group_size = SmallBatchTile::segments_per_group;
  using Group = SegmentGroup<group_size, int>;
  const auto num_segments = static_cast<int>(p.pairs.batch.num_segments);
  const Element* row = static_cast<const Element*>(p.step_rewards) + member * p.pairs.batch.num_steps;
  for (int first = warp_of_thread() * group_size; first < num_segments; first += SmallBatchTile::num_warps * group_size) {
    Group group;
    SEGPREF_UNROLL
    for (int i = 0; i < group_size; ++i) {
      const int segment = smaller(first + i, num_segments - 1);
      group.begins[i] = shared.offsets[segment];
      group.lengths[i] = p.aggregation == Aggregation::last ? 0 : shared.offsets[segment + 1] - group.begins[i];
    }
    const auto power = [&](int step) { return p.is_discounted ? static_cast<Real>(p.discount(step)) : Real(1); };
    const Real sum = sum_of_group<Real>(row, group, power SEGPREF_PASS_CALLER);
    const int segment = first + Group::of_lane();
    if (lane_of_thread() % Group::lanes_per_segment != 0 || segment >= num_segments) continue;
    const int begin = shared.offsets[segment];
    const Real score = finish_score(p.aggregation, row + begin, shared.offsets[segment + 1] - begin, sum);
    shared.scores[segment] = score;
    if (p.scores != nullptr) p.scores[member * num_segments + segment] = score;
  }
}

/// The scaled gradient of one segment's score, from those of the sides it stands on.
template <typename Real>
SEGPREF_DEVICE Real small_batch_grad_score(const kernels::Batch& batch, const SmallBatchStorage<Real>& shared, int segment) {
  const auto num_sides = static_cast<int>(2 * batch.num_batch_pairs);
  Real grad = 0;
  if (batch.identity_pairs()) grad = segment < num_sides ? shared.grad_sides[segment] : Real(0);
  else
    for (int side = 0; side < num_sides; ++side) grad += shared.sides[side] == segment ? shared.grad_sides[side] : Real(0);
  return grad * shared.grad_scale;
}

template <typename Element, typename Real>
SEGPREF_DEVICE void small_batch_expand(const SmallBatchParams<Real>& p, std::int64_t member, const SmallBatchStorage<Real>& shared) {
  const auto num_segments = static_cast<int>(p.pairs.batch.num_segments), num_steps = static_cast<int>(p.pairs.batch.num_steps);
  Element* out = static_cast<Element*>(p.grad_steps) + member * num_steps;
  for (int segment = warp_of_thread(); segment < num_segments; segment += SmallBatchTile::num_warps) {
    const int begin = shared.offsets[segment], end = shared.offsets[segment + 1];
    for (int step = begin + lane_of_thread(); step < end; step += threads_per_warp) out[step] = narrow<Element>(step_gradient(p, shared.scores[segment], begin, end, step));
  }
  // Steps of no segment
  const int first = shared.offsets[0], past = shared.offsets[num_segments], thread = static_cast<int>(threadIdx.x);
  for (int step = thread; step < first; step += SmallBatchTile::num_threads) out[step] = narrow<Element>(Real(0));
  for (int step = past + thread; step < num_steps; step += SmallBatchTile::num_threads) out[step] = narrow<Element>(Real(0));
}

template <bool has_lapse, class Model, typename Real>
__global__ void __launch_bounds__(SmallBatchTile::num_threads, SmallBatchTile::least_blocks) small_batch_kernel(const __grid_constant__ SmallBatchParams<Real> p) {
  SEGPREF_SHARED(math::ObjectiveConstants, constants);
  SEGPREF_SHARED(SmallBatchStorage<Real>, shared);
  const kernels::Batch& batch = p.pairs.batch;
  const int thread = static_cast<int>(threadIdx.x);
  const auto member = static_cast<std::int64_t>(blockIdx.x);

  // Load all that does not wait for scores
  for (std::int64_t i = thread; i <= batch.num_segments; i += SmallBatchTile::num_threads) {
    const auto offset = static_cast<int>(batch.offsets[i]);
    shared.offsets[i] = offset;
  }
  PairInput in;
  if (thread < batch.num_batch_pairs) {
    const std::int64_t pair = batch.pair_at(member, thread);
    in = load_pair(batch, member, pair);
    for (int side = 0; side < 2; ++side) {
      const auto segment = static_cast<int>(batch.segment_of(pair, side));
      shared.sides[2 * thread + side] = segment;
    }
  }
  if (thread == 0) {
    const double tie_parameter = static_cast<double>(static_cast<Real>(p.pairs.tie_parameter(member, 0)));
    const math::ObjectiveConstants of_member = math::objective_constants(p.pairs.loss.tie_model, p.pairs.loss.lapse, tie_parameter);
    constants = of_member;
  }
  __syncthreads();

  // Scores
  with_element<Real>(p.dtype, [&](auto element) { small_batch_scores<decltype(element)>(p, member, shared); });
  __syncthreads();

  // The objective
  if (in.present) {
    in.first = static_cast<double>(shared.scores[shared.sides[2 * thread]]);
    in.second = static_cast<double>(shared.scores[shared.sides[2 * thread + 1]]);
  }
  const PairStep step = pair_step<has_lapse, Model, Real>(p.pairs.loss, constants, in);
  if (in.present) {
    store_pair(p.pairs, member * batch.num_batch_pairs + thread, step);
    shared.grad_sides[2 * thread] = static_cast<Real>(step.grad_first);
    shared.grad_sides[2 * thread + 1] = static_cast<Real>(step.grad_second);
  }
  store_warp_sums(step, shared.warp_sums[warp_of_thread()]);
  __syncthreads();

  // Totals, by the first warp
  if (thread < threads_per_warp) {
    if (thread < num_pair_sums) {
      double sum = shared.warp_sums[0][thread];
      for (int warp = 1; warp < SmallBatchTile::num_warps; ++warp) sum += shared.warp_sums[warp][thread];
      shared.totals[thread] = sum;
    }
    __syncwarp();
    if (thread == 0) {
      const double scale = store_totals(p.sums, member, shared.totals);
      shared.grad_scale = static_cast<Real>(scale);
      if (p.sums.grad_tie_parameter != nullptr) p.sums.grad_tie_parameter[member] = static_cast<Real>(shared.totals[num_metrics] * scale);
    }
  }
  if (p.grad_steps == nullptr) return;
  __syncthreads();

  // The gradient
  for (int segment = thread; segment < batch.num_segments; segment += SmallBatchTile::num_threads) {
    const Real grad = small_batch_grad_score(batch, shared, segment);
    shared.scores[segment] = grad;
  }
  __syncthreads();
  with_element<Real>(p.dtype, [&](auto element) { small_batch_expand<decltype(element)>(p, member, shared); });
}

}  // namespace segpref::cuda
