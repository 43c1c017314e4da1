#include "kernels/cuda/adamw/launch.hpp"

#include <cstdint>

#include "kernels/cuda/adamw/kernel.cuh"
#include "kernels/cuda/primitives/launch.hpp"

namespace segpref::cuda {
namespace {

template <class Tile, typename Real>
cudaError_t launch_with(const AdamWParams<Real>& params, cudaStream_t stream) {
  constexpr std::int64_t per_block = std::int64_t{Tile::num_threads} * Tile::elements_per_thread;
  const auto num_blocks = static_cast<unsigned>((params.num_parameters + per_block - 1) / per_block);
  return launch_kernel(adamw_kernel<Tile, Real>, num_blocks, Tile::num_threads, 0, stream, params);
}

bool is_aligned(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % 16 == 0; }

}  // namespace

template <typename Real>
cudaError_t launch_adamw(const AdamWParams<Real>& params, cudaStream_t stream) {
  if (params.num_parameters == 0) return cudaSuccess;
  const bool aligned = is_aligned(params.parameters) && is_aligned(params.gradients) && is_aligned(params.first_moment) && is_aligned(params.second_moment);
  return aligned ? launch_with<AlignedAdamWTile<Real>>(params, stream) : launch_with<UnalignedAdamWTile<Real>>(params, stream);
}

template cudaError_t launch_adamw(const AdamWParams<float>&, cudaStream_t);
template cudaError_t launch_adamw(const AdamWParams<double>&, cudaStream_t);

}  // namespace segpref::cuda
