#include "host/validate/ranking.hpp"

#include <fmt/format.h>

#include "host/validate/batch.hpp"
#include "host/validate/tensor.hpp"
#include "host/validate/values.hpp"

namespace segpref::validation {

cpu::Rankings rankings(const RankingBatch& in, const cpu::Batch& batch, bool wide) {
  cpu::Rankings rankings;
  tensor("rankings", in.rankings, index_types, {any_extent}, "[num_entries]");
  rankings.num_entries = in.rankings.shape[0];
  rankings.entries = indices(in.rankings);
  check_indices("rankings", rankings.entries, rankings.num_entries, batch.num_segments, "num_segments",
                [](std::int64_t i) { return std::to_string(i); });

  tensor("ranking_offsets", in.ranking_offsets, index_types, {any_extent}, "[num_rankings + 1]");
  if (in.ranking_offsets.shape[0] < 1) throw Error(ErrorCode::invalid_argument, "ranking_offsets is empty; it has num_rankings + 1 entries");
  rankings.num_rankings = in.ranking_offsets.shape[0] - 1;
  rankings.offsets = indices(in.ranking_offsets);
  check_offsets("ranking_offsets", rankings.offsets, rankings.num_rankings + 1, rankings.num_entries, "num_entries");
  const auto length = [&](std::int64_t ranking) { return rankings.offsets[ranking + 1] - rankings.offsets[ranking]; };
  const std::int64_t bad =
      first_bad(rankings.num_rankings, [&](std::int64_t ranking) { return length(ranking) < 2 || length(ranking) > cpu::max_ranking_entries; });
  if (bad >= 0)
    throw Error(ErrorCode::invalid_argument, fmt::format("ranking_offsets[{}] - ranking_offsets[{}] = {}: a ranking has 2 to {} entries", bad + 1, bad,
                                                         length(bad), cpu::max_ranking_entries));
  product("rankings", rankings.num_entries, batch.num_members);

  if (in.weights.present()) {
    if (wide) per_member("weights", in.weights, {DType::f32, DType::f64}, batch.num_members, rankings.num_rankings, "[num_rankings] or [num_members, num_rankings]");
    else per_member("weights", in.weights, {DType::f32}, batch.num_members, rankings.num_rankings, "[num_rankings] or [num_members, num_rankings]");
  }
  rankings.weights = reals(in.weights, rankings.num_rankings, 1.0);
  check_not_negative("weights", rankings.weights, in.weights.size(), rankings.num_rankings);
  if (in.ranking_top < 0) throw Error(ErrorCode::invalid_argument, fmt::format("ranking_top = {} must be >= 0 (0: all stages)", in.ranking_top));
  rankings.top = in.ranking_top;
  return rankings;
}

RankingCapacity capacity_of(const RankingBatch& batch, std::int64_t num_members, std::int64_t num_steps, DType dtype) {
  if (batch.offsets.present()) tensor("offsets", batch.offsets, index_types, {any_extent}, "[num_segments + 1]");
  if (batch.begins.present()) tensor("begins", batch.begins, index_types, {any_extent}, "[num_segments]");
  if (batch.rankings.present()) tensor("rankings", batch.rankings, index_types, {any_extent}, "[num_entries]");
  if (batch.ranking_offsets.present()) tensor("ranking_offsets", batch.ranking_offsets, index_types, {any_extent}, "[num_rankings + 1]");

  const auto extent = [](const ConstTensorView& view) { return view.present() ? view.shape[0] : std::int64_t{0}; };
  RankingCapacity capacity;
  capacity.num_members = num_members;
  capacity.num_steps = num_steps;
  capacity.num_segments = batch.offsets.present() ? std::max<std::int64_t>(0, extent(batch.offsets) - 1) : extent(batch.begins);
  capacity.num_rankings = std::max<std::int64_t>(0, extent(batch.ranking_offsets) - 1);
  capacity.num_entries = extent(batch.rankings);
  capacity.dtype = dtype;
  return capacity;
}

void ranking_options(const PreferenceOptions& options, const cpu::Batch& batch, bool wide) {
  const PreferenceOptions defaults;
  const auto unused = [](std::string_view name, bool is_default) {
    if (!is_default) throw Error(ErrorCode::unsupported, fmt::format("{} is an option of pairs: rankings do not support it, leave it at its default", name));
  };
  unused("clip", options.clip == defaults.clip);
  unused("smoothing", options.smoothing == defaults.smoothing);
  unused("lapse", options.lapse == defaults.lapse);
  unused("centering", options.centering == defaults.centering);
  unused("tie_model", options.tie_model == defaults.tie_model);
  preference_options(options, batch, wide);
}

void ranking_result(const RankingResult& result, const PreferenceOptions& options, const cpu::Batch& batch, const cpu::Rankings& rankings, bool wide) {
  const DType real = wide ? DType::f64 : DType::f32;
  if (result.loss.present()) {
    if (options.reduction == Reduction::none)
      throw Error(ErrorCode::invalid_argument, "loss is the reduced loss, and reduction none has none: take loss_per_ranking");
    tensor("loss", result.loss, {real}, {batch.num_members}, "[num_members]");
  }
  if (result.loss_per_ranking.present())
    tensor("loss_per_ranking", result.loss_per_ranking, {real}, {batch.num_members, rankings.num_rankings}, "[num_members, num_rankings]");
  if (result.scores.present()) tensor("scores", result.scores, {real}, {batch.num_members, batch.num_segments}, "[num_members, num_segments]");
  if (result.metrics.present()) tensor("metrics", result.metrics, {DType::f64}, {batch.num_members, num_ranking_metrics}, "[num_members, 3]");
}

void capacity(const RankingCapacity& capacity) {
  validation::capacity(PreferenceCapacity{capacity.num_members, capacity.num_steps, capacity.num_segments, 0, 0, 0, capacity.dtype});
  capacity_extent("num_rankings", capacity.num_rankings);
  capacity_extent("num_entries", capacity.num_entries);
}

void within_capacity(const RankingCapacity& capacity, const cpu::Batch& batch, const cpu::Rankings& rankings, DType dtype) {
  within_extent("num_members", batch.num_members, capacity.num_members);
  within_extent("num_steps", batch.num_steps, capacity.num_steps);
  within_extent("num_segments", batch.num_segments, capacity.num_segments);
  within_extent("num_rankings", rankings.num_rankings, capacity.num_rankings);
  within_extent("num_entries", rankings.num_entries, capacity.num_entries);
  same_dtype_as_plan(capacity.dtype, dtype);
}

}  // namespace segpref::validation
