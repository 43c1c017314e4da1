// Gradients of scores to gradients of steps: one write of grad_steps, the floor of this work.
//   reads   a segment's gradient and two offsets, from the caches for all but its first step
//   writes  every step once, 16 bytes a thread; steps of no segment are 0
//   balance a warp owns a stretch of steps whatever the segments' lengths, and finds its first segment by a search of a few rounds
#pragma once

#include "kernels/cuda/primitives/convert.cuh"
#include "kernels/cuda/primitives/search.cuh"
#include "kernels/cuda/segment_reduce/expand_params.hpp"

namespace segpref::cuda {

/// d(loss)/d(step reward) from the (scaled) gradient of the score of a segment [begin, end) that holds the step.
template <class Params, typename Real>
SEGPREF_DEVICE Real step_gradient(const Params& p, Real grad_score, std::int64_t begin, std::int64_t end, std::int64_t step) {
  if (p.aggregation == Aggregation::last) return step == end - 1 ? grad_score : Real(0);
  if (p.is_discounted) grad_score *= static_cast<Real>(p.discount(step - begin));
  return p.aggregation == Aggregation::mean ? divide(grad_score, static_cast<Real>(end - begin)) : grad_score;
}

/// Not measured on a GPU yet.
template <typename Element>
struct ExpandTile {
  static constexpr int num_threads = 256;
  static constexpr int least_blocks = 4;  ///< per multiprocessor; without it the compiler aims at full occupancy, and spills
  static constexpr int steps_per_thread = 16 / static_cast<int>(sizeof(Element));  ///< at a time
  static constexpr int steps_per_round = threads_per_warp * steps_per_thread;      ///< of a warp
  static constexpr int rounds = 8;
  static constexpr std::int64_t steps_per_warp = std::int64_t{rounds} * steps_per_round;
  static constexpr std::int64_t steps_per_block = steps_per_warp * (num_threads / threads_per_warp);
};

/// 16 bytes of elements.
template <typename Element>
struct alignas(16) ElementLine {
  Element at[ExpandTile<Element>::steps_per_thread];
};

/// Walks through the steps of a row in order and knows the gradient of each.
template <typename Element, typename Real>
class StepGradients {
 public:
  SEGPREF_DEVICE StepGradients(const ExpandParams<Element, Real>& p, std::int64_t member)
      : p_(p), grad_scores_(p.grad_scores + member * p.num_graded), scale_(p.grad_scale == nullptr ? Real(1) : p.grad_scale[member]) {}

  /// To a segment that begins at or before every step asked for later; -1: before the first.
  SEGPREF_DEVICE void go_to(std::int64_t segment) {
    segment_ = segment;
    begin_ = segment < 0 ? 0 : p_.offsets[segment];
    end_ = segment >= p_.num_segments ? INT64_MAX : p_.offsets[segment + 1];
    grad_ = segment < 0 || segment >= p_.num_graded ? Real(0) : grad_scores_[segment] * scale_;
  }
  SEGPREF_DEVICE std::int64_t segment() const { return segment_; }

  SEGPREF_DEVICE Real at(std::int64_t step) {
    if (step >= end_) go_to(last_not_above(p_.offsets, p_.num_segments + 1, step, segment_));
    return step_gradient(p_, grad_, begin_, end_, step);
  }

 private:
  const ExpandParams<Element, Real>& p_;
  const Real* grad_scores_;
  Real scale_, grad_ = 0;
  std::int64_t segment_ = -1, begin_ = 0, end_ = 0;
};

template <typename Element, typename Real>
__global__ void __launch_bounds__(ExpandTile<Element>::num_threads, ExpandTile<Element>::least_blocks) expand_gradient_kernel(const __grid_constant__ ExpandParams<Element, Real> p) {
  using Tile = ExpandTile<Element>;
  // Place: the warp's stretch, in whole lines of 16 bytes of this member's row; its first line may begin before the row.
  const std::int64_t member = blockIdx.y;
  Element* const out = p.grad_steps + member * p.num_steps;
  const std::int64_t before = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(out) / sizeof(Element) % Tile::steps_per_thread);
  const std::int64_t stretch = std::int64_t{blockIdx.x} * Tile::steps_per_block + warp_of_thread() * Tile::steps_per_warp - before;
  if (stretch >= p.num_steps) return;

  StepGradients<Element, Real> gradients(p, member);
  std::int64_t segment = warp_last_not_above(p.offsets, p.num_segments + 1, stretch);
  for (int round = 0; round < Tile::rounds; ++round) {
    const std::int64_t first_step = stretch + round * Tile::steps_per_round + lane_of_thread() * Tile::steps_per_thread;
    gradients.go_to(segment);
    ElementLine<Element> line;
    SEGPREF_UNROLL
    for (int i = 0; i < Tile::steps_per_thread; ++i) line.at[i] = narrow<Element>(gradients.at(first_step + i));
    if (first_step >= 0 && first_step + Tile::steps_per_thread <= p.num_steps) {
      *reinterpret_cast<ElementLine<Element>*>(out + first_step) = line;
    } else {
      SEGPREF_UNROLL
      for (int i = 0; i < Tile::steps_per_thread; ++i)
        if (first_step + i >= 0 && first_step + i < p.num_steps) out[first_step + i] = line.at[i];
    }
    segment = warp_broadcast(gradients.segment(), threads_per_warp - 1);  // no lane of the next round is before it
  }
}

}  // namespace segpref::cuda
