#include "kernels/cuda/primitives/grid_size.hpp"
#include "kernels/cuda/primitives/launch.hpp"
#include "kernels/cuda/reward_linear/grad_features_kernel.cuh"
#include "kernels/cuda/reward_linear/launch.hpp"

namespace segpref::cuda {
namespace {

template <class Columns, typename Element, typename Real>
cudaError_t launch_with(const GradFeaturesParams<Element, Real>& params, cudaStream_t stream) {
  using Rows = GradFeaturesTile;
  const std::int64_t blocks = Columns::column_blocks(params.feature_dim) * blocks_of(params.num_steps, Rows::rows_per_block);
  return launch_kernel(grad_features_kernel<Columns, Rows, Element, Real>, dim3(num_blocks(blocks, 1)), Columns::num_threads, 0, stream, params);
}

}  // namespace

template <typename Element, typename Real>
cudaError_t launch_grad_features(const GradFeaturesParams<Element, Real>& params, cudaStream_t stream) {
  if (params.num_steps == 0) return cudaSuccess;
  const bool is_aligned = rows_are_aligned(params.grad_features, params.feature_dim * static_cast<std::int64_t>(sizeof(Element)));
  return is_aligned ? launch_with<FeatureTile<Element, true>>(params, stream) : launch_with<FeatureTile<Element, false>>(params, stream);
}

template cudaError_t launch_grad_features(const GradFeaturesParams<float, float>&, cudaStream_t);
template cudaError_t launch_grad_features(const GradFeaturesParams<double, double>&, cudaStream_t);
template cudaError_t launch_grad_features(const GradFeaturesParams<bf16, float>&, cudaStream_t);
template cudaError_t launch_grad_features(const GradFeaturesParams<f16, float>&, cudaStream_t);

}  // namespace segpref::cuda
