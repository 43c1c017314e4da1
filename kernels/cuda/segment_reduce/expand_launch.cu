#include "kernels/cuda/segment_reduce/expand_launch.hpp"

#include "kernels/cuda/primitives/grid_size.hpp"
#include "kernels/cuda/primitives/launch.hpp"
#include "kernels/cuda/segment_reduce/expand_kernel.cuh"
#include "kernels/cuda/segment_reduce/expand_windows_kernel.cuh"

namespace segpref::cuda {

template <typename Element, typename Real>
cudaError_t launch_expand_gradient(const ExpandParams<Element, Real>& params, cudaStream_t stream) {
  using Tile = ExpandTile<Element>;
  if (params.num_steps == 0) return cudaSuccess;
  // A row that is not aligned begins inside a line: its stretches are shifted by less than a line.
  const dim3 grid(num_blocks(params.num_steps + Tile::steps_per_thread - 1, Tile::steps_per_block), static_cast<unsigned>(params.num_members));
  return launch_kernel(expand_gradient_kernel<Element, Real>, grid, Tile::num_threads, 0, stream, params);
}

template <typename Element, typename Real>
cudaError_t launch_expand_windows(const ExpandWindowsParams<Element, Real>& params, cudaStream_t stream) {
  using Tile = ExpandWindowsTile;
  if (params.num_steps == 0) return cudaSuccess;
  const dim3 grid(num_blocks(params.num_steps, Tile::steps_per_block), static_cast<unsigned>(params.num_members));
  return launch_kernel(expand_windows_kernel<Element, Real>, grid, Tile::num_threads, 0, stream, params);
}

#define SEGPREF_INSTANTIATE(Element, Real)                                                            \
  template cudaError_t launch_expand_gradient(const ExpandParams<Element, Real>&, cudaStream_t);      \
  template cudaError_t launch_expand_windows(const ExpandWindowsParams<Element, Real>&, cudaStream_t);
SEGPREF_INSTANTIATE(float, float)
SEGPREF_INSTANTIATE(double, double)
SEGPREF_INSTANTIATE(bf16, float)
SEGPREF_INSTANTIATE(f16, float)
#undef SEGPREF_INSTANTIATE

}  // namespace segpref::cuda
