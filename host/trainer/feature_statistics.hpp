// Mean and deviation of the features of some segments.
#pragma once

#include <vector>

#include "segpref/dataset.hpp"

namespace segpref {

/// Over every step of the segments of `pairs`, each segment once; a feature that never changes gets deviation 1. Non-finite values are left out.
void feature_statistics(const PreferenceDataset& data, const std::vector<std::int64_t>& pairs, std::vector<float>& mean, std::vector<float>& std);

/// The segments of `pairs`, ascending, each once, as [begin, end) steps.
std::vector<std::pair<std::int64_t, std::int64_t>> segments_of(const PreferenceDataset& data, const std::vector<std::int64_t>& pairs);

}  // namespace segpref
