#include "segpref/preference_loss.hpp"

#include "host/c_abi/context.hpp"
#include "host/c_abi/plan.hpp"
#include "host/c_abi/preference_args.hpp"

using namespace segpref::c_abi;

namespace {

/// What both forms of the call read, in the order in which they are checked.
struct Arguments {
  const segpref::Context& context;
  Tensors tensors;
  segpref::ConstTensorView step_rewards;
  segpref::PreferenceBatch batch;
  segpref::PreferenceOptions options;
  segpref::PreferenceResult result;
  segpref::TensorView grad_step_rewards;

  Arguments(const segpref_context* context, const DLTensor* step_rewards, const segpref_preference_batch* batch,
            const segpref_preference_options* options, const segpref_preference_result* result, const DLTensor* grad_step_rewards)
      : context(read_context(context)),
        step_rewards(tensors.in("step_rewards", step_rewards)),
        batch(read_batch(tensors, batch)),
        options(read_options(tensors, options)),
        result(read_result(tensors, result)),
        grad_step_rewards(tensors.out("grad_step_rewards", grad_step_rewards)) {}
};

}  // namespace

segpref_status segpref_preference_loss(const segpref_context* context, const DLTensor* step_rewards, const segpref_preference_batch* batch,
                                       const segpref_preference_options* options, const segpref_preference_result* result,
                                       const DLTensor* grad_step_rewards) {
  return guarded([&] {
    const Arguments in(context, step_rewards, batch, options, result, grad_step_rewards);
    segpref::preference_loss(in.context, in.step_rewards, in.batch, in.options, in.result, in.grad_step_rewards);
  });
}

segpref_status segpref_preference_loss_planned(const segpref_context* context, const segpref_plan* plan, const DLTensor* step_rewards,
                                               const segpref_preference_batch* batch, const segpref_preference_options* options,
                                               const segpref_preference_result* result, const DLTensor* grad_step_rewards, void* workspace,
                                               size_t workspace_bytes) {
  return guarded([&] {
    const Arguments in(context, step_rewards, batch, options, result, grad_step_rewards);
    segpref::preference_loss(in.context, read_plan<segpref::PreferenceLossPlan>(plan, "preference_loss"), in.step_rewards, in.batch, in.options,
                             in.result, in.grad_step_rewards, read_workspace(workspace, workspace_bytes));
  });
}

segpref_status segpref_preference_loss_plan_create(const segpref_preference_capacity* capacity, segpref_plan** plan) {
  return create_plan(plan, [&] { return segpref::PreferenceLossPlan(read_capacity(capacity)); });
}
