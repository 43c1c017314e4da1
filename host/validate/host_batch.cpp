#include "host/validate/host_batch.hpp"

#include <fmt/format.h>

#include <cmath>

#include "host/validate/values.hpp"

namespace segpref::validation {
namespace {

void windows(const cpu::Batch& batch) {
  const auto is_bad = [&](std::int64_t i) {
    const std::int64_t begin = batch.begins[i], length = batch.lengths[i];
    return begin < 0 || length < 0 || begin > batch.num_steps || length > batch.num_steps - begin;
  };
  const std::int64_t bad = first_bad(batch.num_segments, is_bad);
  if (bad < 0) return;
  const std::int64_t begin = batch.begins[bad], length = batch.lengths[bad];
  if (length < 0) throw Error(ErrorCode::invalid_argument, fmt::format("lengths[{}] = {} must be >= 0", bad, length));
  if (begin < 0 || begin > batch.num_steps)
    throw Error(ErrorCode::invalid_argument, fmt::format("begins[{}] = {} is outside [0, {}] (num_steps)", bad, begin, batch.num_steps));
  throw Error(ErrorCode::invalid_argument, fmt::format("begins[{0}] + lengths[{0}] = {1} + {2} is beyond num_steps = {3}", bad, begin, length, batch.num_steps));
}

void label_values(const cpu::Batch& batch) {
  with_type(batch.labels, [&](const auto* values) {
    const std::int64_t bad = first_bad(batch.num_pairs, [&](std::int64_t i) { return !(values[i] >= 0) || !(values[i] <= 1); });
    if (bad >= 0) throw Error(ErrorCode::invalid_argument, fmt::format("labels[{}] = {} is outside [0, 1]", bad, values[bad]));
  });
}

/// With a tie model: its parameter's values, and no margin above 0.
void tie_values(const PreferenceOptions& options, const cpu::Batch& batch) {
  const bool is_davidson = options.tie_model == TieModel::davidson;
  const cpu::RealArray parameter = reals(options.tie_parameter, 0, 0.0);
  for (std::int64_t i = 0; i < options.tie_parameter.size(); ++i) {
    const double value = parameter(0, i);
    if (!std::isfinite(value) || (!is_davidson && !(value > 0)))
      throw Error(ErrorCode::invalid_argument, fmt::format("tie_parameter[{}] = {} must be finite{}", i, value, is_davidson ? "" : " and > 0 (rao_kupper)"));
  }
  if (!batch.margins.present()) return;
  const bool own_margins = batch.margins.member_stride > 0;
  const std::int64_t count = own_margins ? batch.num_members * batch.num_pairs : batch.num_pairs;
  const std::int64_t bad = first_bad(count, [&](std::int64_t i) { return batch.margins(0, i) > 0; });
  if (bad >= 0)
    throw Error(ErrorCode::invalid_argument, fmt::format("margins[{}] = {} must be 0 with a tie model",
                                                         position(bad, own_margins ? batch.num_pairs : 0), batch.margins(0, bad)));
}

}  // namespace

void segments(const ConstTensorView& offsets, const ConstTensorView& begins, const ConstTensorView& lengths, cpu::Batch& batch) {
  if (offsets.present()) {
    batch.offsets = indices(offsets);
    check_offsets("offsets", batch.offsets, batch.num_segments + 1, batch.num_steps, "num_steps");
    return;
  }
  batch.begins = indices(begins);
  batch.lengths = indices(lengths);
  windows(batch);
}

cpu::Batch preference_batch(const PreferenceBatch& in, const PreferenceOptions& options, const BatchShape& shape) {
  cpu::Batch batch;
  batch.num_members = shape.num_members;
  batch.num_steps = shape.num_steps;
  batch.num_segments = shape.num_segments;
  batch.num_pairs = shape.num_pairs;
  batch.num_batch_pairs = shape.num_batch_pairs;
  segments(in.offsets, in.begins, in.lengths, batch);

  if (in.pairs.present()) {
    batch.pairs = indices(in.pairs);
    check_indices("pairs", batch.pairs, 2 * batch.num_pairs, batch.num_segments, "num_segments",
                  [](std::int64_t i) { return fmt::format("{}, {}", i / 2, i % 2 == 0 ? "first" : "second"); });
  }
  if (in.pair_order.present()) {
    batch.pair_order = indices(in.pair_order);
    batch.pair_order_member_stride = in.pair_order.rank == 2 ? batch.num_batch_pairs : 0;
    check_indices("pair_order", batch.pair_order, in.pair_order.size(), batch.num_pairs, "num_pairs",
                  [&](std::int64_t i) { return position(i, batch.pair_order_member_stride); });
  }
  batch.labels = reals(in.labels, 0, 0.0);
  batch.weights = reals(in.weights, batch.num_pairs, 1.0);
  batch.margins = reals(in.margins, batch.num_pairs, 0.0);
  label_values(batch);
  check_not_negative("weights", batch.weights, in.weights.size(), batch.num_pairs);
  check_not_negative("margins", batch.margins, in.margins.size(), batch.num_pairs);
  if (options.tie_model != TieModel::none) tie_values(options, batch);
  return batch;
}

void within_segment_steps(std::int64_t max_segment_steps, const cpu::Batch& batch) {
  if (max_segment_steps == 0 || max_segment_steps >= batch.num_steps) return;
  const auto steps_of = [&](std::int64_t segment) { return batch.segment_end(segment) - batch.segment_begin(segment); };
  const std::int64_t bad = first_bad(batch.num_segments, [&](std::int64_t segment) { return steps_of(segment) > max_segment_steps; });
  if (bad < 0) return;
  const std::string source = batch.windows() ? fmt::format("lengths[{}]", bad) : fmt::format("offsets[{}] - offsets[{}]", bad + 1, bad);
  throw Error(ErrorCode::invalid_argument,
              fmt::format("segment {}: {} = {} is more than the plan's capacity {} (max_segment_steps)", bad, source, steps_of(bad), max_segment_steps));
}

}  // namespace segpref::validation
