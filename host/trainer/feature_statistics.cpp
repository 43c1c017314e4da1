#include "host/trainer/feature_statistics.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/cpu/reward_mlp/feature_rows.hpp"

namespace segpref {

std::vector<std::pair<std::int64_t, std::int64_t>> segments_of(const PreferenceDataset& data, const std::vector<std::int64_t>& pairs) {
  const PreferenceBatch batch = data.batch();
  const auto* pair_segments = static_cast<const std::int64_t*>(batch.pairs.data);
  std::vector<bool> used(static_cast<std::size_t>(data.num_segments()), false);
  for (std::int64_t pair : pairs)
    for (int side = 0; side < 2; ++side) used[static_cast<std::size_t>(pair_segments[2 * pair + side])] = true;
  std::vector<std::pair<std::int64_t, std::int64_t>> segments;
  for (std::int64_t s = 0; s < data.num_segments(); ++s) {
    if (!used[static_cast<std::size_t>(s)]) continue;
    if (batch.offsets.present()) {
      const auto* offsets = static_cast<const std::int64_t*>(batch.offsets.data);
      segments.emplace_back(offsets[s], offsets[s + 1]);
    } else {
      const std::int64_t begin = static_cast<const std::int64_t*>(batch.begins.data)[s];
      segments.emplace_back(begin, begin + static_cast<const std::int64_t*>(batch.lengths.data)[s]);
    }
  }
  return segments;
}

void feature_statistics(const PreferenceDataset& data, const std::vector<std::int64_t>& pairs, std::vector<float>& mean, std::vector<float>& std) {
  const std::int64_t dim = data.feature_dim();
  const auto count = static_cast<std::size_t>(dim);
  const Features features = data.features();
  std::vector<float> row(count);
  std::vector<double> sum(count, 0.0), squares(count, 0.0), number(count, 0.0), origin(count, 0.0);
  for (const auto& [begin, end] : segments_of(data, pairs))
    for (std::int64_t step = begin; step < end; ++step) {
      cpu::mlp::copy_rows(features, 1, [=](std::int64_t) { return step; }, dim, row.data());
      for (std::size_t i = 0; i < count; ++i) {
        if (!std::isfinite(row[i])) continue;
        if (number[i] == 0) origin[i] = row[i];  // sums around the first value keep the digits of the deviation
        const double x = row[i] - origin[i];
        number[i] += 1;
        sum[i] += x;
        squares[i] += x * x;
      }
    }
  mean.assign(count, 0.0f);
  std.assign(count, 1.0f);
  for (std::size_t i = 0; i < count; ++i) {
    if (number[i] == 0) continue;
    const double center = sum[i] / number[i];
    const double variance = squares[i] / number[i] - center * center;
    mean[i] = static_cast<float>(origin[i] + center);
    if (variance > 1e-12 * (1.0 + origin[i] * origin[i])) std[i] = static_cast<float>(std::sqrt(variance));
  }
}

}  // namespace segpref
