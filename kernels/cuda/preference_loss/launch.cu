#include "kernels/cuda/preference_loss/launch.hpp"

#include "kernels/cuda/preference_loss/kernel_choice.cuh"
#include "kernels/cuda/preference_loss/pair_loss_kernel.cuh"
#include "kernels/cuda/preference_loss/pair_sums_kernel.cuh"
#include "kernels/cuda/preference_loss/segment_entries_kernels.cuh"
#include "kernels/cuda/primitives/grid_size.hpp"
#include "kernels/cuda/primitives/launch.hpp"

namespace segpref::cuda {
std::int64_t num_pair_blocks(std::int64_t num_batch_pairs) { return num_blocks(num_batch_pairs, PairTile::num_threads); }

template <typename Real>
cudaError_t launch_pair_loss(const PairLossParams<Real>& params, cudaStream_t stream) {
  if (params.batch.num_batch_pairs == 0) return cudaSuccess;
  const auto kernel = with_objective(params.loss, params.batch.margins.present(), [](auto has_lapse, auto model) { return &pair_loss_kernel<decltype(has_lapse)::is_set, decltype(model), Real>; });
  const dim3 grid(num_blocks(params.batch.num_batch_pairs, PairTile::num_threads), static_cast<unsigned>(params.batch.num_members));
  return launch_kernel(kernel, grid, PairTile::num_threads, 0, stream, params);
}

template <typename Real>
cudaError_t launch_pair_sums(const PairSumsParams<Real>& params, cudaStream_t stream) {
  return launch_kernel(pair_sums_kernel<Real>, dim3(1), PairSumsTile::num_threads, 0, stream, params);
}

cudaError_t launch_segment_keys(const SegmentEntriesParams& params, cudaStream_t stream) {
  using Tile = SegmentEntriesTile;
  if (params.num_entries() == 0) return cudaSuccess;
  return launch_kernel(segment_keys_kernel<Tile>, dim3(num_blocks(params.num_entries(), Tile::num_threads)), Tile::num_threads, 0, stream, params);
}

cudaError_t launch_first_entries(const std::uint64_t* sorted_keys, std::int64_t num_entries, std::int64_t num_keys, std::uint32_t* first_entries, cudaStream_t stream) {
  using Tile = SegmentEntriesTile;
  return launch_kernel(first_entries_kernel<Tile>, dim3(num_blocks(num_keys + 1, Tile::num_threads)), Tile::num_threads, 0, stream, sorted_keys, num_entries, num_keys,
                       first_entries);
}

template <typename Source, typename Real>
cudaError_t launch_gather_gradients(const GatherGradientsParams<Source, Real>& params, cudaStream_t stream) {
  using Tile = SegmentEntriesTile;
  if (params.num_segments == 0) return cudaSuccess;
  const dim3 grid(num_blocks(params.num_segments, Tile::segments_per_block), static_cast<unsigned>(params.num_members));
  return launch_kernel(gather_gradients_kernel<Tile, Source, Real>, grid, Tile::num_threads, 0, stream, params);
}

#define SEGPREF_INSTANTIATE(Real)                                                        \
  template cudaError_t launch_pair_loss(const PairLossParams<Real>&, cudaStream_t);      \
  template cudaError_t launch_pair_sums(const PairSumsParams<Real>&, cudaStream_t);
SEGPREF_INSTANTIATE(float)
SEGPREF_INSTANTIATE(double)
#undef SEGPREF_INSTANTIATE

template cudaError_t launch_gather_gradients(const GatherGradientsParams<float, float>&, cudaStream_t);
template cudaError_t launch_gather_gradients(const GatherGradientsParams<double, double>&, cudaStream_t);
template cudaError_t launch_gather_gradients(const GatherGradientsParams<double, float>&, cudaStream_t);

}  // namespace segpref::cuda
