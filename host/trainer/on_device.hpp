// What RewardEnsemble does with host arrays on a CUDA device: they go there and their results come back.
#pragma once

#include <cstdint>
#include <vector>

#include "segpref/reward_ensemble.hpp"

namespace segpref {

/// RewardEnsemble::logits. Uploads the data set.
std::vector<float> cuda_logits(const Context& context, const RewardEnsemble& ensemble, const PreferenceDataset& data, const std::vector<std::int64_t>& pairs, const Device& device);

/// RewardEnsemble::predict, in chunks of rows: while one is computed, the next is on its way. Features may be larger than the device's memory.
/// @param chunk_bytes  of features on the device at once, about
void cuda_predict(const Context& context, const RewardEnsemble& ensemble, const Features& features, const Prediction& prediction, const Device& device,
                  std::int64_t chunk_bytes = std::int64_t{64} << 20);

}  // namespace segpref
