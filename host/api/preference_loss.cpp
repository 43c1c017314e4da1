#include "segpref/preference_loss.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "host/cuda_backend/cuda_backend.hpp"
#include "host/plan/owned_workspace.hpp"
#include "host/plan/print_plan.hpp"
#include "host/plan/workspace_layout.hpp"
#include "host/reference_backend/reference_backend.hpp"
#include "host/validate/host_batch.hpp"
#include "host/validate/step_rewards.hpp"
#include "host/validate/tensor.hpp"
#include "kernels/cpu/preference_loss.hpp"

namespace segpref {
namespace {

template <typename Real>
struct Buffers {
  Booked<Real> scores, grad_scores, grad_pairs, discount_powers;
  Booked<std::uint8_t> pair_counted, segment_counted;
  Booked<cpu::PairSums> slab_sums;
  Booked<std::int64_t> by_begin, reach;
};

template <typename Real>
Buffers<Real> book(const PreferenceCapacity& capacity, WorkspaceLayout& layout) {
  const std::int64_t num_batch_pairs = capacity.num_batch_pairs > 0 ? capacity.num_batch_pairs : capacity.num_pairs;
  const std::int64_t scores = validation::product("scores", capacity.num_members, capacity.num_segments);
  const std::int64_t pairs = validation::product("pairs", capacity.num_members, num_batch_pairs);
  Buffers<Real> buffers;
  buffers.scores = layout.book<Real>(scores);
  buffers.grad_scores = layout.book<Real>(scores);
  buffers.grad_pairs = layout.book<Real>(validation::product("pairs", pairs, 2));
  buffers.discount_powers = layout.book<Real>(capacity.num_steps);
  buffers.pair_counted = layout.book<std::uint8_t>(pairs);
  buffers.segment_counted = layout.book<std::uint8_t>(scores);
  buffers.slab_sums = layout.book<cpu::PairSums>(
      capacity.num_members * std::max(cpu::num_pair_slabs(num_batch_pairs), cpu::most_sweep_slabs(capacity.num_steps, capacity.num_pairs)));
  buffers.by_begin = layout.book<std::int64_t>(capacity.num_segments);
  buffers.reach = layout.book<std::int64_t>(capacity.num_segments);
  return buffers;
}

template <typename Element, typename Real>
void run(const Context& context, const PreferenceLossPlan& plan, const ConstTensorView& step_rewards, const cpu::Batch& batch,
         const cpu::LossParams& loss, const PreferenceOptions& options, const PreferenceResult& result, const TensorView& grad_step_rewards,
         Workspace workspace) {
  WorkspaceLayout layout;
  const Buffers<Real> buffers = book<Real>(plan.capacity(), layout);
  check_workspace(workspace, layout.total_bytes());
  ThreadPool& pool = context.pool();

  cpu::AggregationParams<Real> aggregation{options.aggregation, nullptr};
  if (options.discount != 1.0) {
    cpu::discount_powers(options.discount, cpu::longest_segment(batch), buffers.discount_powers.in(workspace));
    aggregation.discount_powers = buffers.discount_powers.in(workspace);
  }
  Real* scores = result.scores.present() ? static_cast<Real*>(result.scores.data) : buffers.scores.in(workspace);
  cpu::BatchLossArgs<Real> args;
  args.batch = &batch;
  args.loss = loss;
  args.reduction = {options.reduction == Reduction::mean, options.normalizer};
  args.tie_parameter = {options.tie_parameter.data, options.tie_parameter.dtype == DType::f64,
                        options.tie_parameter.size() > 1 ? 1 : 0, 0.0};
  args.scores = scores;
  args.reduced_loss = static_cast<Real*>(result.loss.data);
  args.loss_per_pair = static_cast<Real*>(result.loss_per_pair.data);
  args.logits = static_cast<Real*>(result.logits.data);
  args.metrics = static_cast<double*>(result.metrics.data);
  args.grad_tie_parameter = static_cast<Real*>(result.grad_tie_parameter.data);
  args.pair_counted = buffers.pair_counted.in(workspace);
  args.slab_sums = buffers.slab_sums.in(workspace);
  const auto* rewards = static_cast<const Element*>(step_rewards.data);
  if (grad_step_rewards.present()) {
    if (const auto scale = cpu::one_sweep_scale(args, aggregation))
      return cpu::one_sweep_loss(args, aggregation, *scale, rewards, scores, static_cast<Element*>(grad_step_rewards.data), pool);
    args.grad_scores = buffers.grad_scores.in(workspace);
    args.grad_pairs = buffers.grad_pairs.in(workspace);
    args.segment_counted = buffers.segment_counted.in(workspace);
  }
  cpu::segment_scores(batch, aggregation, rewards, scores, pool);
  cpu::batch_loss(args, pool);
  if (!grad_step_rewards.present()) return;

  const cpu::SegmentOrder order = cpu::order_segments(batch, buffers.by_begin.in(workspace), buffers.reach.in(workspace));
  cpu::expand_gradient(batch, aggregation, order, args.grad_scores, args.segment_counted, static_cast<Element*>(grad_step_rewards.data), pool);
}

}  // namespace

PreferenceLossPlan::PreferenceLossPlan(const PreferenceCapacity& capacity) : capacity_(capacity) {
  validation::capacity("preference_loss", capacity);
  if (capacity.device.kind == Device::Kind::cuda) {
    workspace_bytes_ = cuda_backend::preference_loss_bytes(capacity);
  } else {
    WorkspaceLayout layout;
    if (capacity.dtype == DType::f64) book<double>(capacity, layout);
    else book<float>(capacity, layout);
    workspace_bytes_ = layout.total_bytes();
  }
  print_if_asked(*this);
}

std::string PreferenceLossPlan::describe() const {
  if (capacity_.device.kind == Device::Kind::cuda) return cuda_backend::describe_preference_loss(capacity_, workspace_bytes_);
  return fmt::format(
      "preference_loss: up to {} members, {} steps ({}), {} segments, {} pairs; segment scores, then pairs in slabs of {}, then one gradient "
      "write; workspace {} bytes",
      capacity_.num_members, capacity_.num_steps, name_of(capacity_.dtype), capacity_.num_segments, capacity_.num_pairs, cpu::pairs_per_slab,
      workspace_bytes_);
}

void preference_loss(const Context& context, const PreferenceLossPlan& plan, ConstTensorView step_rewards, const PreferenceBatch& in,
                     const PreferenceOptions& options, const PreferenceResult& result, TensorView grad_step_rewards, Workspace workspace) {
  const validation::CallDevice device = validation::device_of_call("preference_loss", "step_rewards", step_rewards);
  validation::step_rewards(step_rewards, device);
  const std::int64_t num_members = validation::members_of(step_rewards), num_steps = validation::steps_of(step_rewards);
  const bool wide = step_rewards.dtype == DType::f64;
  const validation::BatchShape shape = validation::preference_shape(in, device, num_members, num_steps, wide);
  const cpu::LossParams loss = validation::preference_options(options, device, num_members, wide);
  validation::preference_result(result, options, shape, device, wide);
  if (grad_step_rewards.present()) validation::shape_of_rewards("grad_step_rewards", grad_step_rewards, step_rewards, device, {step_rewards.dtype});
  validation::within_capacity(plan.capacity(), shape, step_rewards.dtype, device);
  if (device.is_cuda()) return cuda_backend::preference_loss(context, plan.capacity(), step_rewards, in, shape, loss, options, result, grad_step_rewards, workspace);
  const cpu::Batch batch = validation::preference_batch(in, options, shape);
  validation::within_segment_steps(plan.capacity().max_segment_steps, batch);

  if (reference_backend::selected()) return reference_backend::preference_loss(step_rewards, batch, options, result, grad_step_rewards);
  switch (step_rewards.dtype) {
    case DType::f32: return run<float, float>(context, plan, step_rewards, batch, loss, options, result, grad_step_rewards, workspace);
    case DType::f64: return run<double, double>(context, plan, step_rewards, batch, loss, options, result, grad_step_rewards, workspace);
    case DType::bf16: return run<bf16, float>(context, plan, step_rewards, batch, loss, options, result, grad_step_rewards, workspace);
    default: return run<f16, float>(context, plan, step_rewards, batch, loss, options, result, grad_step_rewards, workspace);
  }
}

void preference_loss(const Context& context, ConstTensorView step_rewards, const PreferenceBatch& batch, const PreferenceOptions& options,
                     const PreferenceResult& result, TensorView grad_step_rewards) {
  // The plan is made from shapes: nothing is allocated for a tensor that is not there.
  const validation::CallDevice device = validation::device_of_call("preference_loss", "step_rewards", step_rewards);
  validation::step_rewards(step_rewards, device);
  const bool wide = step_rewards.dtype == DType::f64;
  const auto shape = validation::preference_shape(batch, device, validation::members_of(step_rewards), validation::steps_of(step_rewards), wide);
  const PreferenceLossPlan plan(validation::capacity_of(shape, step_rewards.dtype, device));
  const OwnedWorkspace workspace(plan.workspace_bytes(), device.device, context);
  preference_loss(context, plan, step_rewards, batch, options, result, grad_step_rewards, workspace.get());
}

}  // namespace segpref
