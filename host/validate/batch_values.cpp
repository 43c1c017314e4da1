#include "host/validate/batch_values.hpp"

namespace segpref::validation {
namespace {

/// Elements of [n] or [num_members, n].
std::int64_t count_of(std::int64_t member_stride, std::int64_t num_members, std::int64_t n) { return member_stride > 0 ? num_members * n : n; }

}  // namespace

void add_segment_values(const kernels::Batch& batch, ValueChecks& checks) {
  if (batch.windows()) checks.windows(batch.begins, batch.lengths, batch.num_segments, batch.num_steps);
  else checks.offsets("offsets", batch.offsets, batch.num_segments + 1, batch.num_steps, "num_steps");
}

ValueChecks preference_values(const kernels::Batch& batch, const PreferenceOptions& options, const kernels::RealArray& tie_parameter, std::int64_t max_segment_steps) {
  const auto count = [&](const kernels::RealArray& array) { return count_of(array.member_stride, batch.num_members, batch.num_pairs); };
  const auto axes = [&](const kernels::RealArray& array) { return Axes::rows_if(array.member_stride, batch.num_pairs); };
  ValueChecks checks;
  add_segment_values(batch, checks);
  if (batch.pairs.present()) checks.indices("pairs", batch.pairs, 2 * batch.num_pairs, batch.num_segments, "num_segments", Axes::sides());
  if (batch.pair_order.present()) {
    const std::int64_t stride = batch.pair_order_member_stride, in_order = count_of(stride, batch.num_members, batch.num_batch_pairs);
    checks.indices("pair_order", batch.pair_order, in_order, batch.num_pairs, "num_pairs", Axes::rows_if(stride, batch.num_batch_pairs));
  }
  checks.labels(batch.labels, batch.num_pairs);
  checks.not_negative("weights", batch.weights, count(batch.weights), axes(batch.weights));
  checks.not_negative("margins", batch.margins, count(batch.margins), axes(batch.margins));
  if (options.tie_model != TieModel::none) {
    checks.tie_parameters(tie_parameter, options.tie_parameter.size(), options.tie_model == TieModel::rao_kupper);
    checks.no_margins(batch.margins, count(batch.margins), axes(batch.margins));
  }
  checks.segment_lengths(batch, max_segment_steps);
  return checks;
}

ValueChecks ranking_values(const kernels::Batch& segments, const kernels::Rankings& rankings, std::int64_t max_segment_steps) {
  const std::int64_t stride = rankings.weights.member_stride;
  ValueChecks checks;
  add_segment_values(segments, checks);
  checks.indices("rankings", rankings.entries, rankings.num_entries, segments.num_segments, "num_segments", Axes::flat());
  checks.offsets("ranking_offsets", rankings.offsets, rankings.num_rankings + 1, rankings.num_entries, "num_entries");
  checks.ranking_lengths(rankings.offsets, rankings.num_rankings);
  checks.not_negative("weights", rankings.weights, count_of(stride, segments.num_members, rankings.num_rankings), Axes::rows_if(stride, rankings.num_rankings));
  checks.segment_lengths(segments, max_segment_steps);
  return checks;
}

ValueChecks standardisation_values(const kernels::RealArray& mean, const kernels::RealArray& std, std::int64_t feature_dim) {
  ValueChecks checks;
  checks.finite("features.mean", mean, feature_dim);
  checks.positive("features.std", std, feature_dim);
  return checks;
}

ValueChecks query_values(const kernels::IndexArray& pairs, std::int64_t num_pairs, std::int64_t num_segments) {
  ValueChecks checks;
  checks.indices("pairs", pairs, 2 * num_pairs, num_segments, "num_segments", Axes::sides());
  return checks;
}

ValueChecks adamw_values(const kernels::IndexArray& step) {
  ValueChecks checks;
  checks.step_number("step", step);
  return checks;
}

}  // namespace segpref::validation
