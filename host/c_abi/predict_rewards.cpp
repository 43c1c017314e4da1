#include "host/c_abi/context.hpp"
#include "host/c_abi/reward_model.hpp"
#include "host/c_abi/struct.hpp"
#include "segpref/reward_mlp.hpp"

using namespace segpref::c_abi;

namespace {

segpref::Prediction read_prediction(Tensors& tensors, const segpref_prediction* prediction) {
  const segpref_prediction in = read_struct("prediction", prediction);
  return {tensors.out("members", in.members), tensors.out("mean", in.mean), tensors.out("std", in.std)};
}

segpref::RewardNormalization read_normalization(Tensors& tensors, const segpref_reward_normalization* normalization) {
  const segpref_reward_normalization in = read_optional_struct("normalization", normalization);
  return {tensors.in("normalization.shift", in.shift), tensors.in("normalization.scale", in.scale)};
}

}  // namespace

segpref_status segpref_predict_rewards(const segpref_context* context, const segpref_reward_architecture* architecture, const DLTensor* parameters,
                                       const segpref_features* features, const segpref_prediction* prediction,
                                       const segpref_reward_normalization* normalization, int32_t compute) {
  return guarded([&] {
    const segpref::Context& threads = read_context(context);
    const segpref::RewardArchitecture model = read_architecture(architecture);
    Tensors tensors;
    const segpref::ConstTensorView weights = tensors.in("parameters", parameters);
    const segpref::Features rows = read_features(tensors, features);
    const segpref::Prediction out = read_prediction(tensors, prediction);
    const segpref::RewardNormalization scaling = read_normalization(tensors, normalization);
    segpref::predict_rewards(threads, model, weights, rows, out, scaling, read_compute(compute));
  });
}
