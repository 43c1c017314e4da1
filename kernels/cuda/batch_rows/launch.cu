#include "kernels/cuda/batch_rows/launch.hpp"

#include "kernels/cuda/batch_rows/make_rows_kernels.cuh"
#include "kernels/cuda/batch_rows/store_kernels.cuh"
#include "kernels/cuda/primitives/grid_size.hpp"
#include "kernels/cuda/primitives/launch.hpp"

namespace segpref::cuda {
namespace {

using Tile = BatchRowsTile;

cudaError_t launch_on_sides(void (*kernel)(BatchRowsParams), const BatchRowsParams& params, cudaStream_t stream) {
  if (params.num_sides() == 0) return cudaSuccess;
  return launch_kernel(kernel, dim3(num_blocks(params.num_sides(), Tile::num_threads)), Tile::num_threads, 0, stream, params);
}

template <typename T>
cudaError_t clear(T* array, std::int64_t count, cudaStream_t stream) {
  return count == 0 ? cudaSuccess : cudaMemsetAsync(array, 0, static_cast<std::size_t>(count) * sizeof(T), stream);
}

}  // namespace

cudaError_t launch_side_keys(const BatchRowsParams& params, cudaStream_t stream) { return launch_on_sides(side_keys_kernel<Tile>, params, stream); }
cudaError_t launch_side_ends(const BatchRowsParams& params, cudaStream_t stream) { return launch_on_sides(side_ends_kernel<Tile>, params, stream); }
cudaError_t launch_fresh_steps(const BatchRowsParams& params, cudaStream_t stream) { return launch_on_sides(fresh_steps_kernel<Tile>, params, stream); }

cudaError_t launch_batch_rows(const BatchRowsParams& params, cudaStream_t stream) {
  const cudaError_t code = launch_on_sides(row_windows_kernel<Tile>, params, stream);
  if (code != cudaSuccess || params.num_sides() == 0) return code;
  const dim3 grid(num_blocks(params.row_capacity, Tile::num_threads), static_cast<unsigned>(params.num_lists));
  return launch_kernel(row_steps_kernel<Tile>, grid, Tile::num_threads, 0, stream, params);
}

cudaError_t launch_store_side_scores(const StoreSideScoresParams& params, cudaStream_t stream) {
  const cudaError_t code = clear(params.scores, params.batch.num_members * params.batch.num_segments, stream);
  if (code != cudaSuccess || params.batch.num_batch_pairs == 0) return code;
  const dim3 grid(num_blocks(2 * params.batch.num_batch_pairs, Tile::num_threads), static_cast<unsigned>(params.batch.num_members));
  return launch_kernel(store_side_scores_kernel<Tile>, grid, Tile::num_threads, 0, stream, params);
}

cudaError_t launch_store_row_rewards(const StoreRowRewardsParams& params, cudaStream_t stream) {
  const cudaError_t code = clear(params.step_rewards, params.num_members * params.num_steps, stream);
  if (code != cudaSuccess || params.num_sides() == 0) return code;
  const dim3 grid(num_blocks(params.row_capacity, Tile::num_threads), static_cast<unsigned>(params.num_members));
  return launch_kernel(store_row_rewards_kernel<Tile>, grid, Tile::num_threads, 0, stream, params);
}

}  // namespace segpref::cuda
