// The natural size of each result of a preference problem: what one unit in the last place of every step reward and of the result itself
// may change it by, to first order, over that unit. A bound of n "ulps" means n * epsilon * this size.
#pragma once

#include <vector>

#include "kernels/reference/preference_loss.hpp"

namespace segpref::testing {

/// Flat arrays, in the shapes of PreferenceResult.
struct ErrorUnits {
  std::vector<double> scores, logits, loss_per_pair, loss, grad_tie_parameter, metrics;
  std::vector<std::vector<double>> grad_step_rewards;  ///< [num_members][num_steps]
};

/// @param reward_units  [num_members][num_steps] at least |step reward|; 0 where the reward is not finite
ErrorUnits error_units(const reference::PreferenceProblem& problem, const std::vector<std::vector<double>>& reward_units,
                       const reference::PreferenceSolution& expected);

}  // namespace segpref::testing
