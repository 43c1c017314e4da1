#include "segpref/ranking_loss.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "host/cuda_backend/cuda_backend.hpp"
#include "host/plan/owned_workspace.hpp"
#include "host/plan/print_plan.hpp"
#include "host/plan/workspace_layout.hpp"
#include "host/reference_backend/reference_backend.hpp"
#include "host/validate/host_batch.hpp"
#include "host/validate/ranking.hpp"
#include "host/validate/step_rewards.hpp"
#include "host/validate/tensor.hpp"
#include "kernels/cpu/ranking_loss.hpp"
#include "kernels/cpu/segment_reduce.hpp"

namespace segpref {
namespace {

template <typename Real>
struct Buffers {
  Booked<Real> scores, grad_scores, discount_powers;
  Booked<double> grad_sums, grad_entries;
  Booked<std::uint8_t> ranking_counted, segment_counted;
  Booked<cpu::RankingSums> slab_sums;
  Booked<std::int64_t> by_begin, reach;
};

template <typename Real>
Buffers<Real> book(const RankingCapacity& capacity, WorkspaceLayout& layout) {
  const std::int64_t scores = validation::product("scores", capacity.num_members, capacity.num_segments);
  Buffers<Real> buffers;
  buffers.scores = layout.book<Real>(scores);
  buffers.grad_scores = layout.book<Real>(scores);
  buffers.discount_powers = layout.book<Real>(capacity.num_steps);
  buffers.grad_sums = layout.book<double>(scores);
  buffers.grad_entries = layout.book<double>(validation::product("rankings", capacity.num_members, capacity.num_entries));
  buffers.ranking_counted = layout.book<std::uint8_t>(validation::product("rankings", capacity.num_members, capacity.num_rankings));
  buffers.segment_counted = layout.book<std::uint8_t>(scores);
  buffers.slab_sums = layout.book<cpu::RankingSums>(capacity.num_members * cpu::num_ranking_slabs(capacity.num_rankings));
  buffers.by_begin = layout.book<std::int64_t>(capacity.num_segments);
  buffers.reach = layout.book<std::int64_t>(capacity.num_segments);
  return buffers;
}

template <typename Element, typename Real>
void run(const Context& context, const RankingLossPlan& plan, const ConstTensorView& step_rewards, const cpu::Batch& batch,
         const cpu::Rankings& rankings, const PreferenceOptions& options, const RankingResult& result, const TensorView& grad_step_rewards,
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
  cpu::segment_scores(batch, aggregation, static_cast<const Element*>(step_rewards.data), scores, pool);

  cpu::RankingLossArgs<Real> args;
  args.rankings = rankings;
  args.num_members = batch.num_members;
  args.num_segments = batch.num_segments;
  args.temperature = options.temperature;
  args.skip_nonfinite = options.nonfinite == NonFinite::skip;
  args.reduction = {options.reduction == Reduction::mean, options.normalizer};
  args.scores = scores;
  args.reduced_loss = static_cast<Real*>(result.loss.data);
  args.loss_per_ranking = static_cast<Real*>(result.loss_per_ranking.data);
  args.metrics = static_cast<double*>(result.metrics.data);
  args.ranking_counted = buffers.ranking_counted.in(workspace);
  args.slab_sums = buffers.slab_sums.in(workspace);
  if (grad_step_rewards.present()) {
    args.grad_scores = buffers.grad_scores.in(workspace);
    args.segment_counted = buffers.segment_counted.in(workspace);
    args.grad_entries = buffers.grad_entries.in(workspace);
    args.grad_sums = buffers.grad_sums.in(workspace);
  }
  cpu::ranking_batch_loss(args, pool);
  if (!grad_step_rewards.present()) return;

  const cpu::SegmentOrder order = cpu::order_segments(batch, buffers.by_begin.in(workspace), buffers.reach.in(workspace));
  cpu::expand_gradient(batch, aggregation, order, args.grad_scores, args.segment_counted, static_cast<Element*>(grad_step_rewards.data), pool);
}

}  // namespace

RankingLossPlan::RankingLossPlan(const RankingCapacity& capacity) : capacity_(capacity) {
  validation::capacity(capacity);
  if (capacity.device.kind == Device::Kind::cuda) {
    workspace_bytes_ = cuda_backend::ranking_loss_bytes(capacity);
  } else {
    WorkspaceLayout layout;
    if (capacity.dtype == DType::f64) book<double>(capacity, layout);
    else book<float>(capacity, layout);
    workspace_bytes_ = layout.total_bytes();
  }
  print_if_asked(*this);
}

std::string RankingLossPlan::describe() const {
  if (capacity_.device.kind == Device::Kind::cuda) return cuda_backend::describe_ranking_loss(capacity_, workspace_bytes_);
  return fmt::format(
      "ranking_loss: up to {} members, {} steps ({}), {} segments, {} rankings of {} entries in all; segment scores, then rankings in slabs of {}, "
      "then one gradient write; workspace {} bytes",
      capacity_.num_members, capacity_.num_steps, name_of(capacity_.dtype), capacity_.num_segments, capacity_.num_rankings, capacity_.num_entries,
      cpu::rankings_per_slab, workspace_bytes_);
}

void ranking_loss(const Context& context, const RankingLossPlan& plan, ConstTensorView step_rewards, const RankingBatch& in,
                  const PreferenceOptions& options, const RankingResult& result, TensorView grad_step_rewards, Workspace workspace) {
  const validation::CallDevice device = validation::device_of_call("ranking_loss", "step_rewards", step_rewards);
  validation::step_rewards(step_rewards, device);
  const std::int64_t num_members = validation::members_of(step_rewards), num_steps = validation::steps_of(step_rewards);
  const bool wide = step_rewards.dtype == DType::f64;
  const validation::RankingShape shape = validation::ranking_shape(in, device, num_members, num_steps, wide);
  validation::ranking_options(options, device, num_members, wide);
  validation::ranking_result(result, options, shape, device, wide);
  if (grad_step_rewards.present()) validation::shape_of_rewards("grad_step_rewards", grad_step_rewards, step_rewards, device, {step_rewards.dtype});
  validation::within_capacity(plan.capacity(), shape, step_rewards.dtype, device);
  if (device.is_cuda()) return cuda_backend::ranking_loss(context, plan.capacity(), step_rewards, in, shape, options, result, grad_step_rewards, workspace);
  const auto [batch, rankings] = validation::ranking_batch(in, shape);
  validation::within_segment_steps(plan.capacity().max_segment_steps, batch);

  if (reference_backend::selected()) return reference_backend::ranking_loss(step_rewards, batch, rankings, options, result, grad_step_rewards);
  switch (step_rewards.dtype) {
    case DType::f32: return run<float, float>(context, plan, step_rewards, batch, rankings, options, result, grad_step_rewards, workspace);
    case DType::f64: return run<double, double>(context, plan, step_rewards, batch, rankings, options, result, grad_step_rewards, workspace);
    case DType::bf16: return run<bf16, float>(context, plan, step_rewards, batch, rankings, options, result, grad_step_rewards, workspace);
    default: return run<f16, float>(context, plan, step_rewards, batch, rankings, options, result, grad_step_rewards, workspace);
  }
}

void ranking_loss(const Context& context, ConstTensorView step_rewards, const RankingBatch& batch, const PreferenceOptions& options,
                  const RankingResult& result, TensorView grad_step_rewards) {
  // The plan is made from shapes: nothing is allocated for a tensor that is not there.
  const validation::CallDevice device = validation::device_of_call("ranking_loss", "step_rewards", step_rewards);
  validation::step_rewards(step_rewards, device);
  const bool wide = step_rewards.dtype == DType::f64;
  const auto shape = validation::ranking_shape(batch, device, validation::members_of(step_rewards), validation::steps_of(step_rewards), wide);
  const RankingLossPlan plan(validation::capacity_of(shape, step_rewards.dtype, device));
  const OwnedWorkspace workspace(plan.workspace_bytes(), device.device, context);
  ranking_loss(context, plan, step_rewards, batch, options, result, grad_step_rewards, workspace.get());
}

}  // namespace segpref
