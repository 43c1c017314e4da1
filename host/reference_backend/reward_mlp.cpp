#include "kernels/reference/reward_mlp.hpp"

#include "host/reference_backend/mlp_model.hpp"
#include "host/reference_backend/reference_backend.hpp"
#include "host/reference_backend/selection.hpp"
#include "kernels/reference/dropout.hpp"

namespace segpref::reference_backend {
namespace {

/// What the batch uses, 0 elsewhere: scores of segments, rewards of steps.
void store_used(const reference::PreferenceProblem& problem, const reference::MlpSolution& solution, const PreferenceResult& result, const TensorView& step_rewards) {
  Rows scores = solution.preference.scores, rewards = solution.step_rewards;
  for (std::size_t member = 0; member < scores.size(); ++member) {
    const std::vector<bool> counted = counted_segments(problem, solution.preference, member);
    std::vector<bool> live(rewards[member].size(), false);
    for (std::size_t s = 0; s < problem.segments.size(); ++s)
      for (std::int64_t step = problem.segments[s].begin; counted[s] && step < problem.segments[s].end; ++step) live[static_cast<std::size_t>(step)] = true;
    for (std::size_t step = 0; step < live.size(); ++step)
      if (!live[step]) rewards[member][step] = 0;
    std::vector<bool> used(problem.segments.size(), false);
    for (std::int64_t pair : problem.pair_order[member]) {
      const auto p = static_cast<std::size_t>(pair);
      if (problem.weights[member][p] == 0 && !result.logits.present()) continue;  // a left-out pair is only looked at for its logit
      used[static_cast<std::size_t>(problem.pairs[p].first)] = used[static_cast<std::size_t>(problem.pairs[p].second)] = true;
    }
    for (std::size_t s = 0; s < used.size(); ++s)
      if (!used[s]) scores[member][s] = 0;
  }
  store(result.scores, scores);
  store(step_rewards, rewards);
}

/// The columns of the gradient that belong to one of the two feature tensors.
void store_columns(const TensorView& view, const Rows& rows, std::size_t first_column) {
  if (!view.present()) return;
  Rows part;
  for (const Row& row : rows) {
    const auto begin = row.begin() + static_cast<std::ptrdiff_t>(first_column);
    part.emplace_back(begin, begin + view.shape[1]);
  }
  store(view, part);
}

}  // namespace

void mlp_preference_loss(const RewardArchitecture& architecture, Compute compute, const ConstTensorView& parameters, const Features& features,
                         const cpu::Batch& batch, const PreferenceOptions& options, const PreferenceResult& result, const MlpGradients& gradients,
                         const DropoutState& dropout, const TensorView& step_rewards) {
  require_standard(compute);
  count_call();
  const reference::PreferenceProblem problem = problem_of(batch, options);
  reference::DropoutMask mask;
  if (dropout.training && architecture.dropout > 0) mask = reference::dropout_mask({architecture.dropout, dropout.seed, dropout.call});
  const reference::MlpSolution solution = reference::mlp_preference_loss(problem, mlp_model_of(architecture, features), values_of(parameters), joined_rows(features), mask);
  store_result(result, solution.preference);
  store_used(problem, solution, result, step_rewards);
  store(gradients.parameters, solution.grad_parameters);
  store_columns(gradients.features_first, solution.grad_features, 0);
  store_columns(gradients.features_second, solution.grad_features, static_cast<std::size_t>(features.first.shape[1]));
}

}  // namespace segpref::reference_backend
