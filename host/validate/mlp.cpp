#include "host/validate/mlp.hpp"

#include <fmt/format.h>

#include "host/validate/batch_values.hpp"
#include "host/validate/tensor.hpp"
#include "host/validate/values.hpp"
#include "kernels/cpu/isa.hpp"

namespace segpref::validation {

std::int64_t features(const Features& features, std::int64_t feature_dim, const CallDevice& device) {
  const std::initializer_list<DType> types = {DType::f32, DType::f64, DType::bf16, DType::f16};
  rows("features", features.first, device, types, any_extent, features.second.present() ? any_extent : feature_dim, "[num_steps, feature_dim]");
  const std::int64_t num_steps = features.first.shape[0];
  if (features.second.present()) {
    rows("features.second", features.second, device, {features.first.dtype}, num_steps, any_extent, "[num_steps, feature_dim - first]");
    const std::int64_t columns = features.first.shape[1] + features.second.shape[1];
    if (columns != feature_dim)
      throw Error(ErrorCode::invalid_argument, fmt::format("features have {} + {} columns; the model's feature_dim is {}",
                                                           features.first.shape[1], features.second.shape[1], feature_dim));
  }
  if (features.mean.present() != features.std.present())
    throw Error(ErrorCode::invalid_argument, "features.mean and features.std come together");
  if (features.mean.present()) {
    tensor("features.mean", features.mean, device, {DType::f32}, {feature_dim}, "[feature_dim]");
    tensor("features.std", features.std, device, {DType::f32}, {feature_dim}, "[feature_dim]");
    if (!device.is_cuda()) check_on_host(standardisation_values(reals(features.mean, feature_dim, 0.0), reals(features.std, feature_dim, 0.0), feature_dim));
  }
  return num_steps;
}

void parameters(const RewardArchitecture& architecture, const ConstTensorView& parameters, const CallDevice& device) {
  tensor("parameters", parameters, device, {DType::f32, DType::f64}, {num_parameters(architecture)}, "[num_parameters]");
}

void compute(Compute compute, DType parameters, Device::Kind where) {
  if (compute == Compute::standard) return;
  if (parameters == DType::f64) throw Error(ErrorCode::invalid_type, fmt::format("compute {} takes parameters of f32; f64 is computed in f64", name_of(compute)));
  if (where == Device::Kind::cpu && compute != Compute::bf16)
    throw Error(ErrorCode::unsupported, fmt::format("compute {} runs on CUDA devices only: use standard", name_of(compute)));
  if (where == Device::Kind::cpu && !cpu::has_bf16_dot_product())
    throw Error(ErrorCode::unsupported, fmt::format("compute bf16 needs a processor with AVX512-BF16; this process runs on {}: use standard", cpu::instruction_set()));
}

}  // namespace segpref::validation
