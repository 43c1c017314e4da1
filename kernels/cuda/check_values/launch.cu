#include "kernels/cuda/check_values/launch.hpp"

#include <algorithm>

#include "kernels/cuda/check_values/kernel.cuh"
#include "kernels/cuda/primitives/launch.hpp"

namespace segpref::cuda {

cudaError_t launch_check_values(const CheckValuesParams& params, cudaStream_t stream) {
  using Tile = CheckValuesTile;
  std::int64_t most = 0;
  for (int i = 0; i < params.num_checks; ++i) most = std::max(most, params.checks[i].end - params.checks[i].begin);
  if (most == 0) return cudaSuccess;
  constexpr std::int64_t per_block = std::int64_t{Tile::num_threads} * Tile::loads;
  const std::int64_t blocks = std::min<std::int64_t>(Tile::most_blocks, (most + per_block - 1) / per_block);
  return launch_kernel(check_values_kernel<Tile>, dim3(static_cast<unsigned>(blocks), static_cast<unsigned>(params.num_checks)), Tile::num_threads, 0, stream, params);
}

cudaError_t launch_read_offender(const ReadOffenderParams& params, cudaStream_t stream) {
  using Tile = ReadOffenderTile;
  return launch_kernel(read_offender_kernel<Tile>, dim3(1), Tile::num_threads, 0, stream, params);
}

}  // namespace segpref::cuda
