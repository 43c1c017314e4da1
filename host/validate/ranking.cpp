#include "host/validate/ranking.hpp"

#include <fmt/format.h>

#include "host/validate/batch_values.hpp"
#include "host/validate/host_batch.hpp"
#include "host/validate/tensor.hpp"
#include "host/validate/values.hpp"

namespace segpref::validation {

RankingShape ranking_shape(const RankingBatch& in, const CallDevice& device, std::int64_t num_members, std::int64_t num_steps, bool wide) {
  RankingShape shape;
  shape.num_members = num_members;
  shape.num_steps = num_steps;
  shape.num_segments = segments_shape(in.offsets, in.begins, in.lengths, device);
  tensor("rankings", in.rankings, device, index_types, {any_extent}, "[num_entries]");
  shape.num_entries = in.rankings.shape[0];
  tensor("ranking_offsets", in.ranking_offsets, device, index_types, {any_extent}, "[num_rankings + 1]");
  if (in.ranking_offsets.shape[0] < 1) throw Error(ErrorCode::invalid_argument, "ranking_offsets is empty; it has num_rankings + 1 entries");
  shape.num_rankings = in.ranking_offsets.shape[0] - 1;
  product("rankings", shape.num_entries, num_members);
  if (in.weights.present()) {
    if (wide) per_member("weights", in.weights, device, {DType::f32, DType::f64}, num_members, shape.num_rankings, "[num_rankings] or [num_members, num_rankings]");
    else per_member("weights", in.weights, device, {DType::f32}, num_members, shape.num_rankings, "[num_rankings] or [num_members, num_rankings]");
  }
  if (in.ranking_top < 0) throw Error(ErrorCode::invalid_argument, fmt::format("ranking_top = {} must be >= 0 (0: all stages)", in.ranking_top));
  return shape;
}

void ranking_options(const PreferenceOptions& options, const CallDevice& device, std::int64_t num_members, bool wide) {
  const PreferenceOptions defaults;
  const auto unused = [](std::string_view name, bool is_default) {
    if (!is_default) throw Error(ErrorCode::unsupported, fmt::format("{} is an option of pairs: rankings do not support it, leave it at its default", name));
  };
  unused("clip", options.clip == defaults.clip);
  unused("smoothing", options.smoothing == defaults.smoothing);
  unused("lapse", options.lapse == defaults.lapse);
  unused("centering", options.centering == defaults.centering);
  unused("tie_model", options.tie_model == defaults.tie_model);
  preference_options(options, device, num_members, wide);
}

void ranking_result(const RankingResult& result, const PreferenceOptions& options, const RankingShape& shape, const CallDevice& device, bool wide) {
  const DType real = wide ? DType::f64 : DType::f32;
  if (result.loss.present()) {
    if (options.reduction == Reduction::none)
      throw Error(ErrorCode::invalid_argument, "loss is the reduced loss, and reduction none has none: take loss_per_ranking");
    tensor("loss", result.loss, device, {real}, {shape.num_members}, "[num_members]");
  }
  if (result.loss_per_ranking.present())
    tensor("loss_per_ranking", result.loss_per_ranking, device, {real}, {shape.num_members, shape.num_rankings}, "[num_members, num_rankings]");
  if (result.scores.present()) tensor("scores", result.scores, device, {real}, {shape.num_members, shape.num_segments}, "[num_members, num_segments]");
  if (result.metrics.present()) tensor("metrics", result.metrics, device, {DType::f64}, {shape.num_members, num_ranking_metrics}, "[num_members, 3]");
}

RankingCapacity capacity_of(const RankingShape& shape, DType dtype, const CallDevice& device) {
  RankingCapacity capacity;
  capacity.num_members = shape.num_members;
  capacity.num_steps = shape.num_steps;
  capacity.num_segments = shape.num_segments;
  capacity.num_rankings = shape.num_rankings;
  capacity.num_entries = shape.num_entries;
  capacity.dtype = dtype;
  capacity.device = device.device;
  return capacity;
}

void capacity(const RankingCapacity& capacity) {
  PreferenceCapacity common;
  common.num_members = capacity.num_members;
  common.num_steps = capacity.num_steps;
  common.num_segments = capacity.num_segments;
  common.max_segment_steps = capacity.max_segment_steps;
  common.dtype = capacity.dtype;
  common.device = capacity.device;
  validation::capacity("ranking_loss", common);
  capacity_extent("num_rankings", capacity.num_rankings);
  capacity_extent("num_entries", capacity.num_entries);
}

void within_capacity(const RankingCapacity& capacity, const RankingShape& shape, DType dtype, const CallDevice& device) {
  same_device_as_plan(capacity.device, device);
  within_extent("num_members", shape.num_members, capacity.num_members);
  within_extent("num_steps", shape.num_steps, capacity.num_steps);
  within_extent("num_segments", shape.num_segments, capacity.num_segments);
  within_extent("num_rankings", shape.num_rankings, capacity.num_rankings);
  within_extent("num_entries", shape.num_entries, capacity.num_entries);
  same_dtype_as_plan(capacity.dtype, dtype);
}

HostRankings ranking_batch(const RankingBatch& in, const RankingShape& shape) {
  HostRankings host;
  host.segments.num_members = shape.num_members;
  host.segments.num_steps = shape.num_steps;
  host.segments.num_segments = shape.num_segments;
  segments(in.offsets, in.begins, in.lengths, host.segments);
  host.rankings.num_rankings = shape.num_rankings;
  host.rankings.num_entries = shape.num_entries;
  host.rankings.top = in.ranking_top;
  host.rankings.entries = indices(in.rankings);
  host.rankings.offsets = indices(in.ranking_offsets);
  host.rankings.weights = reals(in.weights, shape.num_rankings, 1.0);
  check_on_host(ranking_values(host.segments, host.rankings, 0));
  return host;
}

}  // namespace segpref::validation
