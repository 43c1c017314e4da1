#include "kernels/cuda/query_scores/launch.hpp"

#include "kernels/cuda/primitives/grid_size.hpp"
#include "kernels/cuda/primitives/launch.hpp"
#include "kernels/cuda/query_scores/kernel.cuh"

namespace segpref::cuda {

template <typename Real>
cudaError_t launch_query_scores(const QueryScoresParams<Real>& params, cudaStream_t stream) {
  using Tile = QueryScoresTile;
  if (params.num_pairs == 0) return cudaSuccess;
  return launch_kernel(query_scores_kernel<Real>, dim3(num_blocks(params.num_pairs, Tile::num_threads)), Tile::num_threads, 0, stream, params);
}

template cudaError_t launch_query_scores(const QueryScoresParams<float>&, cudaStream_t);
template cudaError_t launch_query_scores(const QueryScoresParams<double>&, cudaStream_t);

}  // namespace segpref::cuda
