// Logits of many pairs, a chunk at a time: what RewardEnsemble::logits and a device that keeps the data set have in common.
#pragma once

#include <cstdint>

#include "segpref/reward_ensemble.hpp"

namespace segpref {

/// Capacity of a plan for a chunk; its num_batch_pairs are the pairs of a chunk.
PreferenceCapacity logits_capacity(const RewardArchitecture& architecture, const PreferenceDataset& data, std::int64_t num_pairs, const Device& device);

/// What a score is made of, and nothing that only a loss knows.
PreferenceOptions logits_options(const ScoreOptions& score);

/// The data set's batch without what only a loss knows, with these pairs.
PreferenceBatch logits_batch(PreferenceBatch batch, const ConstTensorView& pairs);

}  // namespace segpref
