#include "host/validate/batch.hpp"

#include <fmt/format.h>

#include "host/validate/tensor.hpp"
#include "host/validate/values.hpp"

namespace segpref::validation {

std::int64_t segments_shape(const ConstTensorView& offsets, const ConstTensorView& begins, const ConstTensorView& lengths, const CallDevice& device) {
  if (offsets.present()) {
    if (begins.present() || lengths.present())
      throw Error(ErrorCode::invalid_argument, "offsets and begins/lengths are two ways to say the same: give one of them");
    tensor("offsets", offsets, device, index_types, {any_extent}, "[num_segments + 1]");
    if (offsets.shape[0] < 1) throw Error(ErrorCode::invalid_argument, "offsets is empty; it has num_segments + 1 entries");
    return offsets.shape[0] - 1;
  }
  if (!begins.present()) throw Error(ErrorCode::invalid_argument, "offsets is missing (or begins and lengths)");
  tensor("begins", begins, device, index_types, {any_extent}, "[num_segments]");
  tensor("lengths", lengths, device, index_types, {begins.shape[0]}, "[num_segments]");
  return begins.shape[0];
}

BatchShape preference_shape(const PreferenceBatch& in, const CallDevice& device, std::int64_t num_members, std::int64_t num_steps, bool wide) {
  const std::initializer_list<DType> narrow_types = {DType::f32};
  const std::initializer_list<DType> wide_types = {DType::f32, DType::f64};
  const auto& real_types = wide ? wide_types : narrow_types;

  BatchShape shape;
  shape.num_members = num_members;
  shape.num_steps = num_steps;
  shape.num_segments = segments_shape(in.offsets, in.begins, in.lengths, device);
  tensor("labels", in.labels, device, real_types, {any_extent}, "[num_pairs]");
  shape.num_pairs = in.labels.shape[0];
  product("pairs", shape.num_pairs, 2 * num_members);

  if (in.pairs.present()) {
    tensor("pairs", in.pairs, device, index_types, {shape.num_pairs, 2}, "[num_pairs, 2]");
  } else if (2 * shape.num_pairs > shape.num_segments) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("labels has {} pairs, which need {} segments when pairs is omitted; there are {} (num_segments)", shape.num_pairs,
                            2 * shape.num_pairs, shape.num_segments));
  }

  shape.num_batch_pairs = shape.num_pairs;
  if (in.pair_order.present()) {
    constexpr std::string_view words = "[num_batch_pairs] or [num_members, num_batch_pairs]";
    const bool own_order = in.pair_order.rank == 2;
    if (own_order) tensor("pair_order", in.pair_order, device, index_types, {num_members, any_extent}, words);
    else tensor("pair_order", in.pair_order, device, index_types, {any_extent}, words);
    shape.num_batch_pairs = in.pair_order.shape[own_order ? 1 : 0];
  }
  if (in.weights.present()) per_member("weights", in.weights, device, real_types, num_members, shape.num_pairs, "[num_pairs] or [num_members, num_pairs]");
  if (in.margins.present()) per_member("margins", in.margins, device, real_types, num_members, shape.num_pairs, "[num_pairs] or [num_members, num_pairs]");
  return shape;
}

cpu::LossParams preference_options(const PreferenceOptions& options, const CallDevice& device, std::int64_t num_members, bool wide) {
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
    const std::int64_t extent = parameter.rank == 1 && parameter.shape[0] == 1 ? 1 : num_members;
    if (wide)
      tensor("tie_parameter", parameter, device, {DType::f32, DType::f64}, {extent}, "[1] or [num_members]");
    else
      tensor("tie_parameter", parameter, device, {DType::f32}, {extent}, "[1] or [num_members]");
    // A tie is judged against the tie parameter alone: a smoothed label is no observed outcome (and a margin is a second gap, see tie_values).
    option("smoothing", options.smoothing, options.smoothing == 0, "0 with a tie model");
  }
  return {options.temperature, options.clip, options.smoothing, options.lapse, options.centering, options.tie_model,
          options.nonfinite == NonFinite::skip};
}

