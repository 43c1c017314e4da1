// Gradients of the linear head from gradients of scores, launched as a host would.
#pragma once

#include <algorithm>
#include <numeric>

#include "kernels/cuda/reward_linear/grad_features_kernel.cuh"
#include "kernels/cuda/reward_linear/grad_head_kernels.cuh"
#include "kernels/cuda/segment_reduce/expand_kernel.cuh"
#include "kernels/cuda/segment_reduce/expand_windows_kernel.cuh"
#include "tests/simt/support/linear_problem.hpp"

namespace segpref::simt {

template <typename Real>
struct HeadGradients {
  std::vector<Real> weight, bias;
};

/// @param grad_scores  [num_members, num_graded]
/// @param scale        [num_members]
/// @param Tile         how segments are cut into slices
template <typename Element, class Tile = cuda::GradHeadTile>
HeadGradients<cuda::compute_t<Element>> grad_head(const LinearProblem<Element>& problem, const LinearForward<Element>& forward, const Buffer<cuda::compute_t<Element>>& grad_scores,
                                                  const Buffer<cuda::compute_t<Element>>& scale) {
  using Real = cuda::compute_t<Element>;
  const std::int64_t members = problem.shape.num_members, dim = problem.shape.feature_dim, slices = Tile::num_slices(problem.num_graded());
  const Buffer<Real> d_slices(count(slices * members * (dim + 1))), d_weight(count(members * dim)), d_bias(count(problem.shape.shared_bias ? 1 : members));
  cuda::GradHeadParams<Real> p;
  p.segments = forward.segments;
  p.num_members = members;
  p.feature_dim = dim;
  p.sums = forward.d_sums.get();
  p.grad_scores = grad_scores.get();
  p.num_graded = problem.num_graded();
  p.grad_scale = scale.get();
  p.slice_sums = d_slices.get();
  p.grad_weight = d_weight.get();
  p.grad_bias = d_bias.get();
  p.bias_stride = problem.shape.shared_bias ? 0 : 1;
  const auto column_blocks = static_cast<unsigned>(cuda::blocks_of(dim + 1, Tile::num_threads));
  const dim3 grid(column_blocks, static_cast<unsigned>(slices), static_cast<unsigned>(cuda::blocks_of(members, Tile::members_at_once)));
  if (slices > 0) launch(cuda::grad_head_slices_kernel<Tile, Real>, grid, Tile::num_threads, 0, p);
  launch(cuda::grad_head_kernel<Tile, Real>, dim3(column_blocks, static_cast<unsigned>(members)), Tile::num_threads, 0, p);
  return {d_weight.to_host(), d_bias.to_host()};
}

/// Gradients of step rewards by the kernels of segment_reduce.
template <typename Element>
void expand(const LinearProblem<Element>& problem, const Buffer<cuda::compute_t<Element>>& grad_scores, const Buffer<cuda::compute_t<Element>>& scale,
            const Buffer<cuda::compute_t<Element>>& grad_step_rewards) {
  using Real = cuda::compute_t<Element>;
  const cuda::FeatureSegments segments = problem.segments();
  const auto set_shared = [&](auto& p) {
    p.num_members = problem.shape.num_members;
    p.num_steps = segments.num_steps;
    p.num_segments = segments.num_segments;
    p.aggregation = segments.aggregation;
    p.is_discounted = segments.is_discounted;
    p.discount = segments.discount;
    p.grad_scores = grad_scores.get();
    p.num_graded = problem.num_graded();
    p.grad_scale = scale.get();
    p.grad_steps = grad_step_rewards.get();
  };
  const auto grid = [&](std::int64_t steps, std::int64_t per_block) { return dim3(static_cast<unsigned>(cuda::blocks_of(steps, per_block)), static_cast<unsigned>(problem.shape.num_members)); };
  if (!segments.windows()) {
    using Tile = cuda::ExpandTile<Real>;
    cuda::ExpandParams<Real, Real> p;
    set_shared(p);
    p.offsets = segments.offsets;
    return launch(cuda::expand_gradient_kernel<Real, Real>, grid(segments.num_steps + Tile::steps_per_thread - 1, Tile::steps_per_block), Tile::num_threads, 0, p);
  }
  using Tile = cuda::ExpandWindowsTile;
  std::vector<std::uint32_t> by_begin(problem.begins.size());
  std::iota(by_begin.begin(), by_begin.end(), 0u);
  std::stable_sort(by_begin.begin(), by_begin.end(), [&](std::uint32_t a, std::uint32_t b) { return problem.begins[a] < problem.begins[b]; });
  std::vector<std::int64_t> begins, ends, reach;
  for (std::uint32_t s : by_begin) {
    begins.push_back(problem.begins[s]);
    ends.push_back(problem.begins[s] + problem.lengths[s]);
    reach.push_back(std::max(reach.empty() ? 0 : reach.back(), ends.back()));
  }
  const Buffer<std::uint32_t> d_by_begin(by_begin);
  const Buffer<std::int64_t> d_begins(begins), d_ends(ends), d_reach(reach);
  cuda::ExpandWindowsParams<Real, Real> p;
  set_shared(p);
  p.by_begin = d_by_begin.get();
  p.begins = d_begins.get();
  p.ends = d_ends.get();
  p.reach = d_reach.get();
  launch(cuda::expand_windows_kernel<Real, Real>, grid(segments.num_steps, Tile::steps_per_block), Tile::num_threads, 0, p);
}

/// @param shift  elements of the gradient's buffer before it
template <typename Element>
std::vector<Element> grad_features(const LinearProblem<Element>& problem, const Buffer<cuda::compute_t<Element>>& grad_step_rewards, std::int64_t shift = 0) {
  using Real = cuda::compute_t<Element>;
  using Rows = cuda::GradFeaturesTile;
  const std::int64_t dim = problem.shape.feature_dim, steps = problem.reference.num_steps;
  const Buffer<Element> d_gradient(std::vector<Element>(count(shift + steps * dim), math::from_real<Element>(7.0f)));
  cuda::GradFeaturesParams<Element, Real> p;
  p.num_members = problem.shape.num_members;
  p.num_steps = steps;
  p.feature_dim = dim;
  p.weight = problem.d_weight->get();
  p.grad_step_rewards = grad_step_rewards.get();
  p.grad_features = d_gradient.get() + shift;
  const auto launch_with = [&]<class Columns>(Columns) {
    const auto blocks = static_cast<unsigned>(Columns::column_blocks(dim) * cuda::blocks_of(steps, Rows::rows_per_block));
    launch(cuda::grad_features_kernel<Columns, Rows, Element, Real>, dim3(blocks), Columns::num_threads, 0, p);
  };
  if (cuda::rows_are_aligned(p.grad_features, dim * static_cast<std::int64_t>(sizeof(Element)))) launch_with(cuda::FeatureTile<Element, true>());
  else launch_with(cuda::FeatureTile<Element, false>());
  const std::vector<Element> buffer = d_gradient.to_host();
  for (std::int64_t i = 0; i < shift; ++i) EXPECT_EQ(math::to_f32(buffer[count(i)]), 7.0f) << "an element before the gradient was written";
  return {buffer.begin() + shift, buffer.end()};
}

}  // namespace segpref::simt
