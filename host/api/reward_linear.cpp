#include "segpref/reward_linear.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "host/cuda_backend/cuda_backend.hpp"
#include "host/plan/owned_workspace.hpp"
#include "host/plan/print_plan.hpp"
#include "host/plan/workspace_layout.hpp"
#include "host/reference_backend/reference_backend.hpp"
#include "host/validate/host_batch.hpp"
#include "host/validate/linear.hpp"
#include "host/validate/tensor.hpp"
#include "kernels/cpu/batch_loss.hpp"
#include "kernels/cpu/reward_linear.hpp"
#include "kernels/cpu/reward_linear_sweep.hpp"
#include "kernels/cpu/segment_reduce.hpp"

namespace segpref {
namespace {

template <typename Real>
struct Buffers {
  Booked<Real> sums, coefficient_sums, partial_sums, scores, grad_scores, grad_pairs, discount_powers, grad_step_rewards;
  Booked<std::uint8_t> used, pair_counted, segment_counted;
  Booked<cpu::PairSums> slab_sums;
  Booked<std::int64_t> piece_begins, pieces_left, by_begin, reach;
};

template <typename Real>
Buffers<Real> book(const PreferenceCapacity& capacity, std::int64_t feature_dim, WorkspaceLayout& layout) {
  const std::int64_t num_batch_pairs = capacity.num_batch_pairs > 0 ? capacity.num_batch_pairs : capacity.num_pairs;
  const std::int64_t scores = validation::product("scores", capacity.num_members, capacity.num_segments);
  const std::int64_t pairs = validation::product("pairs", capacity.num_members, num_batch_pairs);
  Buffers<Real> buffers;
  buffers.sums = layout.book<Real>(validation::product("feature sums", capacity.num_segments, feature_dim));
  buffers.coefficient_sums = layout.book<Real>(capacity.num_segments);
  buffers.partial_sums = layout.book<Real>(cpu::num_partial_sums(capacity.num_steps) * feature_dim);
  buffers.piece_begins = layout.book<std::int64_t>(capacity.num_segments + 1);
  buffers.pieces_left = layout.book<std::int64_t>(capacity.num_pairs);
  buffers.scores = layout.book<Real>(scores);
  buffers.grad_scores = layout.book<Real>(scores);
  buffers.grad_pairs = layout.book<Real>(validation::product("pairs", pairs, 2));
  buffers.discount_powers = layout.book<Real>(capacity.num_steps);
  buffers.grad_step_rewards = layout.book<Real>(validation::product("steps", capacity.num_members, capacity.num_steps));
  buffers.used = layout.book<std::uint8_t>(capacity.num_segments);
  buffers.pair_counted = layout.book<std::uint8_t>(pairs);
  buffers.segment_counted = layout.book<std::uint8_t>(scores);
  buffers.slab_sums = layout.book<cpu::PairSums>(capacity.num_members * cpu::num_pair_slabs(num_batch_pairs));
  buffers.by_begin = layout.book<std::int64_t>(capacity.num_segments);
  buffers.reach = layout.book<std::int64_t>(capacity.num_segments);
  return buffers;
}

/// Everything that was checked, in the form the kernels read.
struct Call {
  cpu::Batch batch;
  cpu::LossParams loss;
  const LinearHead& head;
  const ConstTensorView& features;
  const PreferenceOptions& options;
  const PreferenceResult& result;
  const LinearGradients& gradients;
  const TensorView& step_rewards;
};

bool wants_gradients(const LinearGradients& gradients) { return gradients.weight.present() || gradients.bias.present() || gradients.features.present(); }

template <typename Real>
cpu::BatchLossArgs<Real> loss_args(const Call& call, const Buffers<Real>& buffers, const Real* scores, Workspace workspace) {
  const PreferenceOptions& options = call.options;
  cpu::BatchLossArgs<Real> args;
  args.batch = &call.batch;
  args.loss = call.loss;
  args.reduction = {options.reduction == Reduction::mean, options.normalizer};
  args.tie_parameter = {options.tie_parameter.data, options.tie_parameter.dtype == DType::f64, options.tie_parameter.size() > 1 ? 1 : 0, 0.0};
  args.scores = scores;
  args.reduced_loss = static_cast<Real*>(call.result.loss.data);
  args.loss_per_pair = static_cast<Real*>(call.result.loss_per_pair.data);
  args.logits = static_cast<Real*>(call.result.logits.data);
  args.metrics = static_cast<double*>(call.result.metrics.data);
  args.grad_tie_parameter = static_cast<Real*>(call.result.grad_tie_parameter.data);
  args.pair_counted = buffers.pair_counted.in(workspace);
  args.slab_sums = buffers.slab_sums.in(workspace);
  if (wants_gradients(call.gradients)) {
    args.grad_scores = buffers.grad_scores.in(workspace);
    args.grad_pairs = buffers.grad_pairs.in(workspace);
    args.segment_counted = buffers.segment_counted.in(workspace);
  }
  return args;
}

template <typename Element, typename Real>
void run(const Context& context, const LinearLossPlan& plan, const Call& call, Workspace workspace) {
  WorkspaceLayout layout;
  const Buffers<Real> buffers = book<Real>(plan.capacity(), plan.feature_dim(), layout);
  check_workspace(workspace, layout.total_bytes());
  ThreadPool& pool = context.pool();
  const cpu::Batch& batch = call.batch;
  const std::int64_t feature_dim = call.features.shape[1];
  const cpu::FeatureRows<Element> features{static_cast<const Element*>(call.features.data), call.features.strides[0], feature_dim};
  const cpu::LinearWeights<Real> head{static_cast<const Real*>(call.head.weight.data), static_cast<const Real*>(call.head.bias.data),
                                      call.head.bias.size() > 1 ? 1 : 0};

  cpu::AggregationParams<Real> aggregation{call.options.aggregation, nullptr};
  if (call.options.discount != 1.0) {
    cpu::discount_powers(call.options.discount, cpu::longest_segment(batch), buffers.discount_powers.in(workspace));
    aggregation.discount_powers = buffers.discount_powers.in(workspace);
  }
  std::uint8_t* used = buffers.used.in(workspace);
  const cpu::FeatureSums<Real> sums{buffers.sums.in(workspace), buffers.coefficient_sums.in(workspace), buffers.partial_sums.in(workspace),
                                    buffers.piece_begins.in(workspace)};
  Real* scores = call.result.scores.present() ? static_cast<Real*>(call.result.scores.data) : buffers.scores.in(workspace);
  auto* step_rewards = static_cast<Real*>(call.step_rewards.data);
  auto* grad_features = static_cast<Element*>(call.gradients.features.data);
  cpu::mark_used_segments(batch, call.result.scores.present(), used);
  const cpu::BatchLossArgs<Real> args = loss_args(call, buffers, static_cast<const Real*>(scores), workspace);

  const auto sweep_scale = grad_features == nullptr ? std::nullopt : cpu::linear_sweep_scale<Element>(args, aggregation, feature_dim);
  if (sweep_scale) {
    cpu::linear_sweep(args, aggregation, *sweep_scale, features, head, used, sums, step_rewards, scores, grad_features, buffers.pieces_left.in(workspace), pool);
  } else {
    cpu::sum_features(batch, aggregation, features, head, used, sums, step_rewards, pool);
    cpu::linear_scores(batch, head, feature_dim, used, sums, scores, pool);
  }
  cpu::batch_loss(args, pool);
  if (!wants_gradients(call.gradients)) return;  // not a null grad_scores: without segments it is null, and gradients are zeros
  cpu::linear_grad_head(batch, head, feature_dim, args.grad_scores, args.segment_counted, sums, static_cast<Real*>(call.gradients.weight.data),
                        static_cast<Real*>(call.gradients.bias.data), pool);
  if (sweep_scale || !call.gradients.features.present()) return;
  const cpu::SegmentOrder order = cpu::order_segments(batch, buffers.by_begin.in(workspace), buffers.reach.in(workspace));
  Real* grad_step_rewards = buffers.grad_step_rewards.in(workspace);
  cpu::expand_gradient(batch, aggregation, order, args.grad_scores, args.segment_counted, grad_step_rewards, pool);
  cpu::linear_grad_features(batch.num_members, batch.num_steps, feature_dim, head.weight, grad_step_rewards, grad_features, pool);
}

}  // namespace

LinearLossPlan::LinearLossPlan(const PreferenceCapacity& capacity, std::int64_t feature_dim) : capacity_(capacity), feature_dim_(feature_dim) {
  validation::capacity("linear_preference_loss", capacity);
  validation::linear_feature_dim(feature_dim);
  if (capacity.device.kind == Device::Kind::cuda) {
    workspace_bytes_ = cuda_backend::linear_preference_loss_bytes(capacity, feature_dim);
  } else {
    WorkspaceLayout layout;
    if (capacity.dtype == DType::f64) book<double>(capacity, feature_dim, layout);
    else book<float>(capacity, feature_dim, layout);
    workspace_bytes_ = layout.total_bytes();
  }
  print_if_asked(*this);
}

std::string LinearLossPlan::describe() const {
  if (capacity_.device.kind == Device::Kind::cuda) return cuda_backend::describe_linear_preference_loss(capacity_, feature_dim_, workspace_bytes_);
  return fmt::format(
      "linear_preference_loss: up to {} members, {} steps of {} features ({}), {} segments, {} pairs; features summed per segment, scores and "
      "gradient of w from the sums; workspace {} bytes",
      capacity_.num_members, capacity_.num_steps, feature_dim_, name_of(capacity_.dtype), capacity_.num_segments, capacity_.num_pairs,
      workspace_bytes_);
}

void linear_preference_loss(const Context& context, const LinearLossPlan& plan, const LinearHead& head, ConstTensorView features,
                            const PreferenceBatch& in, const PreferenceOptions& options, const PreferenceResult& result,
                            const LinearGradients& gradients, TensorView step_rewards, Workspace workspace) {
  const validation::CallDevice device = validation::device_of_call("linear_preference_loss", "features", features);
  const validation::LinearShape shape = validation::linear_inputs(head, features, device);
  const validation::BatchShape batch_shape = validation::preference_shape(in, device, shape.num_members, shape.num_steps, shape.wide);
  const cpu::LossParams loss = validation::preference_options(options, device, shape.num_members, shape.wide);
  validation::preference_result(result, options, batch_shape, device, shape.wide);
  validation::linear_outputs(shape, head, features, gradients, step_rewards, device);
  validation::within_capacity(plan.capacity(), batch_shape, features.dtype, device);
  if (shape.feature_dim > plan.feature_dim())
    throw Error(ErrorCode::invalid_argument,
                fmt::format("feature_dim = {} is more than the plan's capacity {}", shape.feature_dim, plan.feature_dim()));
  if (device.is_cuda())
    return cuda_backend::linear_preference_loss(
        context, {plan.capacity(), plan.feature_dim(), head, features, in, batch_shape, loss, options, result, gradients, step_rewards}, workspace);
  const cpu::Batch batch = validation::preference_batch(in, options, batch_shape);
  validation::within_segment_steps(plan.capacity().max_segment_steps, batch);
  if (reference_backend::selected()) return reference_backend::linear_preference_loss(head, features, batch, options, result, gradients, step_rewards);
  const Call call{batch, loss, head, features, options, result, gradients, step_rewards};
  switch (features.dtype) {
    case DType::f32: return run<float, float>(context, plan, call, workspace);
    case DType::f64: return run<double, double>(context, plan, call, workspace);
    case DType::bf16: return run<bf16, float>(context, plan, call, workspace);
    default: return run<f16, float>(context, plan, call, workspace);
  }
}

void linear_preference_loss(const Context& context, const LinearHead& head, ConstTensorView features, const PreferenceBatch& batch,
                            const PreferenceOptions& options, const PreferenceResult& result, const LinearGradients& gradients,
                            TensorView step_rewards) {
  const validation::CallDevice device = validation::device_of_call("linear_preference_loss", "features", features);
  const validation::LinearShape shape = validation::linear_inputs(head, features, device);
  const auto batch_shape = validation::preference_shape(batch, device, shape.num_members, shape.num_steps, shape.wide);
  const LinearLossPlan plan(validation::capacity_of(batch_shape, features.dtype, device), shape.feature_dim);
  const OwnedWorkspace workspace(plan.workspace_bytes(), device.device, context);
  linear_preference_loss(context, plan, head, features, batch, options, result, gradients, step_rewards, workspace.get());
}

}  // namespace segpref
