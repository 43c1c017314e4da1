// The same for windows, which may overlap: a step's gradient is a sum over the windows that hold it.
//   order   windows are added in the order of their begins, then of their indices
//   balance a warp owns a stretch of steps; a step looks at the windows between the first that reaches beyond it and the last that begins at
//           or before it, which are few unless one window is far longer than its neighbours
#pragma once

#include "kernels/cuda/segment_reduce/expand_kernel.cuh"

namespace segpref::cuda {

/// Not measured on a GPU yet.
struct ExpandWindowsTile {
  static constexpr int num_threads = 256;
  static constexpr int least_blocks = 4;  ///< per multiprocessor; without it the compiler aims at full occupancy, and spills
  static constexpr int rounds = 8;
  static constexpr std::int64_t steps_per_warp = std::int64_t{rounds} * threads_per_warp;
  static constexpr std::int64_t steps_per_block = steps_per_warp * (num_threads / threads_per_warp);
};

template <typename Element, typename Real>
__global__ void __launch_bounds__(ExpandWindowsTile::num_threads, ExpandWindowsTile::least_blocks) expand_windows_kernel(const __grid_constant__ ExpandWindowsParams<Element, Real> p) {
  using Tile = ExpandWindowsTile;
  const std::int64_t member = blockIdx.y, stretch = std::int64_t{blockIdx.x} * Tile::steps_per_block + warp_of_thread() * Tile::steps_per_warp;
  if (stretch >= p.num_steps) return;
  const kernels::IndexArray begins{p.begins, true}, reach{p.reach, true};
  const Real* grad_scores = p.grad_scores + member * p.num_graded;
  const Real scale = p.grad_scale == nullptr ? Real(1) : p.grad_scale[member];
  std::int64_t last = warp_last_not_above(begins, p.num_segments, stretch), before_first = warp_last_not_above(reach, p.num_segments, stretch);
  for (int round = 0; round < Tile::rounds; ++round) {
    const std::int64_t step = stretch + round * threads_per_warp + lane_of_thread();
    last = last_not_above(begins, p.num_segments, step, last);
    before_first = last_not_above(reach, p.num_segments, step, before_first);
    Real grad = 0;
    for (std::int64_t i = before_first + 1; i <= last; ++i) {
      const std::int64_t segment = p.by_begin[i];
      if (step < p.ends[i] && segment < p.num_graded) grad += step_gradient(p, grad_scores[segment] * scale, p.begins[i], p.ends[i], step);
    }
    if (step < p.num_steps) p.grad_steps[member * p.num_steps + step] = narrow<Element>(grad);
  }
}

}  // namespace segpref::cuda
