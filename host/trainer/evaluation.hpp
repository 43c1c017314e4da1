// How well logits agree with labels.
#pragma once

#include <vector>

#include "segpref/reward_ensemble.hpp"

namespace segpref {

/// RewardEnsemble::evaluate, from logits [num_members, pairs.size()] that are already there.
Evaluation evaluate_logits(const std::vector<float>& logits, std::int64_t num_members, const ScoreOptions& score, const PreferenceDataset& data, const std::vector<std::int64_t>& pairs,
                           const float* labels, NonFinite nonfinite);

}  // namespace segpref
