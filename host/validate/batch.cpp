#include "host/validate/batch.hpp"

#include <fmt/format.h>

#include <cmath>

#include "host/validate/tensor.hpp"
#include "host/validate/values.hpp"

namespace segpref::validation {

void segments(const ConstTensorView& offsets, const ConstTensorView& begins, const ConstTensorView& lengths, std::int64_t num_steps,
              cpu::Batch& batch) {
  batch.num_steps = num_steps;
  if (offsets.present()) {
    if (begins.present() || lengths.present())
      throw Error(ErrorCode::invalid_argument, "offsets and begins/lengths are two ways to say the same: give one of them");
    tensor("offsets", offsets, index_types, {any_extent}, "[num_segments + 1]");
    if (offsets.shape[0] < 1) throw Error(ErrorCode::invalid_argument, "offsets is empty; it has num_segments + 1 entries");
    batch.num_segments = offsets.shape[0] - 1;
    batch.offsets = indices(offsets);
    check_offsets("offsets", batch.offsets, batch.num_segments + 1, num_steps, "num_steps");
    return;
  }
  if (!begins.present()) throw Error(ErrorCode::invalid_argument, "offsets is missing (or begins and lengths)");
  tensor("begins", begins, index_types, {any_extent}, "[num_segments]");
  batch.num_segments = begins.shape[0];
  tensor("lengths", lengths, index_types, {batch.num_segments}, "[num_segments]");
  batch.begins = indices(begins);
  batch.lengths = indices(lengths);
  const auto is_bad = [&](std::int64_t i) {
    const std::int64_t begin = batch.begins[i], length = batch.lengths[i];
    return begin < 0 || length < 0 || begin > num_steps || length > num_steps - begin;
  };
  const std::int64_t bad = first_bad(batch.num_segments, is_bad);
  if (bad < 0) return;
  const std::int64_t begin = batch.begins[bad], length = batch.lengths[bad];
  if (length < 0) throw Error(ErrorCode::invalid_argument, fmt::format("lengths[{}] = {} must be >= 0", bad, length));
  if (begin < 0 || begin > num_steps)
    throw Error(ErrorCode::invalid_argument, fmt::format("begins[{}] = {} is outside [0, {}] (num_steps)", bad, begin, num_steps));
  throw Error(ErrorCode::invalid_argument, fmt::format("begins[{0}] + lengths[{0}] = {1} + {2} is beyond num_steps = {3}", bad, begin, length, num_steps));
}

cpu::Batch preference_batch(const PreferenceBatch& in, const PreferenceOptions& options, std::int64_t num_members,
                            std::int64_t num_steps, bool wide) {
  const std::initializer_list<DType> narrow_types = {DType::f32};
  const std::initializer_list<DType> wide_types = {DType::f32, DType::f64};
  const auto& real_types = wide ? wide_types : narrow_types;
  (void)options;

  cpu::Batch batch;
  batch.num_members = num_members;
  segments(in.offsets, in.begins, in.lengths, num_steps, batch);

  tensor("labels", in.labels, real_types, {any_extent}, "[num_pairs]");
  batch.num_pairs = in.labels.shape[0];
  batch.labels = reals(in.labels, 0, 0.0);
  product("pairs", batch.num_pairs, 2 * num_members);

  if (in.pairs.present()) {
    tensor("pairs", in.pairs, index_types, {batch.num_pairs, 2}, "[num_pairs, 2]");
    batch.pairs = indices(in.pairs);
    check_indices("pairs", batch.pairs, 2 * batch.num_pairs, batch.num_segments, "num_segments",
                  [](std::int64_t i) { return fmt::format("{}, {}", i / 2, i % 2 == 0 ? "first" : "second"); });
  } else if (2 * batch.num_pairs > batch.num_segments) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("labels has {} pairs, which need {} segments when pairs is omitted; there are {} (num_segments)",
                            batch.num_pairs, 2 * batch.num_pairs, batch.num_segments));
  }

  batch.num_batch_pairs = batch.num_pairs;
  if (in.pair_order.present()) {
    const bool own_order = in.pair_order.rank == 2;
    if (own_order)
      tensor("pair_order", in.pair_order, index_types, {num_members, any_extent}, "[num_batch_pairs] or [num_members, num_batch_pairs]");
    else
      tensor("pair_order", in.pair_order, index_types, {any_extent}, "[num_batch_pairs] or [num_members, num_batch_pairs]");
    batch.num_batch_pairs = in.pair_order.shape[own_order ? 1 : 0];
    batch.pair_order = indices(in.pair_order);
    batch.pair_order_member_stride = own_order ? batch.num_batch_pairs : 0;
    check_indices("pair_order", batch.pair_order, in.pair_order.size(), batch.num_pairs, "num_pairs",
                  [&](std::int64_t i) { return position(i, batch.pair_order_member_stride); });
  }

  with_type(batch.labels, [&](const auto* values) {
    const std::int64_t bad = first_bad(batch.num_pairs, [&](std::int64_t i) { return !(values[i] >= 0) || !(values[i] <= 1); });
    if (bad >= 0) throw Error(ErrorCode::invalid_argument, fmt::format("labels[{}] = {} is outside [0, 1]", bad, values[bad]));
  });
  if (in.weights.present()) per_member("weights", in.weights, real_types, num_members, batch.num_pairs, "[num_pairs] or [num_members, num_pairs]");
  if (in.margins.present()) per_member("margins", in.margins, real_types, num_members, batch.num_pairs, "[num_pairs] or [num_members, num_pairs]");
  batch.weights = reals(in.weights, batch.num_pairs, 1.0);
  batch.margins = reals(in.margins, batch.num_pairs, 0.0);
  check_not_negative("weights", batch.weights, in.weights.size(), batch.num_pairs);
  check_not_negative("margins", batch.margins, in.margins.size(), batch.num_pairs);
  return batch;
}

