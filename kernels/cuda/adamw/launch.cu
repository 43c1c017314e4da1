#include "kernels/cuda/adamw/launch.hpp"

#include "kernels/cuda/adamw/kernel.cuh"
#include "kernels/cuda/adamw/tile_choice.cuh"
#include "kernels/cuda/primitives/launch.hpp"

namespace segpref::cuda {

template <typename Real>
cudaError_t launch_adamw(const AdamWParams<Real>& params, cudaStream_t stream) {
  if (params.num_parameters == 0) return cudaSuccess;
  return with_adamw_tile(params, [&](auto tile, unsigned num_blocks) {
    using Tile = decltype(tile);
    return launch_kernel(adamw_kernel<Tile, Real>, num_blocks, Tile::num_threads, 0, stream, params);
  });
}

template cudaError_t launch_adamw(const AdamWParams<float>&, cudaStream_t);
template cudaError_t launch_adamw(const AdamWParams<double>&, cudaStream_t);

}  // namespace segpref::cuda
