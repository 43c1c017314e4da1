#include "kernels/reference/prediction.hpp"

#include <cmath>

namespace segpref::reference {

RewardPrediction predict_rewards(const std::vector<std::vector<double>>& step_rewards, const std::vector<double>& shift, const std::vector<double>& scale) {
  RewardPrediction prediction;
  prediction.members = step_rewards;
  if (!shift.empty())
    for (std::size_t e = 0; e < step_rewards.size(); ++e)
      for (double& reward : prediction.members[e]) reward = (reward - shift[e]) * scale[e];
  const auto members = static_cast<long double>(step_rewards.size());
  for (std::size_t t = 0; t < step_rewards[0].size(); ++t) {
    long double mean = 0, variance = 0;
    for (const auto& row : prediction.members) mean += row[t] / members;
    for (const auto& row : prediction.members) variance += (row[t] - mean) * (row[t] - mean) / members;
    prediction.mean.push_back(static_cast<double>(mean));
    prediction.deviation.push_back(static_cast<double>(std::sqrt(variance)));
  }
  return prediction;
}

}  // namespace segpref::reference
