#include "host/c_abi/reward_model.hpp"

#include <algorithm>
#include <vector>

#include "host/c_abi/struct.hpp"
#include "host/validate/tensor.hpp"

namespace segpref::c_abi {
namespace {

segpref_reward_architecture default_architecture() {
  segpref_reward_architecture architecture;
  segpref_reward_architecture_init(&architecture);
  return architecture;
}

}  // namespace

static_assert(static_cast<int>(Activation::leaky_relu) == SEGPREF_ACTIVATION_LEAKY_RELU && static_cast<int>(Activation::tanh) == SEGPREF_ACTIVATION_TANH &&
              static_cast<int>(Activation::silu) == SEGPREF_ACTIVATION_SILU && static_cast<int>(Activation::gelu) == SEGPREF_ACTIVATION_GELU);
static_assert(static_cast<int>(Output::tanh) == SEGPREF_OUTPUT_TANH && static_cast<int>(Output::sigmoid) == SEGPREF_OUTPUT_SIGMOID);
static_assert(static_cast<int>(Compute::bf16) == SEGPREF_COMPUTE_BF16);
static_assert(static_cast<int>(Compute::f16) == SEGPREF_COMPUTE_F16);

RewardArchitecture read_architecture(const segpref_reward_architecture* architecture) {
  const segpref_reward_architecture in = read_struct("architecture", architecture, default_architecture());
  if (in.num_hidden < 0 || in.num_hidden > SEGPREF_MAX_HIDDEN)
    throw Error(ErrorCode::invalid_argument, fmt::format("num_hidden = {} is outside [0, {}]", in.num_hidden, SEGPREF_MAX_HIDDEN));
  RewardArchitecture out;
  out.feature_dim = in.feature_dim;
  out.hidden.assign(in.hidden, in.hidden + in.num_hidden);
  out.num_members = in.num_members;
  out.activation = read_enum("activation", in.activation, Activation::gelu);
  out.output = read_enum("output", in.output, Output::sigmoid);
  out.output_scaled = read_switch("output_scaled", in.output_scaled);
  out.bias = read_switch("bias", in.bias);
  out.leaky_slope = in.leaky_slope;
  out.output_lo = in.output_lo;
  out.output_hi = in.output_hi;
  out.dropout = in.dropout;
  validate(out);
  return out;
}

Features read_features(Tensors& tensors, const segpref_features* features) {
  const segpref_features in = read_struct("features", features);
  return {tensors.in("features", in.first), tensors.in("features.second", in.second), tensors.in("features.mean", in.mean),
          tensors.in("features.std", in.std)};
}

Compute read_compute(std::int32_t compute) { return read_enum("compute", compute, Compute::f16); }

}  // namespace segpref::c_abi

using namespace segpref::c_abi;

void segpref_reward_architecture_init(segpref_reward_architecture* architecture) {
  if (architecture == nullptr) return;
  const segpref::RewardArchitecture defaults;
  *architecture = {};
  architecture->struct_size = sizeof(*architecture);
  architecture->num_members = static_cast<std::int32_t>(defaults.num_members);
  architecture->activation = static_cast<std::int32_t>(defaults.activation);
  architecture->output = static_cast<std::int32_t>(defaults.output);
  architecture->output_scaled = defaults.output_scaled ? 1 : 0;
  architecture->bias = defaults.bias ? 1 : 0;
  architecture->leaky_slope = defaults.leaky_slope;
  architecture->output_lo = defaults.output_lo;
  architecture->output_hi = defaults.output_hi;
  architecture->dropout = defaults.dropout;
}

segpref_status segpref_num_parameters(const segpref_reward_architecture* architecture, int64_t* num_parameters) {
  return guarded([&] {
    const segpref::RewardArchitecture model = read_architecture(architecture);
    require("num_parameters", num_parameters);
    *num_parameters = segpref::num_parameters(model);
  });
}

segpref_status segpref_initialize_parameters(const segpref_reward_architecture* architecture, uint64_t seed, const DLTensor* parameters) {
  return guarded([&] {
    const segpref::RewardArchitecture model = read_architecture(architecture);
    const segpref::TensorView out = Tensors().out("parameters", parameters);
    const auto device = segpref::validation::device_of_call("initialize_parameters", "parameters", out);
    segpref::validation::tensor("parameters", out, device, {segpref::DType::f32}, {segpref::num_parameters(model)}, "[num_parameters]");
    std::vector<float> values;
    segpref::initialize_parameters(model, seed, values);
    std::copy(values.begin(), values.end(), static_cast<float*>(out.data));
  });
}
