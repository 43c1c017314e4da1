#include "host/trainer/on_device.hpp"

#include "host/validate/call_device.hpp"

namespace segpref {

// device_of_plan says why it does not.
std::vector<float> cuda_logits(const Context&, const RewardEnsemble&, const PreferenceDataset&, const std::vector<std::int64_t>&, const Device& device) {
  validation::device_of_plan("mlp_preference_loss", "device is", device);
  return {};
}
void cuda_predict(const Context&, const RewardEnsemble&, const Features&, const Prediction&, const Device& device, std::int64_t) { validation::device_of_plan("predict_rewards", "device is", device); }

}  // namespace segpref
