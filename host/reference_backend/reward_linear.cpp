#include "kernels/reference/reward_linear.hpp"

#include <numeric>

#include "host/reference_backend/convert.hpp"
#include "host/reference_backend/reference_backend.hpp"
#include "host/reference_backend/selection.hpp"

namespace segpref::reference_backend {

void linear_preference_loss(const LinearHead& head, const ConstTensorView& features, const cpu::Batch& batch, const PreferenceOptions& options,
                            const PreferenceResult& result, const LinearGradients& gradients, const TensorView& step_rewards) {
  count_call();
  reference::LinearModel model{rows_of(head.weight), Row(static_cast<std::size_t>(batch.num_members), 0.0)};
  const bool shared_bias = head.bias.present() && head.bias.size() == 1;
  if (shared_bias) model.bias.assign(model.bias.size(), values_of(head.bias)[0]);
  else if (head.bias.present()) model.bias = values_of(head.bias);
  const reference::LinearSolution solution = reference::linear_preference_loss(problem_of(batch, options), model, rows_of(features));
  store_result(result, solution.preference);
  store(result.scores, solution.preference.scores);
  store(step_rewards, solution.step_rewards);
  store(gradients.weight, solution.grad_weight);
  Row grad_bias = solution.grad_bias;
  if (shared_bias) grad_bias = {std::accumulate(grad_bias.begin(), grad_bias.end(), 0.0)};
  store(gradients.bias, grad_bias);
  store(gradients.features, solution.grad_features);
}

}  // namespace segpref::reference_backend
