#include "kernels/cuda/adamw/counted_launch.hpp"

#include "kernels/cuda/adamw/kernel.cuh"
#include "kernels/cuda/adamw/tile_choice.cuh"
#include "kernels/cuda/counter/launch.hpp"
#include "kernels/cuda/primitives/launch.hpp"

namespace segpref::cuda {
namespace {

template <typename Real>
cudaError_t launch_step(const CountedAdamWParams<Real>& params, cudaStream_t stream) {
  if (params.arrays.num_parameters == 0) return cudaSuccess;
  return with_adamw_tile(params.arrays, [&](auto tile, unsigned num_blocks) {
    using Tile = decltype(tile);
    return launch_kernel(counted_adamw_kernel<Tile, Real>, num_blocks, Tile::num_threads, 0, stream, params);
  });
}

}  // namespace

template <typename Real>
cudaError_t launch_counted_adamw(const CountedAdamWParams<Real>& params, cudaStream_t stream) {
  const cudaError_t code = launch_step(params, stream);
  return code == cudaSuccess ? launch_advance_counter(params.step, stream) : code;
}

template cudaError_t launch_counted_adamw(const CountedAdamWParams<float>&, cudaStream_t);
template cudaError_t launch_counted_adamw(const CountedAdamWParams<double>&, cudaStream_t);

}  // namespace segpref::cuda