void preference_result(const PreferenceResult& result, const PreferenceOptions& options, const BatchShape& shape, const CallDevice& device, bool wide) {
  const DType real = wide ? DType::f64 : DType::f32;
  const std::int64_t members = shape.num_members;
  if (result.loss.present()) {
    if (options.reduction == Reduction::none)
      throw Error(ErrorCode::invalid_argument, "loss is the reduced loss, and reduction none has none: take loss_per_pair");
    tensor("loss", result.loss, device, {real}, {members}, "[num_members]");
  }
  if (result.loss_per_pair.present())
    tensor("loss_per_pair", result.loss_per_pair, device, {real}, {members, shape.num_batch_pairs}, "[num_members, num_batch_pairs]");
  if (result.scores.present()) tensor("scores", result.scores, device, {real}, {members, shape.num_segments}, "[num_members, num_segments]");
  if (result.logits.present()) tensor("logits", result.logits, device, {real}, {members, shape.num_batch_pairs}, "[num_members, num_batch_pairs]");
  if (result.metrics.present()) tensor("metrics", result.metrics, device, {DType::f64}, {members, num_metrics}, "[num_members, num_metrics]");
  if (result.grad_tie_parameter.present()) {
    if (options.tie_model == TieModel::none) throw Error(ErrorCode::invalid_argument, "grad_tie_parameter was asked for without a tie_model");
    tensor("grad_tie_parameter", result.grad_tie_parameter, device, {real}, {options.tie_parameter.shape[0]}, "the shape of tie_parameter");
  }
}

PreferenceCapacity capacity_of(const BatchShape& shape, DType dtype, const CallDevice& device) {
  PreferenceCapacity capacity;
  capacity.num_members = shape.num_members;
  capacity.num_steps = shape.num_steps;
  capacity.num_segments = shape.num_segments;
  capacity.num_pairs = shape.num_pairs;
  capacity.num_batch_pairs = shape.num_batch_pairs;
  capacity.dtype = dtype;
  capacity.device = device.device;
  return capacity;
}

void capacity_extent(std::string_view name, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value < least || value > most)
    throw Error(ErrorCode::invalid_argument, fmt::format("capacity.{} = {} is outside [{}, {}]", name, value, least, most));
}

void capacity(std::string_view operation, const PreferenceCapacity& capacity) {
  capacity_extent("num_members", capacity.num_members, 1, 32);
  capacity_extent("num_steps", capacity.num_steps);
  capacity_extent("num_segments", capacity.num_segments);
  capacity_extent("num_pairs", capacity.num_pairs);
  capacity_extent("num_batch_pairs", capacity.num_batch_pairs);
  capacity_extent("num_batch_steps", capacity.num_batch_steps);
  capacity_extent("max_segment_steps", capacity.max_segment_steps);
  if (capacity.dtype == DType::i32 || capacity.dtype == DType::i64)
    throw Error(ErrorCode::invalid_type, "capacity.dtype is an integer type; rewards and features are f32, f64, bf16 or f16");
  device_of_plan(operation, capacity.device);
}

void within_extent(std::string_view name, std::int64_t value, std::int64_t most) {
  if (value > most)
    throw Error(ErrorCode::invalid_argument, fmt::format("{} = {} is more than the plan's capacity {}", name, value, most));
}

void same_dtype_as_plan(DType planned, DType dtype) {
  if (dtype != planned)
    throw Error(ErrorCode::invalid_type, fmt::format("the plan was made for {}; this call has {}", name_of(planned), name_of(dtype)));
}

void within_capacity(const PreferenceCapacity& capacity, const BatchShape& shape, DType dtype, const CallDevice& device) {
  same_device_as_plan(capacity.device, device);
  within_extent("num_members", shape.num_members, capacity.num_members);
  within_extent("num_steps", shape.num_steps, capacity.num_steps);
  within_extent("num_segments", shape.num_segments, capacity.num_segments);
  within_extent("num_pairs", shape.num_pairs, capacity.num_pairs);
  within_extent("num_batch_pairs", shape.num_batch_pairs, capacity.num_batch_pairs > 0 ? capacity.num_batch_pairs : capacity.num_pairs);
  same_dtype_as_plan(capacity.dtype, dtype);
}

}  // namespace segpref::validation
