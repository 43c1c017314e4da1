#include "host/reference_backend/mlp_model.hpp"
#include "host/reference_backend/reference_backend.hpp"
#include "host/reference_backend/selection.hpp"
#include "kernels/reference/prediction.hpp"

namespace segpref::reference_backend {

void predict_rewards(const RewardArchitecture& architecture, Compute compute, const ConstTensorView& parameters, const Features& features,
                     const Prediction& prediction, const RewardNormalization& normalization) {
  require_standard(compute);
  count_call();
  const reference::MlpModel model = mlp_model_of(architecture, features);
  const Row flat = values_of(parameters);
  const Rows rows = joined_rows(features);
  Rows rewards(static_cast<std::size_t>(architecture.num_members));
  for (std::int64_t member = 0; member < architecture.num_members; ++member)
    for (const Row& row : rows) rewards[static_cast<std::size_t>(member)].push_back(reference::mlp_reward(model, flat, member, row));
  const reference::RewardPrediction predicted = reference::predict_rewards(rewards, values_of(normalization.shift), values_of(normalization.scale));
  store(prediction.members, predicted.members);
  store(prediction.mean, predicted.mean);
  store(prediction.std, predicted.deviation);
}

}  // namespace segpref::reference_backend
