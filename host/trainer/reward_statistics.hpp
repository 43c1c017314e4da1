// Mean and deviation of an ensemble's rewards over some segments.
#pragma once

#include <vector>

#include "segpref/reward_ensemble.hpp"

namespace segpref {

/// Sets the shift and scale that give each member's rewards mean 0 and deviation 1 over the steps of the segments of `pairs`, each segment
/// once; of more than 65,536 steps, about so many are looked at, in stretches at a regular distance. Non-finite rewards are left out; without a single finite one nothing is set. `ensemble` must not be normalised yet.
/// @param device  where the rewards are computed
void normalize_rewards(const Context& context, const PreferenceDataset& data, const std::vector<std::int64_t>& pairs, RewardEnsemble& ensemble, const Device& device);

}  // namespace segpref
