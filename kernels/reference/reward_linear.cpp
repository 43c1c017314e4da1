#include "kernels/reference/reward_linear.hpp"

namespace segpref::reference {

LinearSolution linear_preference_loss(const PreferenceProblem& problem, const LinearModel& model, const std::vector<std::vector<double>>& features) {
  const std::size_t members = model.weight.size(), feature_dim = model.weight[0].size(), steps = features.size();
  LinearSolution solution;
  solution.step_rewards.resize(members);
  for (std::size_t e = 0; e < members; ++e)
    for (const std::vector<double>& row : features) {
      long double reward = model.bias[e];
      for (std::size_t i = 0; i < feature_dim; ++i) reward += static_cast<long double>(model.weight[e][i]) * row[i];
      solution.step_rewards[e].push_back(static_cast<double>(reward));
    }
  solution.preference = preference_loss(problem, solution.step_rewards);

  solution.grad_weight.assign(members, std::vector<double>(feature_dim, 0));
  solution.grad_bias.assign(members, 0);
  solution.grad_features.assign(steps, std::vector<double>(feature_dim, 0));
  for (std::size_t e = 0; e < members; ++e)
    for (std::size_t t = 0; t < steps; ++t) {
      const double grad = solution.preference.grad_step_rewards[e][t];
      if (grad == 0) continue;  // no counted pair reaches this step: its features may be anything
      solution.grad_bias[e] += grad;
      for (std::size_t i = 0; i < feature_dim; ++i) {
        solution.grad_weight[e][i] += grad * features[t][i];
        solution.grad_features[t][i] += grad * model.weight[e][i];
      }
    }
  return solution;
}

}  // namespace segpref::reference
