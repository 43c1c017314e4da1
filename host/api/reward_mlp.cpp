#include "segpref/reward_mlp.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "host/cuda_backend/cuda_backend.hpp"
#include "host/plan/owned_workspace.hpp"
#include "host/plan/print_plan.hpp"
#include "host/reference_backend/reference_backend.hpp"
#include "host/validate/adamw.hpp"
#include "host/validate/host_batch.hpp"
#include "host/validate/mlp.hpp"
#include "host/validate/tensor.hpp"
#include "kernels/cpu/reward_mlp/loss_call.hpp"

namespace segpref {
namespace {

/// Which rows each member needs; the only thing that can still fail, before anything is written.
template <typename Real>
void gather_rows(cpu::mlp::LossCall<Real>& call) {
  const std::int64_t row_capacity = call.buffers.row_capacity;
  for (std::int64_t member = 0; member < call.num_members(); ++member) {
    cpu::mlp::LocalPairs& local = call.local[static_cast<std::size_t>(member)];
    const std::int64_t segment_at = 2 * call.pair_at(member);
    local.steps = call.at(call.buffers.steps, member * row_capacity);
    local.begins = call.at(call.buffers.begins, segment_at);
    local.lengths = call.at(call.buffers.lengths, segment_at);
    local.by_begin = call.at(call.buffers.by_begin, segment_at);
    local.reach = call.at(call.buffers.reach, segment_at);
    const std::int64_t needed = cpu::mlp::gather_pairs(call.batch, member, call.result.logits.present(), row_capacity, local);
    if (needed > row_capacity)
      throw Error(ErrorCode::invalid_argument, fmt::format("the pairs of this call cover more than {} steps (num_batch_steps of the plan)", row_capacity));
  }
}

/// One call on one type of parameters.
template <typename Real>
void run(const Context& context, const MlpLossPlan& plan, const ConstTensorView& parameters, const Features& features, const cpu::Batch& batch,
         const cpu::LossParams& loss, const PreferenceOptions& options, const PreferenceResult& result, const MlpGradients& gradients,
         const DropoutState& dropout, const TensorView& step_rewards, Workspace workspace) {
  WorkspaceLayout layout;
  const cpu::mlp::PreciseNetwork<Real> network{plan.architecture(), plan.compute()};
  const auto buffers = cpu::mlp::book_loss(network, plan.capacity(), plan.num_threads(), layout);
  check_workspace(workspace, layout.total_bytes());
  if (context.num_threads() > plan.num_threads())
    throw Error(ErrorCode::invalid_argument, fmt::format("the context has {} threads; the plan was made for {}", context.num_threads(), plan.num_threads()));
  cpu::mlp::LossCall<Real> call{context.pool(), network, static_cast<const Real*>(parameters.data), features, batch, loss, options, result, gradients, dropout,
                                step_rewards,   workspace, buffers};
  gather_rows(call);
  call.aggregation.aggregation = options.aggregation;
  if (options.discount != 1.0) {
    Real* powers = call.at(buffers.discount_powers);
    cpu::discount_powers(options.discount, cpu::longest_segment(batch), powers);
    call.aggregation.discount_powers = powers;
  }
  call.feature_scale = cpu::mlp::feature_scale(features, call.architecture().feature_dim, call.shape().padded_width[0], call.at(buffers.feature_scale));
  network.pack(call.parameters, call.at(buffers.packed), call.pool);
  if (takes_pairs_path(call)) run_pairs_path(call);
  else run_steps_path(call);
}

/// With the buffers of the type that the plan was made for: an f64 plan stops keeping activations at half as many.
template <typename Real>
std::string description_of(const MlpLossPlan& plan) {
  WorkspaceLayout layout;
  const auto buffers = cpu::mlp::book_loss<Real>({plan.architecture(), plan.compute()}, plan.capacity(), plan.num_threads(), layout);
  return fmt::format(
      "mlp_preference_loss: {} members, {} hidden layers, up to {} distinct steps per member. Weight gradients alone, of pairs of at most {} steps that hardly share any: groups of "
      "whole pairs of about {} steps, forward, loss and backward one after the other. Else: forward of all distinct steps in tiles of {}, the loss, then backward; activations are {}. "
      "Products of {} operands. Up to {} parts of a member's gradient; workspace {} bytes for {} threads",
      plan.architecture().num_members, plan.architecture().hidden.size(), buffers.row_capacity, buffers.group_capacity, cpu::mlp::rows_per_group, cpu::mlp::rows_per_tile,
      buffers.stores_activations ? "kept between the two passes" : "computed again in the backward pass (keeping them would take more than 1 GiB)",
      plan.compute() == Compute::bf16 ? "bf16" : name_of(dtype_of<Real>::value), buffers.max_slabs, plan.workspace_bytes(), plan.num_threads());
}

/// One call of either public function. @param step  what an optimiser does behind it, on a CUDA device; null: nothing
void check_and_run(const Context& context, const MlpLossPlan& plan, const ConstTensorView& parameters, const Features& features, const PreferenceBatch& in, const PreferenceOptions& options,
                   const PreferenceResult& result, const MlpGradients& gradients, const DropoutState& dropout, const TensorView& step_rewards, const cuda_backend::AdamWStep* step,
                   Workspace workspace) {
  const RewardArchitecture& architecture = plan.architecture();
  const validation::CallDevice device = validation::device_of_call("mlp_preference_loss", "parameters", parameters);
  validation::parameters(architecture, parameters, device);
  const std::int64_t num_steps = validation::features(features, architecture.feature_dim, device);
  const bool wide = parameters.dtype == DType::f64;
  const DType real = parameters.dtype;
  validation::compute(plan.compute(), real, device.device.kind);
  const validation::BatchShape shape = validation::preference_shape(in, device, architecture.num_members, num_steps, wide);
  const cpu::LossParams loss = validation::preference_options(options, device, architecture.num_members, wide);
  validation::preference_result(result, options, shape, device, wide);
  if (gradients.parameters.present()) validation::tensor("gradients.parameters", gradients.parameters, device, {real}, {parameters.shape[0]}, "[num_parameters]");
  if (gradients.features_first.present())
    validation::tensor("gradients.features_first", gradients.features_first, device, {real}, {num_steps, features.first.shape[1]}, "the shape of features.first");
  if (gradients.features_second.present()) {
    if (!features.second.present()) throw Error(ErrorCode::invalid_argument, "gradients.features_second was asked for without features.second");
    validation::tensor("gradients.features_second", gradients.features_second, device, {real}, {num_steps, features.second.shape[1]}, "the shape of features.second");
  }
  if (step_rewards.present())
    validation::tensor("step_rewards", step_rewards, device, {real}, {architecture.num_members, num_steps}, "[num_members, num_steps]");
  PreferenceCapacity capacity = plan.capacity();
  capacity.num_members = architecture.num_members;
  validation::within_capacity(capacity, shape, wide ? DType::f64 : capacity.dtype == DType::f64 ? DType::f32 : capacity.dtype, device);
  if (device.is_cuda())
    return cuda_backend::mlp_preference_loss(context, {plan, parameters, features, in, shape, loss, options, result, gradients, dropout, step_rewards, step}, workspace);
  const cpu::Batch batch = validation::preference_batch(in, options, shape);
  validation::within_segment_steps(capacity.max_segment_steps, batch);

  if (reference_backend::selected())
    return reference_backend::mlp_preference_loss(architecture, plan.compute(), parameters, features, batch, options, result, gradients, dropout, step_rewards);
  if (wide) run<double>(context, plan, parameters, features, batch, loss, options, result, gradients, dropout, step_rewards, workspace);
  else run<float>(context, plan, parameters, features, batch, loss, options, result, gradients, dropout, step_rewards, workspace);
}

}  // namespace

const char* name_of(Compute compute) {
  constexpr const char* names[] = {"standard", "bf16", "tf32", "f16"};
  return names[static_cast<int>(compute)];
}

MlpLossPlan::MlpLossPlan(const RewardArchitecture& architecture, const PreferenceCapacity& capacity, int num_threads, Compute compute)
    : architecture_(architecture), capacity_(capacity), compute_(compute), num_threads_(num_threads) {
  validate(architecture);
  validation::capacity("mlp_preference_loss", capacity);
  validation::compute(compute, capacity.dtype, capacity.device.kind);
  if (num_threads < 1 || num_threads > 1024)
    throw Error(ErrorCode::invalid_argument, fmt::format("num_threads = {} is outside [1, 1024]", num_threads));
  if (capacity.device.kind == Device::Kind::cuda) {
    workspace_bytes_ = cuda_backend::mlp_preference_loss_bytes(architecture_, capacity_, compute_);
  } else {
    // Booked for the type of the parameters that it will run on.
    WorkspaceLayout layout;
    if (capacity.dtype == DType::f64) cpu::mlp::book_loss<double>({architecture_, compute_}, capacity_, num_threads_, layout);
    else cpu::mlp::book_loss<float>({architecture_, compute_}, capacity_, num_threads_, layout);
    workspace_bytes_ = layout.total_bytes();
  }
  print_if_asked(*this);
}

std::string MlpLossPlan::describe() const {
  if (capacity_.device.kind == Device::Kind::cuda) return cuda_backend::describe_mlp_preference_loss(*this);
  return capacity_.dtype == DType::f64 ? description_of<double>(*this) : description_of<float>(*this);
}

void mlp_preference_loss(const Context& context, const MlpLossPlan& plan, ConstTensorView parameters, const Features& features, const PreferenceBatch& batch,
                         const PreferenceOptions& options, const PreferenceResult& result, const MlpGradients& gradients, const DropoutState& dropout,
                         TensorView step_rewards, Workspace workspace) {
  check_and_run(context, plan, parameters, features, batch, options, result, gradients, dropout, step_rewards, nullptr, workspace);
}

void mlp_training_step(const Context& context, const MlpLossPlan& plan, TensorView parameters, const Features& features, const PreferenceBatch& batch, const PreferenceOptions& options,
                       const PreferenceResult& result, TensorView gradient, const DropoutState& dropout, const MlpOptimizer& optimizer, Workspace workspace) {
  // The optimiser's rules come before the loss is written.
  const ConstTensorView gradient_in = gradient;
  const validation::CallDevice device = validation::adamw_arrays("mlp_preference_loss", {parameters, gradient_in, optimizer.first_moment, optimizer.second_moment});
  validation::adamw_step_number(optimizer.step, device);
  const math::AdamWRates rates = validation::adamw_rates(optimizer.options);
  MlpGradients gradients;
  gradients.parameters = gradient;
  if (device.is_cuda()) {
    const cuda_backend::AdamWStep step{{rates, parameters, gradient_in, optimizer.first_moment, optimizer.second_moment}, optimizer.step};
    return check_and_run(context, plan, parameters, features, batch, options, result, gradients, dropout, {}, &step, workspace);
  }
  check_and_run(context, plan, parameters, features, batch, options, result, gradients, dropout, {}, nullptr, workspace);
  adamw_step(context, parameters, gradient, optimizer.first_moment, optimizer.second_moment, optimizer.step, optimizer.options);
}

void mlp_preference_loss(const Context& context, const RewardArchitecture& architecture, ConstTensorView parameters, const Features& features,
                         const PreferenceBatch& batch, const PreferenceOptions& options, const PreferenceResult& result, const MlpGradients& gradients,
                         const DropoutState& dropout, TensorView step_rewards) {
  const validation::CallDevice device = validation::device_of_call("mlp_preference_loss", "parameters", parameters);
  validation::parameters(architecture, parameters, device);
  const std::int64_t num_steps = validation::features(features, architecture.feature_dim, device);
  const DType real = parameters.dtype == DType::f64 ? DType::f64 : DType::f32;
  const auto shape = validation::preference_shape(batch, device, architecture.num_members, num_steps, real == DType::f64);
  const MlpLossPlan plan(architecture, validation::capacity_of(shape, real, device), context.num_threads());
  const OwnedWorkspace workspace(plan.workspace_bytes(), device.device, context);
  mlp_preference_loss(context, plan, parameters, features, batch, options, result, gradients, dropout, step_rewards, workspace.get());
}

}  // namespace segpref
