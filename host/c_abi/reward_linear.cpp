#include "segpref/reward_linear.hpp"

#include "host/c_abi/context.hpp"
#include "host/c_abi/plan.hpp"
#include "host/c_abi/preference_args.hpp"
#include "host/c_abi/struct.hpp"

using namespace segpref::c_abi;

namespace {

segpref::LinearHead read_head(Tensors& tensors, const segpref_linear_head* head) {
  const segpref_linear_head in = read_struct("head", head);
  return {tensors.in("weight", in.weight), tensors.in("bias", in.bias)};
}

segpref::LinearGradients read_gradients(Tensors& tensors, const segpref_linear_gradients* gradients) {
  const segpref_linear_gradients in = read_optional_struct("gradients", gradients);
  return {tensors.out("grad weight", in.weight), tensors.out("grad bias", in.bias), tensors.out("grad features", in.features)};
}

/// What both forms of the call read, in the order in which they are checked.
struct Arguments {
  const segpref::Context& context;
  Tensors tensors;
  segpref::LinearHead head;
  segpref::ConstTensorView features;
  segpref::PreferenceBatch batch;
  segpref::PreferenceOptions options;
  segpref::PreferenceResult result;
  segpref::LinearGradients gradients;
  segpref::TensorView step_rewards;

  Arguments(const segpref_context* context, const segpref_linear_head* head, const DLTensor* features, const segpref_preference_batch* batch,
            const segpref_preference_options* options, const segpref_preference_result* result, const segpref_linear_gradients* gradients,
            const DLTensor* step_rewards)
      : context(read_context(context)),
        head(read_head(tensors, head)),
        features(tensors.in("features", features)),
        batch(read_batch(tensors, batch)),
        options(read_options(tensors, options)),
        result(read_result(tensors, result)),
        gradients(read_gradients(tensors, gradients)),
        step_rewards(tensors.out("step_rewards", step_rewards)) {}
};

}  // namespace

segpref_status segpref_linear_preference_loss(const segpref_context* context, const segpref_linear_head* head, const DLTensor* features,
                                              const segpref_preference_batch* batch, const segpref_preference_options* options,
                                              const segpref_preference_result* result, const segpref_linear_gradients* gradients,
                                              const DLTensor* step_rewards) {
  return guarded([&] {
    const Arguments in(context, head, features, batch, options, result, gradients, step_rewards);
    segpref::linear_preference_loss(in.context, in.head, in.features, in.batch, in.options, in.result, in.gradients, in.step_rewards);
  });
}

segpref_status segpref_linear_preference_loss_planned(const segpref_context* context, const segpref_plan* plan, const segpref_linear_head* head,
                                                      const DLTensor* features, const segpref_preference_batch* batch,
                                                      const segpref_preference_options* options, const segpref_preference_result* result,
                                                      const segpref_linear_gradients* gradients, const DLTensor* step_rewards, void* workspace,
                                                      size_t workspace_bytes) {
  return guarded([&] {
    const Arguments in(context, head, features, batch, options, result, gradients, step_rewards);
    segpref::linear_preference_loss(in.context, read_plan<segpref::LinearLossPlan>(plan, "linear_preference_loss"), in.head, in.features, in.batch,
                                    in.options, in.result, in.gradients, in.step_rewards, read_workspace(workspace, workspace_bytes));
  });
}

segpref_status segpref_linear_preference_loss_plan_create(const segpref_preference_capacity* capacity, int64_t feature_dim, segpref_plan** plan) {
  return create_plan(plan, [&] { return segpref::LinearLossPlan(read_capacity(capacity), feature_dim); });
}
