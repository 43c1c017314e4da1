#include "segpref/reward_mlp.hpp"

#include "host/c_abi/context.hpp"
#include "host/c_abi/plan.hpp"
#include "host/c_abi/preference_args.hpp"
#include "host/c_abi/reward_model.hpp"
#include "host/c_abi/struct.hpp"

using namespace segpref::c_abi;

namespace {

segpref::MlpGradients read_gradients(Tensors& tensors, const segpref_mlp_gradients* gradients) {
  const segpref_mlp_gradients in = read_optional_struct("gradients", gradients);
  return {tensors.out("gradients.parameters", in.parameters), tensors.out("gradients.features_first", in.features_first),
          tensors.out("gradients.features_second", in.features_second)};
}

segpref::DropoutState read_dropout(const segpref_dropout_state* dropout) {
  const segpref_dropout_state in = read_optional_struct("dropout", dropout);
  check_reserved("dropout.reserved", in.reserved);
  return {read_switch("dropout.training", in.training), in.seed, in.call};
}

/// What both forms of the call read, in the order in which they are checked.
struct Arguments {
  const segpref::Context& context;
  Tensors tensors;
  segpref::ConstTensorView parameters;
  segpref::Features features;
  segpref::PreferenceBatch batch;
  segpref::PreferenceOptions options;
  segpref::PreferenceResult result;
  segpref::MlpGradients gradients;
  segpref::DropoutState dropout;
  segpref::TensorView step_rewards;

  Arguments(const segpref_context* context, const DLTensor* parameters, const segpref_features* features, const segpref_preference_batch* batch,
            const segpref_preference_options* options, const segpref_preference_result* result, const segpref_mlp_gradients* gradients,
            const segpref_dropout_state* dropout, const DLTensor* step_rewards)
      : context(read_context(context)),
        parameters(tensors.in("parameters", parameters)),
        features(read_features(tensors, features)),
        batch(read_batch(tensors, batch)),
        options(read_options(tensors, options)),
        result(read_result(tensors, result)),
        gradients(read_gradients(tensors, gradients)),
        dropout(read_dropout(dropout)),
        step_rewards(tensors.out("step_rewards", step_rewards)) {}
};

}  // namespace

segpref_status segpref_mlp_preference_loss(const segpref_context* context, const segpref_reward_architecture* architecture, const DLTensor* parameters,
                                           const segpref_features* features, const segpref_preference_batch* batch,
                                           const segpref_preference_options* options, const segpref_preference_result* result,
                                           const segpref_mlp_gradients* gradients, const segpref_dropout_state* dropout, const DLTensor* step_rewards) {
  return guarded([&] {
    const segpref::RewardArchitecture model = read_architecture(architecture);
    const Arguments in(context, parameters, features, batch, options, result, gradients, dropout, step_rewards);
    segpref::mlp_preference_loss(in.context, model, in.parameters, in.features, in.batch, in.options, in.result, in.gradients, in.dropout,
                                 in.step_rewards);
  });
}

segpref_status segpref_mlp_preference_loss_planned(const segpref_context* context, const segpref_plan* plan, const DLTensor* parameters,
                                                   const segpref_features* features, const segpref_preference_batch* batch,
                                                   const segpref_preference_options* options, const segpref_preference_result* result,
                                                   const segpref_mlp_gradients* gradients, const segpref_dropout_state* dropout,
                                                   const DLTensor* step_rewards, void* workspace, size_t workspace_bytes) {
  return guarded([&] {
    const Arguments in(context, parameters, features, batch, options, result, gradients, dropout, step_rewards);
    segpref::mlp_preference_loss(in.context, read_plan<segpref::MlpLossPlan>(plan, "mlp_preference_loss"), in.parameters, in.features, in.batch,
                                 in.options, in.result, in.gradients, in.dropout, in.step_rewards, read_workspace(workspace, workspace_bytes));
  });
}

segpref_status segpref_mlp_preference_loss_plan_create(const segpref_reward_architecture* architecture, const segpref_preference_capacity* capacity,
                                                       int32_t num_threads, int32_t compute, segpref_plan** plan) {
  return create_plan(plan, [&] {
    return segpref::MlpLossPlan(read_architecture(architecture), read_capacity(capacity), num_threads, read_compute(compute));
  });
}
