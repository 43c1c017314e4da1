#include "host/cuda_backend/cuda_backend.hpp"
#include "host/cuda_backend/device_batch.hpp"
#include "host/cuda_backend/with_cuda/check_values.hpp"
#include "host/device/with_cuda/current_device.hpp"
#include "kernels/cuda/query_scores/launch.hpp"

namespace segpref::cuda_backend {
namespace {

template <typename Real>
void run(const ConstTensorView& scores, const ConstTensorView& pairs, double temperature, const QueryScores& result, cudaStream_t stream) {
  const auto output = [](const TensorView& view) { return static_cast<Real*>(view.data); };
  const cuda::QueryScoresParams<Real> params{scores.shape[0], scores.shape[1], pairs.shape[0], temperature, indices(pairs), static_cast<const Real*>(scores.data),
                                             output(result.mean_probability), output(result.disagreement), output(result.entropy_of_mean), output(result.mean_entropy)};
  device::check(cuda::launch_query_scores(params, stream), "launch_query_scores");
}

}  // namespace

void query_scores(const Context& context, const ConstTensorView& scores, const ConstTensorView& pairs, double temperature, const QueryScores& result) {
  const device::CurrentDevice current(scores.device.index);
  const auto stream = static_cast<cudaStream_t>(context.stream());
  if (context.checks_values()) check_values(context, scores.device.index, validation::query_values(indices(pairs), pairs.shape[0], scores.shape[1]));
  if (scores.dtype == DType::f64) run<double>(scores, pairs, temperature, result, stream);
  else run<float>(scores, pairs, temperature, result, stream);
}

}  // namespace segpref::cuda_backend
