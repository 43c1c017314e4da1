#include "host/cuda_backend/cuda_backend.hpp"
#include "host/cuda_backend/device_batch.hpp"
#include "host/cuda_backend/with_cuda/check_values.hpp"
#include "host/device/with_cuda/current_device.hpp"
#include "kernels/cuda/adamw/counted_launch.hpp"
#include "kernels/cuda/adamw/launch.hpp"

namespace segpref::cuda_backend {
namespace {

/// Everything but the coefficients.
template <typename Real>
cuda::AdamWParams<Real> arrays_of(const AdamWCall& call) {
  return {static_cast<Real*>(call.parameters.data), static_cast<const Real*>(call.gradients.data), static_cast<Real*>(call.first_moment.data),
          static_cast<Real*>(call.second_moment.data), call.parameters.size(), {}};
}

template <typename Real>
void run(const AdamWCall& call, std::int64_t step, cudaStream_t stream) {
  cuda::AdamWParams<Real> params = arrays_of<Real>(call);
  params.coefficients = math::adamw_coefficients<Real>(call.rates, step);
  device::check(cuda::launch_adamw(params, stream), "launch_adamw");
}

template <typename Real>
void run(const AdamWCall& call, const TensorView& step, cudaStream_t stream) {
  const cuda::CountedAdamWParams<Real> params{arrays_of<Real>(call), call.rates, static_cast<std::int64_t*>(step.data)};
  device::check(cuda::launch_counted_adamw(params, stream), "launch_counted_adamw");
}

template <class Step>
void run_on_device(const Context& context, const AdamWCall& call, const Step& step) {
  const auto stream = static_cast<cudaStream_t>(context.stream());
  if (call.parameters.dtype == DType::f32) run<float>(call, step, stream);
  else run<double>(call, step, stream);
}

}  // namespace

void adamw_step(const Context& context, const AdamWCall& call, std::int64_t step) {
  const device::CurrentDevice current(call.parameters.device.index);
  run_on_device(context, call, step);
}

void adamw_step(const Context& context, const AdamWCall& call, const TensorView& step) {
  const device::CurrentDevice current(step.device.index);
  if (context.checks_values()) check_values(context, step.device.index, validation::adamw_values(indices(step)));
  run_on_device(context, call, step);
}

}  // namespace segpref::cuda_backend
