#include "host/trainer/reward_statistics.hpp"

#include <algorithm>
#include <cmath>

#include "host/trainer/feature_statistics.hpp"

namespace segpref {
namespace {

using Stretch = std::pair<std::int64_t, std::int64_t>;

/// Steps in memory together, and the steps that are enough: a forward pass of everything would take a third of an epoch.
constexpr std::int64_t rows_per_stretch = 4096, enough_rows = 65536;

/// Adjacent segments joined, then cut.
std::vector<Stretch> stretches_of(const std::vector<Stretch>& segments) {
  std::vector<Stretch> joined, stretches;
  for (const Stretch& segment : segments) {
    if (!joined.empty() && joined.back().second == segment.first) joined.back().second = segment.second;
    else joined.push_back(segment);
  }
  for (const auto& [begin, end] : joined)
    for (std::int64_t from = begin; from < end; from += rows_per_stretch) stretches.emplace_back(from, std::min(end, from + rows_per_stretch));
  return stretches;
}

/// Everything where that is little, else stretches at a regular distance that hold about `enough_rows`.
std::vector<Stretch> sample_of(const std::vector<Stretch>& stretches) {
  std::int64_t num_rows = 0;
  for (const auto& [begin, end] : stretches) num_rows += end - begin;
  if (num_rows <= enough_rows) return stretches;
  std::vector<Stretch> sample;
  std::int64_t seen = 0, taken = 0;  // a stretch is taken where that brings their ratio nearer to the one wanted
  for (const Stretch& stretch : stretches) {
    const std::int64_t size = stretch.second - stretch.first;
    seen += size;
    if (static_cast<double>(taken) + 0.5 * static_cast<double>(size) > static_cast<double>(seen) * static_cast<double>(enough_rows) / static_cast<double>(num_rows)) continue;
    taken += size;
    sample.push_back(stretch);
  }
  return sample;
}

Features rows_of(const Features& features, const Stretch& stretch) {
  Features rows = features;
  for (ConstTensorView* part : {&rows.first, &rows.second}) {
    if (!part->present()) continue;
    part->data = static_cast<const std::byte*>(part->data) + stretch.first * part->strides[0] * size_of(part->dtype);
    part->shape[0] = stretch.second - stretch.first;
  }
  return rows;
}

/// Sums around the first value keep the digits of the deviation: equal values have exactly none.
struct Moments {
  double number = 0, origin = 0, sum = 0, squares = 0;

  void add(double value) {
    if (!std::isfinite(value)) return;
    if (number == 0) origin = value;
    number += 1;
    sum += value - origin;
    squares += (value - origin) * (value - origin);
  }
  double mean() const { return origin + sum / number; }
  double variance() const { return squares / number - sum / number * (sum / number); }
};

}  // namespace

void normalize_rewards(const Context& context, const PreferenceDataset& data, const std::vector<std::int64_t>& pairs, RewardEnsemble& ensemble, const Device& device) {
  const auto members = static_cast<std::size_t>(ensemble.architecture().num_members);
  std::vector<Moments> moments(members);
  std::vector<float> rewards;
  for (const Stretch& stretch : sample_of(stretches_of(segments_of(data, pairs)))) {
    const auto count = static_cast<std::size_t>(stretch.second - stretch.first);
    rewards.resize(members * count);
    Prediction prediction;
    prediction.members = view(rewards.data(), {static_cast<std::int64_t>(members), static_cast<std::int64_t>(count)});
    ensemble.predict(context, rows_of(data.features(), stretch), prediction, device);
    for (std::size_t member = 0; member < members; ++member)
      for (std::size_t i = 0; i < count; ++i) moments[member].add(static_cast<double>(rewards[member * count + i]));
  }
  if (std::any_of(moments.begin(), moments.end(), [](const Moments& m) { return m.number == 0; })) return;
  for (const Moments& m : moments) {
    ensemble.file().reward_shift.push_back(static_cast<float>(m.mean()));
    ensemble.file().reward_scale.push_back(m.variance() > 0 ? static_cast<float>(1.0 / std::sqrt(m.variance())) : 1.0f);
  }
}

}  // namespace segpref