PreferenceCapacity capacity_of(const PreferenceBatch& batch, std::int64_t num_members, std::int64_t num_steps, DType dtype) {
  if (batch.offsets.present()) tensor("offsets", batch.offsets, index_types, {any_extent}, "[num_segments + 1]");
  if (batch.begins.present()) tensor("begins", batch.begins, index_types, {any_extent}, "[num_segments]");
  if (batch.labels.present()) tensor("labels", batch.labels, {DType::f32, DType::f64}, {any_extent}, "[num_pairs]");
  if (batch.pair_order.rank == 2) tensor("pair_order", batch.pair_order, index_types, {num_members, any_extent}, "[num_batch_pairs] or [num_members, num_batch_pairs]");
  else if (batch.pair_order.present()) tensor("pair_order", batch.pair_order, index_types, {any_extent}, "[num_batch_pairs] or [num_members, num_batch_pairs]");

  const auto last_extent = [](const ConstTensorView& view) { return view.present() ? view.shape[static_cast<std::size_t>(view.rank - 1)] : std::int64_t{0}; };
  PreferenceCapacity capacity;
  capacity.num_members = num_members;
  capacity.num_steps = num_steps;
  capacity.num_segments = batch.offsets.present() ? std::max<std::int64_t>(0, last_extent(batch.offsets) - 1) : last_extent(batch.begins);
  capacity.num_pairs = last_extent(batch.labels);
  capacity.num_batch_pairs = last_extent(batch.pair_order);
  capacity.dtype = dtype;
  return capacity;
}

cpu::LossParams preference_options(const PreferenceOptions& options, const cpu::Batch& batch, bool wide) {
  const double infinity = std::numeric_limits<double>::infinity();
  option("temperature", options.temperature, options.temperature > 0 && options.temperature < infinity, "finite and > 0");
  option("discount", options.discount, options.discount > 0 && options.discount <= 1, "in (0, 1]");
  if (options.aggregation == Aggregation::last) option("discount", options.discount, options.discount == 1, "1 with aggregation last");
  option("clip", options.clip, options.clip > 0, "> 0 (infinity: no clipping)");
  option("smoothing", options.smoothing, options.smoothing >= 0 && options.smoothing <= 1, "in [0, 1]");
  option("lapse", options.lapse, options.lapse >= 0 && options.lapse < 1, "in [0, 1)");
  option("centering", options.centering, options.centering >= 0 && options.centering < infinity, "finite and >= 0");
  if (options.normalizer) {
    option("normalizer", *options.normalizer, *options.normalizer > 0 && *options.normalizer < infinity, "finite and > 0");
    if (options.reduction != Reduction::mean)
      throw Error(ErrorCode::invalid_argument, "normalizer is the divisor of reduction mean; this call has another reduction");
  }

  if (options.tie_model == TieModel::none) {
    if (options.tie_parameter.present()) throw Error(ErrorCode::invalid_argument, "tie_parameter was given without a tie_model");
  } else {
    const ConstTensorView& parameter = options.tie_parameter;
    const std::int64_t extent = parameter.rank == 1 && parameter.shape[0] == 1 ? 1 : batch.num_members;
    if (wide)
      tensor("tie_parameter", parameter, {DType::f32, DType::f64}, {extent}, "[1] or [num_members]");
    else
      tensor("tie_parameter", parameter, {DType::f32}, {extent}, "[1] or [num_members]");
    for (std::int64_t i = 0; i < extent; ++i) {
      const double value = reals(parameter, 0, 0.0)(0, i);
      const bool ok = std::isfinite(value) && (options.tie_model == TieModel::davidson || value > 0);
      if (!ok)
        throw Error(ErrorCode::invalid_argument,
                    fmt::format("tie_parameter[{}] = {} must be finite{}", i, value, options.tie_model == TieModel::davidson ? "" : " and > 0 (rao_kupper)"));
    }
    // A tie is judged against the tie parameter alone: a smoothed label is no observed outcome, and a margin is a second gap.
    option("smoothing", options.smoothing, options.smoothing == 0, "0 with a tie model");
    if (batch.margins.present()) {
      const bool own_margins = batch.margins.member_stride > 0;
      const std::int64_t count = own_margins ? batch.num_members * batch.num_pairs : batch.num_pairs;
      const std::int64_t bad = first_bad(count, [&](std::int64_t i) { return batch.margins(0, i) > 0; });
      if (bad >= 0)
        throw Error(ErrorCode::invalid_argument, fmt::format("margins[{}] = {} must be 0 with a tie model",
                                                             position(bad, own_margins ? batch.num_pairs : 0), batch.margins(0, bad)));
    }
  }
  return {options.temperature, options.clip, options.smoothing, options.lapse, options.centering, options.tie_model,
          options.nonfinite == NonFinite::skip};
}

