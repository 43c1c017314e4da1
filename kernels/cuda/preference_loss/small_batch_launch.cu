#include "kernels/cuda/preference_loss/small_batch_launch.hpp"

#include "kernels/cuda/preference_loss/kernel_choice.cuh"
#include "kernels/cuda/preference_loss/small_batch_kernel.cuh"
#include "kernels/cuda/primitives/launch.hpp"

namespace segpref::cuda {

template <typename Real>
cudaError_t launch_small_batch(const SmallBatchParams<Real>& params, cudaStream_t stream) {
  if (params.pairs.batch.num_members == 0) return cudaSuccess;
  const auto kernel = with_objective(params.pairs.loss, params.pairs.batch.margins.present(),
                                     [](auto has_lapse, auto model) { return &small_batch_kernel<decltype(has_lapse)::is_set, decltype(model), Real>; });
  return launch_kernel(kernel, dim3(static_cast<unsigned>(params.pairs.batch.num_members)), SmallBatchTile::num_threads, 0, stream, params);
}

template cudaError_t launch_small_batch(const SmallBatchParams<float>&, cudaStream_t);
template cudaError_t launch_small_batch(const SmallBatchParams<double>&, cudaStream_t);

}  // namespace segpref::cuda
