#include "segpref/ranking_loss.hpp"

#include <cstddef>

#include "host/c_abi/context.hpp"
#include "host/c_abi/plan.hpp"
#include "host/c_abi/preference_args.hpp"
#include "host/c_abi/struct.hpp"

using namespace segpref::c_abi;

namespace {

static_assert(int{segpref::ranking_metric_weight_sum} == SEGPREF_RANKING_METRIC_WEIGHT_SUM &&
              int{segpref::ranking_metric_loss_sum} == SEGPREF_RANKING_METRIC_LOSS_SUM &&
              int{segpref::ranking_metric_num_skipped} == SEGPREF_RANKING_METRIC_NUM_SKIPPED &&
              int{segpref::num_ranking_metrics} == SEGPREF_NUM_RANKING_METRICS);

segpref::RankingBatch read_ranking_batch(Tensors& tensors, const segpref_ranking_batch* batch) {
  const segpref_ranking_batch in = read_struct("batch", batch);
  segpref::RankingBatch out;
  out.offsets = tensors.in("offsets", in.offsets);
  out.begins = tensors.in("begins", in.begins);
  out.lengths = tensors.in("lengths", in.lengths);
  out.rankings = tensors.in("rankings", in.rankings);
  out.ranking_offsets = tensors.in("ranking_offsets", in.ranking_offsets);
  out.weights = tensors.in("weights", in.weights);
  out.ranking_top = in.ranking_top;
  return out;
}

segpref::RankingResult read_ranking_result(Tensors& tensors, const segpref_ranking_result* result) {
  const segpref_ranking_result in = read_optional_struct("result", result);
  return {tensors.out("loss", in.loss), tensors.out("loss_per_ranking", in.loss_per_ranking), tensors.out("scores", in.scores),
          tensors.out("metrics", in.metrics)};
}

segpref::RankingCapacity read_ranking_capacity(const segpref_ranking_capacity* capacity) {
  segpref_ranking_capacity defaults;
  segpref_ranking_capacity_init(&defaults);
  // The first version ended before max_segment_steps.
  const segpref_ranking_capacity in = read_struct("capacity", capacity, defaults, offsetof(segpref_ranking_capacity, max_segment_steps));
  check_reserved("capacity.reserved", in.reserved);
  return {in.num_members,  in.num_steps, in.num_segments, in.num_rankings, in.num_entries, read_dtype("capacity.dtype", in.dtype), in.max_segment_steps,
          read_capacity_device(in.device)};
}

/// What both forms of the call read, in the order in which they are checked.
struct Arguments {
  const segpref::Context& context;
  Tensors tensors;
  segpref::ConstTensorView step_rewards;
  segpref::RankingBatch batch;
  segpref::PreferenceOptions options;
  segpref::RankingResult result;
  segpref::TensorView grad_step_rewards;

  Arguments(const segpref_context* context, const DLTensor* step_rewards, const segpref_ranking_batch* batch,
            const segpref_preference_options* options, const segpref_ranking_result* result, const DLTensor* grad_step_rewards)
      : context(read_context(context)),
        step_rewards(tensors.in("step_rewards", step_rewards)),
        batch(read_ranking_batch(tensors, batch)),
        options(read_options(tensors, options)),
        result(read_ranking_result(tensors, result)),
        grad_step_rewards(tensors.out("grad_step_rewards", grad_step_rewards)) {}
};

}  // namespace

segpref_status segpref_ranking_loss(const segpref_context* context, const DLTensor* step_rewards, const segpref_ranking_batch* batch,
                                    const segpref_preference_options* options, const segpref_ranking_result* result,
                                    const DLTensor* grad_step_rewards) {
  return guarded([&] {
    const Arguments in(context, step_rewards, batch, options, result, grad_step_rewards);
    segpref::ranking_loss(in.context, in.step_rewards, in.batch, in.options, in.result, in.grad_step_rewards);
  });
}

segpref_status segpref_ranking_loss_planned(const segpref_context* context, const segpref_plan* plan, const DLTensor* step_rewards,
                                            const segpref_ranking_batch* batch, const segpref_preference_options* options,
                                            const segpref_ranking_result* result, const DLTensor* grad_step_rewards, void* workspace,
                                            size_t workspace_bytes) {
  return guarded([&] {
    const Arguments in(context, step_rewards, batch, options, result, grad_step_rewards);
    segpref::ranking_loss(in.context, read_plan<segpref::RankingLossPlan>(plan, "ranking_loss"), in.step_rewards, in.batch, in.options, in.result,
                          in.grad_step_rewards, read_workspace(workspace, workspace_bytes));
  });
}

segpref_status segpref_ranking_loss_plan_create(const segpref_ranking_capacity* capacity, segpref_plan** plan) {
  return create_plan(plan, [&] { return segpref::RankingLossPlan(read_ranking_capacity(capacity)); });
}

void segpref_ranking_capacity_init(segpref_ranking_capacity* capacity) {
  if (capacity == nullptr) return;
  const segpref::RankingCapacity defaults;
  *capacity = {};
  capacity->struct_size = sizeof(*capacity);
  capacity->num_members = defaults.num_members;
  capacity->dtype = dlpack_dtype(defaults.dtype);
  capacity->device = {kDLCPU, 0};
}
