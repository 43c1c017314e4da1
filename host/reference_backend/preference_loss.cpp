#include "host/reference_backend/convert.hpp"
#include "host/reference_backend/reference_backend.hpp"
#include "host/reference_backend/selection.hpp"

namespace segpref::reference_backend {

void preference_loss(const ConstTensorView& step_rewards, const cpu::Batch& batch, const PreferenceOptions& options, const PreferenceResult& result,
                     const TensorView& grad_step_rewards) {
  count_call();
  const reference::PreferenceSolution solution = reference::preference_loss(problem_of(batch, options), rows_of(step_rewards));
  store_result(result, solution);
  store(result.scores, solution.scores);
  store(grad_step_rewards, solution.grad_step_rewards);
}

}  // namespace segpref::reference_backend
