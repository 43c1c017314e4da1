#include "host/trainer/logits.hpp"

#include <algorithm>

namespace segpref {
namespace {

/// Pairs and rows that are in memory together: enough to keep every thread busy, and never more than about 200 MB of activations of the widest usual
/// model.
constexpr std::int64_t most_pairs = 1024, most_rows = 16384;

}  // namespace

PreferenceCapacity logits_capacity(const RewardArchitecture& architecture, const PreferenceDataset& data, std::int64_t num_pairs, const Device& device) {
  const std::int64_t longest = std::max<std::int64_t>(1, data.longest_segment()), pairs = std::clamp<std::int64_t>(most_rows / (2 * longest), 1, most_pairs);
  PreferenceCapacity capacity;
  capacity.num_members = architecture.num_members;
  capacity.num_steps = data.num_steps();
  capacity.num_segments = data.num_segments();
  capacity.num_pairs = data.num_pairs();
  capacity.num_batch_pairs = std::max<std::int64_t>(1, std::min(pairs, num_pairs));
  capacity.num_batch_steps = std::max<std::int64_t>(1, std::min(data.num_steps(), 2 * capacity.num_batch_pairs * data.longest_segment()));
  capacity.max_segment_steps = data.longest_segment();
  capacity.device = device;
  return capacity;
}

PreferenceOptions logits_options(const ScoreOptions& score) {
  PreferenceOptions options;
  options.aggregation = score.aggregation;
  options.discount = score.discount;
  options.temperature = score.temperature;
  return options;
}

PreferenceBatch logits_batch(PreferenceBatch batch, const ConstTensorView& pairs) {
  batch.weights = {};
  batch.margins = {};
  batch.pair_order = pairs;
  return batch;
}

}  // namespace segpref
