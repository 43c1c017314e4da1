#include "kernels/cuda/ranking_loss/launch.hpp"

#include "kernels/cuda/primitives/grid_size.hpp"
#include "kernels/cuda/primitives/launch.hpp"
#include "kernels/cuda/ranking_loss/kernel.cuh"

namespace segpref::cuda {

std::int64_t num_ranking_blocks(std::int64_t num_rankings) { return num_blocks(num_rankings, RankingTile::num_threads); }

template <typename Real>
cudaError_t launch_ranking_loss(const RankingLossParams<Real>& params, cudaStream_t stream) {
  if (params.num_rankings == 0) return cudaSuccess;
  const dim3 grid(num_blocks(params.num_rankings, RankingTile::num_threads), static_cast<unsigned>(params.num_members));
  return launch_kernel(ranking_loss_kernel<Real>, grid, RankingTile::num_threads, 0, stream, params);
}

template <typename Real>
cudaError_t launch_ranking_sums(const RankingSumsParams<Real>& params, cudaStream_t stream) {
  return launch_kernel(ranking_sums_kernel<Real>, dim3(static_cast<unsigned>(params.num_members)), threads_per_warp, 0, stream, params);
}

cudaError_t launch_ranking_keys(const RankingKeysParams& params, cudaStream_t stream) {
  using Tile = RankingKeysTile;
  if (params.num_entries == 0) return cudaSuccess;
  return launch_kernel(ranking_keys_kernel<Tile>, dim3(num_blocks(params.num_entries, Tile::num_threads)), Tile::num_threads, 0, stream, params);
}

#define SEGPREF_INSTANTIATE(Real)                                                              \
  template cudaError_t launch_ranking_loss(const RankingLossParams<Real>&, cudaStream_t);      \
  template cudaError_t launch_ranking_sums(const RankingSumsParams<Real>&, cudaStream_t);
SEGPREF_INSTANTIATE(float)
SEGPREF_INSTANTIATE(double)
#undef SEGPREF_INSTANTIATE

}  // namespace segpref::cuda
