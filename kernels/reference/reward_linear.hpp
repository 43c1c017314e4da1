// The oracle of the linear reward r = w . x + b under the preference loss: float64, one plain loop per formula.
#pragma once

#include <vector>

#include "kernels/reference/preference_loss.hpp"

namespace segpref::reference {

struct LinearModel {
  std::vector<std::vector<double>> weight;  ///< [num_members][feature_dim]
  std::vector<double> bias;                 ///< [num_members]
};

struct LinearSolution {
  std::vector<std::vector<double>> step_rewards;   ///< [num_members][num_steps]
  PreferenceSolution preference;
  std::vector<std::vector<double>> grad_weight;    ///< [num_members][feature_dim]
  std::vector<double> grad_bias;                   ///< [num_members]
  std::vector<std::vector<double>> grad_features;  ///< [num_steps][feature_dim], summed over members
};

/// @param features  [num_steps][feature_dim]
LinearSolution linear_preference_loss(const PreferenceProblem& problem, const LinearModel& model, const std::vector<std::vector<double>>& features);

}  // namespace segpref::reference
