// The reading of the features, in a source of its own: its kernels take the longest to compile.
#include "kernels/cuda/primitives/grid_size.hpp"
#include "kernels/cuda/primitives/launch.hpp"
#include "kernels/cuda/reward_linear/feature_sums_kernel.cuh"
#include "kernels/cuda/reward_linear/launch.hpp"

namespace segpref::cuda {
namespace {

template <typename Element, typename Real>
bool is_aligned(const FeatureSumsParams<Element, Real>& params) {
  return rows_are_aligned(params.features, params.row_stride * static_cast<std::int64_t>(sizeof(Element)));
}

template <class Tile, typename Element, typename Real>
cudaError_t launch_windows(const FeatureSumsParams<Element, Real>& params, cudaStream_t stream) {
  const std::int64_t blocks = Tile::column_blocks(params.weights.feature_dim) * params.segments.num_segments;
  const dim3 grid(num_blocks(blocks, 1), static_cast<unsigned>(params.segments.pieces_per_window));
  return launch_kernel(window_sums_kernel<Tile, Element, Real>, grid, Tile::num_threads, 0, stream, params);
}

template <class Tile, bool with_rewards, typename Element, typename Real>
cudaError_t launch_stretches(const FeatureSumsParams<Element, Real>& params, cudaStream_t stream) {
  const std::int64_t blocks = Tile::column_blocks(params.weights.feature_dim) * params.segments.num_stretches();
  return launch_kernel(feature_sums_kernel<Tile, with_rewards, Element, Real>, dim3(num_blocks(blocks, 1)), Tile::num_threads, 0, stream, params);
}

template <class Tile, typename Element, typename Real>
cudaError_t launch_with(const FeatureSumsParams<Element, Real>& params, cudaStream_t stream) {
  const FeatureSegments& segments = params.segments;
  const bool wants_rewards = params.reward_parts != nullptr, reads_all = !segments.windows() && !segments.only_last();
  if (wants_rewards && reads_all) return launch_stretches<Tile, true>(params, stream);
  if (segments.num_segments > 0) {
    const cudaError_t code = segments.windows() ? launch_windows<Tile>(params, stream) : launch_stretches<Tile, false>(params, stream);
    if (code != cudaSuccess) return code;
  }
  if (!wants_rewards) return cudaSuccess;
  // Windows may overlap, and `last` reads few rows: rewards take a reading without segments
  FeatureSumsParams<Element, Real> rewards = params;
  rewards.segments = {};
  rewards.segments.num_steps = segments.num_steps;
  return launch_stretches<Tile, true>(rewards, stream);
}

}  // namespace

template <typename Element, typename Real>
cudaError_t launch_feature_sums(const FeatureSumsParams<Element, Real>& params, cudaStream_t stream) {
  if (params.segments.num_steps == 0) return cudaSuccess;
  return is_aligned(params) ? launch_with<FeatureTile<Element, true>>(params, stream) : launch_with<FeatureTile<Element, false>>(params, stream);
}

template <typename Element, typename Real>
std::int64_t num_reward_parts(const FeatureSumsParams<Element, Real>& params) {
  const std::int64_t dim = params.weights.feature_dim;
  return is_aligned(params) ? FeatureTile<Element, true>::reward_parts(dim) : FeatureTile<Element, false>::reward_parts(dim);
}

#define SEGPREF_INSTANTIATE(Element, Real)                                                            \
  template cudaError_t launch_feature_sums(const FeatureSumsParams<Element, Real>&, cudaStream_t);    \
  template std::int64_t num_reward_parts(const FeatureSumsParams<Element, Real>&);
SEGPREF_INSTANTIATE(float, float)
SEGPREF_INSTANTIATE(double, double)
SEGPREF_INSTANTIATE(bf16, float)
SEGPREF_INSTANTIATE(f16, float)
#undef SEGPREF_INSTANTIATE

}  // namespace segpref::cuda
