#include "host/cuda_backend/cuda_backend.hpp"
#include "host/device/with_cuda/current_device.hpp"
#include "kernels/cuda/adamw/launch.hpp"

namespace segpref::cuda_backend {
namespace {

/// Rounded as the CPU's kernel rounds them: both give the same bits.
template <typename Real>
cuda::AdamWParams<Real> params_of(const cpu::AdamWCoefficients& coefficients, const TensorView& parameters, const ConstTensorView& gradients,
                                  const TensorView& first_moment, const TensorView& second_moment) {
  cuda::AdamWParams<Real> params{};
  params.parameters = static_cast<Real*>(parameters.data);
  params.gradients = static_cast<const Real*>(gradients.data);
  params.first_moment = static_cast<Real*>(first_moment.data);
  params.second_moment = static_cast<Real*>(second_moment.data);
  params.num_parameters = parameters.size();
  params.beta1 = static_cast<Real>(coefficients.beta1);
  params.rest1 = static_cast<Real>(1 - coefficients.beta1);
  params.beta2 = static_cast<Real>(coefficients.beta2);
  params.rest2 = static_cast<Real>(1 - coefficients.beta2);
  params.epsilon = static_cast<Real>(coefficients.epsilon);
  params.step_size = static_cast<Real>(coefficients.step_size);
  params.root_scale = static_cast<Real>(coefficients.root_scale);
  params.keep = static_cast<Real>(coefficients.keep);
  params.coupled_decay = static_cast<Real>(coefficients.coupled_decay);
  return params;
}

}  // namespace

void adamw_step(const Context& context, const cpu::AdamWCoefficients& coefficients, const TensorView& parameters, const ConstTensorView& gradients,
                const TensorView& first_moment, const TensorView& second_moment) {
  const device::CurrentDevice current(parameters.device.index);
  const auto stream = static_cast<cudaStream_t>(context.stream());
  if (parameters.dtype == DType::f32)
    device::check(cuda::launch_adamw(params_of<float>(coefficients, parameters, gradients, first_moment, second_moment), stream), "launch_adamw");
  else
    device::check(cuda::launch_adamw(params_of<double>(coefficients, parameters, gradients, first_moment, second_moment), stream), "launch_adamw");
}

}  // namespace segpref::cuda_backend
