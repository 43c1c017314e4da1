#include "kernels/cuda/reward_mlp/reduce_adamw_launch.hpp"

#include "kernels/cuda/counter/launch.hpp"
#include "kernels/cuda/primitives/grid_size.hpp"
#include "kernels/cuda/primitives/launch.hpp"
#include "kernels/cuda/reward_mlp/reduce_adamw_kernel.cuh"
#include "kernels/cuda/reward_mlp/with_precision.cuh"

namespace segpref::cuda {
namespace {

template <class Tile, class Operands>
cudaError_t reduce_adamw(const MlpReduceAdamWParams& params, cudaStream_t stream) {
  const auto kernel = params.step == nullptr ? mlp_reduce_adamw_kernel<Tile, Operands, false> : mlp_reduce_adamw_kernel<Tile, Operands, true>;
  const cudaError_t code = launch_kernel(kernel, num_blocks(params.sums.shape.num_parameters, Tile::columns), Tile::num_threads, 0, stream, params);
  return code == cudaSuccess && params.step != nullptr ? launch_advance_counter(params.step, stream) : code;
}

}  // namespace

cudaError_t launch_mlp_resident_adamw(MlpPrecision precision, const MlpReduceAdamWParams& params, cudaStream_t stream) {
  return with_precision(precision, [&](auto tag) { return reduce_adamw<MlpManyPartsTile, typename decltype(tag)::Operands>(params, stream); });
}

cudaError_t launch_mlp_weight_grad_adamw(MlpPrecision precision, const MlpReduceAdamWParams& params, cudaStream_t stream) {
  return with_precision(precision, [&](auto tag) {
    using Tag = decltype(tag);
    const cudaError_t code = Tag::Launchers::weight_grad(params.sums, stream);
    return code == cudaSuccess ? reduce_adamw<MlpElementsTile, typename Tag::Operands>(params, stream) : code;
  });
}

}  // namespace segpref::cuda
