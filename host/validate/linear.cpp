#include "host/validate/linear.hpp"

#include <fmt/format.h>

#include "host/validate/tensor.hpp"

namespace segpref::validation {
namespace {

void weight_like(std::string_view name, const ConstTensorView& view, const LinearShape& shape, int rank, const CallDevice& device) {
  const DType real = shape.wide ? DType::f64 : DType::f32;
  constexpr std::string_view words = "[num_members, feature_dim] or [feature_dim]";
  if (rank == 2) tensor(name, view, device, {real}, {shape.num_members, shape.feature_dim}, words);
  else tensor(name, view, device, {real}, {shape.feature_dim}, words);
}

}  // namespace

void linear_feature_dim(std::int64_t feature_dim) {
  constexpr std::int64_t most = 16384;
  if (feature_dim < 1 || feature_dim > most)
    throw Error(ErrorCode::invalid_argument, fmt::format("feature_dim = {} is outside [1, {}]", feature_dim, most));
}

LinearShape linear_inputs(const LinearHead& head, const ConstTensorView& features, const CallDevice& device) {
  rows("features", features, device, {DType::f32, DType::f64, DType::bf16, DType::f16}, any_extent, any_extent, "[num_steps, feature_dim]");
  LinearShape shape;
  shape.num_members = head.weight.rank == 2 ? head.weight.shape[0] : 1;
  shape.num_steps = features.shape[0];
  shape.feature_dim = features.shape[1];
  shape.wide = features.dtype == DType::f64;
  linear_feature_dim(shape.feature_dim);
  weight_like("weight", head.weight, shape, head.weight.rank, device);
  if (shape.num_members < 1 || shape.num_members > 32)
    throw Error(ErrorCode::invalid_argument, fmt::format("weight has {} members; 1 to 32 are supported", shape.num_members));
  const DType real = shape.wide ? DType::f64 : DType::f32;
  const bool is_shared = head.bias.rank == 1 && head.bias.shape[0] == 1;
  if (head.bias.present()) tensor("bias", head.bias, device, {real}, {is_shared ? 1 : shape.num_members}, "[num_members] or [1]");
  return shape;
}

void linear_outputs(const LinearShape& shape, const LinearHead& head, const ConstTensorView& features, const LinearGradients& gradients,
                    const TensorView& step_rewards, const CallDevice& device) {
  const DType real = shape.wide ? DType::f64 : DType::f32;
  if (gradients.weight.present()) weight_like("grad weight", gradients.weight, shape, head.weight.rank, device);
  if (gradients.bias.present()) {
    if (!head.bias.present()) throw Error(ErrorCode::invalid_argument, "grad bias was asked for without a bias");
    tensor("grad bias", gradients.bias, device, {real}, {head.bias.shape[0]}, "the shape of bias");
  }
  if (gradients.features.present())
    tensor("grad features", gradients.features, device, {features.dtype}, {shape.num_steps, shape.feature_dim}, "[num_steps, feature_dim]");
  if (step_rewards.present())
    tensor("step_rewards", step_rewards, device, {real}, {shape.num_members, shape.num_steps}, "[num_members, num_steps]");
}

}  // namespace segpref::validation
