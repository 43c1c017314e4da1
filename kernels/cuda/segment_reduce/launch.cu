#include "kernels/cuda/segment_reduce/launch.hpp"

#include "kernels/cuda/primitives/launch.hpp"
#include "kernels/cuda/segment_reduce/kernel.cuh"

namespace segpref::cuda {
namespace {

template <class Tile, class Params>
cudaError_t launch_with(void (*kernel)(Params), const Params& params, cudaStream_t stream) {
  const std::int64_t num_blocks = (params.num_segments + Tile::segments_per_block - 1) / Tile::segments_per_block;
  const dim3 grid(static_cast<unsigned>(num_blocks), static_cast<unsigned>(params.num_members));
  return launch_kernel(kernel, grid, Tile::num_threads, 0, stream, params);
}

}  // namespace

template <typename Element, typename Real, typename Index>
cudaError_t launch_segment_scores(const SegmentScoresParams<Element, Real, Index>& params, SegmentRegime regime, cudaStream_t stream) {
  if (params.num_segments == 0 || params.num_members == 0) return cudaSuccess;  // an empty batch is fine, an empty grid is not
  if (regime == SegmentRegime::short_segments)
    return launch_with<ShortSegmentTile>(warp_segment_scores_kernel<ShortSegmentTile, Element, Real, Index>, params, stream);
  return launch_with<LongSegmentTile>(block_segment_scores_kernel<LongSegmentTile, Element, Real, Index>, params, stream);
}

#define SEGPREF_INSTANTIATE(Element, Real)                                                                                            \
  template cudaError_t launch_segment_scores(const SegmentScoresParams<Element, Real, std::int32_t>&, SegmentRegime, cudaStream_t);   \
  template cudaError_t launch_segment_scores(const SegmentScoresParams<Element, Real, std::int64_t>&, SegmentRegime, cudaStream_t);
SEGPREF_INSTANTIATE(float, float)
SEGPREF_INSTANTIATE(double, double)
SEGPREF_INSTANTIATE(bf16, float)
SEGPREF_INSTANTIATE(f16, float)
#undef SEGPREF_INSTANTIATE

}  // namespace segpref::cuda
