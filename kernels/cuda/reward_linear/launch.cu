// Everything but the kernels that touch whole rows of features: feature_sums_launch.cu and grad_features_launch.cu.
#include "kernels/cuda/reward_linear/launch.hpp"

#include <algorithm>

#include "kernels/cuda/primitives/grid_size.hpp"
#include "kernels/cuda/primitives/launch.hpp"
#include "kernels/cuda/reward_linear/grad_head_kernels.cuh"
#include "kernels/cuda/reward_linear/scores_kernels.cuh"
#include "kernels/cuda/reward_linear/step_rewards_kernel.cuh"
#include "kernels/cuda/reward_linear/used_segments_kernel.cuh"

namespace segpref::cuda {

template <typename Element>
std::int64_t most_linear_blocks(std::int64_t num_steps, std::int64_t num_segments, std::int64_t feature_dim) {
  static_assert(FeatureTile<Element, false>::columns_per_block <= FeatureTile<Element, true>::columns_per_block);
  const std::int64_t of_rows = blocks_of(num_steps, std::min<std::int64_t>(rows_per_piece, GradFeaturesTile::rows_per_block));
  const std::int64_t columns = std::max(FeatureTile<Element, false>::column_blocks(feature_dim), SegmentSumsTile::column_blocks(feature_dim));
  return columns * std::max(of_rows, num_segments);
}

template <typename Element>
std::int64_t most_reward_parts(std::int64_t feature_dim) { return FeatureTile<Element, false>::reward_parts(feature_dim); }

template <typename Element>
std::int64_t columns_per_block() { return FeatureTile<Element, true>::columns_per_block; }

std::int64_t num_score_parts(std::int64_t feature_dim) { return SegmentSumsTile::column_blocks(feature_dim); }

std::int64_t most_grad_slices(std::int64_t num_segments) { return std::min(blocks_of(num_segments, GradHeadTile::segments_at_once), GradHeadTile::max_slices); }

cudaError_t launch_mark_used_segments(const UsedSegmentsParams& params, cudaStream_t stream) {
  using Tile = LinearResultTile;
  if (params.batch.num_segments == 0) return cudaSuccess;
  const cudaError_t code = cudaMemsetAsync(params.used, 0, static_cast<std::size_t>(params.batch.num_segments) * sizeof(*params.used), stream);
  if (code != cudaSuccess || params.num_entries() == 0) return code;
  return launch_kernel(mark_used_segments_kernel<Tile>, dim3(num_blocks(params.num_entries(), Tile::num_threads)), Tile::num_threads, 0, stream, params);
}

template <typename Real>
cudaError_t launch_linear_scores(const LinearScoresParams<Real>& params, cudaStream_t stream) {
  using Sums = SegmentSumsTile;
  using Results = LinearResultTile;
  const std::int64_t num_segments = params.segments.num_segments;
  if (num_segments == 0) return cudaSuccess;
  const dim3 sums_grid(num_blocks(Sums::column_blocks(params.weights.feature_dim) * num_segments, 1));
  const cudaError_t code = launch_kernel(segment_sums_kernel<Sums, Real>, sums_grid, Sums::num_threads, 0, stream, params);
  if (code != cudaSuccess) return code;
  const dim3 grid(num_blocks(num_segments, Results::num_threads), static_cast<unsigned>(params.weights.num_members));
  return launch_kernel(linear_scores_kernel<Results, Sums, Real>, grid, Results::num_threads, 0, stream, params);
}

template <typename Real>
cudaError_t launch_step_rewards(const StepRewardsParams<Real>& params, cudaStream_t stream) {
  using Tile = LinearResultTile;
  if (params.num_steps == 0) return cudaSuccess;
  const dim3 grid(num_blocks(params.num_steps, Tile::num_threads), static_cast<unsigned>(params.weights.num_members));
  return launch_kernel(step_rewards_kernel<Tile, Real>, grid, Tile::num_threads, 0, stream, params);
}

template <typename Real>
cudaError_t launch_grad_head(const GradHeadParams<Real>& params, cudaStream_t stream) {
  using Tile = GradHeadTile;
  const unsigned column_blocks = num_blocks(params.feature_dim + 1, Tile::num_threads);
  if (const std::int64_t slices = Tile::num_slices(params.num_graded); slices > 0) {
    const dim3 grid(column_blocks, static_cast<unsigned>(slices), num_blocks(params.num_members, Tile::members_at_once));
    const cudaError_t code = launch_kernel(grad_head_slices_kernel<Tile, Real>, grid, Tile::num_threads, 0, stream, params);
    if (code != cudaSuccess) return code;
  }
  const dim3 grid(column_blocks, static_cast<unsigned>(params.num_members));
  return launch_kernel(grad_head_kernel<Tile, Real>, grid, Tile::num_threads, 0, stream, params);
}

#define SEGPREF_INSTANTIATE(Real)                                                              \
  template cudaError_t launch_linear_scores(const LinearScoresParams<Real>&, cudaStream_t);    \
  template cudaError_t launch_step_rewards(const StepRewardsParams<Real>&, cudaStream_t);      \
  template cudaError_t launch_grad_head(const GradHeadParams<Real>&, cudaStream_t);
SEGPREF_INSTANTIATE(float)
SEGPREF_INSTANTIATE(double)
#undef SEGPREF_INSTANTIATE

#define SEGPREF_INSTANTIATE(Element)                                                                      \
  template std::int64_t most_linear_blocks<Element>(std::int64_t, std::int64_t, std::int64_t);            \
  template std::int64_t most_reward_parts<Element>(std::int64_t);                                         \
  template std::int64_t columns_per_block<Element>();
SEGPREF_INSTANTIATE(float)
SEGPREF_INSTANTIATE(double)
SEGPREF_INSTANTIATE(bf16)
SEGPREF_INSTANTIATE(f16)
#undef SEGPREF_INSTANTIATE

}  // namespace segpref::cuda
