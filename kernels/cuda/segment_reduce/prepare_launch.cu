#include "kernels/cuda/segment_reduce/prepare_launch.hpp"

#include "kernels/cuda/primitives/grid_size.hpp"
#include "kernels/cuda/primitives/launch.hpp"
#include "kernels/cuda/segment_reduce/prepare_kernels.cuh"

namespace segpref::cuda {

template <typename Real>
cudaError_t launch_discount_powers(const DiscountPowersParams<Real>& params, cudaStream_t stream) {
  if (params.count == 0) return cudaSuccess;
  return launch_kernel(discount_powers_kernel<Real>, dim3(num_blocks(params.count, PrepareTile::num_threads)), PrepareTile::num_threads, 0, stream, params);
}

cudaError_t launch_window_keys(const WindowOrderParams& params, cudaStream_t stream) {
  if (params.num_segments == 0) return cudaSuccess;
  return launch_kernel(window_keys_kernel<PrepareTile>, dim3(num_blocks(params.num_segments, PrepareTile::num_threads)), PrepareTile::num_threads, 0, stream, params);
}

cudaError_t launch_window_ends(const WindowOrderParams& params, cudaStream_t stream) {
  if (params.num_segments == 0) return cudaSuccess;
  return launch_kernel(window_ends_kernel<PrepareTile>, dim3(num_blocks(params.num_segments, PrepareTile::num_threads)), PrepareTile::num_threads, 0, stream, params);
}

template cudaError_t launch_discount_powers(const DiscountPowersParams<float>&, cudaStream_t);
template cudaError_t launch_discount_powers(const DiscountPowersParams<double>&, cudaStream_t);

}  // namespace segpref::cuda