void preference_result(const PreferenceResult& result, const PreferenceOptions& options, const cpu::Batch& batch, bool wide) {
  const DType real = wide ? DType::f64 : DType::f32;
  const std::int64_t members = batch.num_members;
  if (result.loss.present()) {
    if (options.reduction == Reduction::none)
      throw Error(ErrorCode::invalid_argument, "loss is the reduced loss, and reduction none has none: take loss_per_pair");
    tensor("loss", result.loss, {real}, {members}, "[num_members]");
  }
  if (result.loss_per_pair.present())
    tensor("loss_per_pair", result.loss_per_pair, {real}, {members, batch.num_batch_pairs}, "[num_members, num_batch_pairs]");
  if (result.scores.present()) tensor("scores", result.scores, {real}, {members, batch.num_segments}, "[num_members, num_segments]");
  if (result.logits.present()) tensor("logits", result.logits, {real}, {members, batch.num_batch_pairs}, "[num_members, num_batch_pairs]");
  if (result.metrics.present()) tensor("metrics", result.metrics, {DType::f64}, {members, num_metrics}, "[num_members, num_metrics]");
  if (result.grad_tie_parameter.present()) {
    if (options.tie_model == TieModel::none) throw Error(ErrorCode::invalid_argument, "grad_tie_parameter was asked for without a tie_model");
    tensor("grad_tie_parameter", result.grad_tie_parameter, {real}, {options.tie_parameter.shape[0]}, "the shape of tie_parameter");
  }
}

void capacity_extent(std::string_view name, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value < least || value > most)
    throw Error(ErrorCode::invalid_argument, fmt::format("capacity.{} = {} is outside [{}, {}]", name, value, least, most));
}

void capacity(const PreferenceCapacity& capacity) {
  capacity_extent("num_members", capacity.num_members, 1, 32);
  capacity_extent("num_steps", capacity.num_steps);
  capacity_extent("num_segments", capacity.num_segments);
  capacity_extent("num_pairs", capacity.num_pairs);
  capacity_extent("num_batch_pairs", capacity.num_batch_pairs);
  capacity_extent("num_batch_steps", capacity.num_batch_steps);
  if (capacity.dtype == DType::i32 || capacity.dtype == DType::i64)
    throw Error(ErrorCode::invalid_type, "capacity.dtype is an integer type; rewards and features are f32, f64, bf16 or f16");
}

void within_extent(std::string_view name, std::int64_t value, std::int64_t most) {
  if (value > most)
    throw Error(ErrorCode::invalid_argument, fmt::format("{} = {} is more than the plan's capacity {}", name, value, most));
}

void same_dtype_as_plan(DType planned, DType dtype) {
  if (dtype != planned)
    throw Error(ErrorCode::invalid_type, fmt::format("the plan was made for {}; this call has {}", name_of(planned), name_of(dtype)));
}

void within_capacity(const PreferenceCapacity& capacity, const cpu::Batch& batch, DType dtype) {
  within_extent("num_members", batch.num_members, capacity.num_members);
  within_extent("num_steps", batch.num_steps, capacity.num_steps);
  within_extent("num_segments", batch.num_segments, capacity.num_segments);
  within_extent("num_pairs", batch.num_pairs, capacity.num_pairs);
  within_extent("num_batch_pairs", batch.num_batch_pairs, capacity.num_batch_pairs > 0 ? capacity.num_batch_pairs : capacity.num_pairs);
  same_dtype_as_plan(capacity.dtype, dtype);
}

}  // namespace segpref::validation
