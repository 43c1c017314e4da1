// The oracle of predict_rewards beyond the model itself: normalisation per member, then mean and deviation over members.
#pragma once

#include <vector>

namespace segpref::reference {

struct RewardPrediction {
  std::vector<std::vector<double>> members;  ///< [num_members][num_steps]
  std::vector<double> mean, deviation;       ///< [num_steps]; population standard deviation
};

/// @param step_rewards  [num_members][num_steps]
/// @param shift, scale  [num_members], or both empty: a reward leaves as (r - shift) * scale
RewardPrediction predict_rewards(const std::vector<std::vector<double>>& step_rewards, const std::vector<double>& shift, const std::vector<double>& scale);

}  // namespace segpref::reference
