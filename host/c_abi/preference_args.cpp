#include "host/c_abi/preference_args.hpp"

#include <cstddef>
#include <cstring>

#include "host/c_abi/struct.hpp"

namespace segpref::c_abi {
namespace {

segpref_preference_options default_options() {
  segpref_preference_options options;
  segpref_preference_options_init(&options);
  return options;
}

segpref_preference_capacity default_capacity() {
  segpref_preference_capacity capacity;
  segpref_preference_capacity_init(&capacity);
  return capacity;
}

}  // namespace

static_assert(static_cast<int>(Aggregation::mean) == SEGPREF_AGGREGATION_MEAN && static_cast<int>(Aggregation::last) == SEGPREF_AGGREGATION_LAST);
static_assert(static_cast<int>(TieModel::rao_kupper) == SEGPREF_TIE_MODEL_RAO_KUPPER && static_cast<int>(TieModel::davidson) == SEGPREF_TIE_MODEL_DAVIDSON);
static_assert(static_cast<int>(Reduction::sum) == SEGPREF_REDUCTION_SUM && static_cast<int>(Reduction::none) == SEGPREF_REDUCTION_NONE);
static_assert(static_cast<int>(NonFinite::skip) == SEGPREF_NONFINITE_SKIP);
static_assert(int{metric_weight_sum} == SEGPREF_METRIC_WEIGHT_SUM && int{metric_loss_sum} == SEGPREF_METRIC_LOSS_SUM &&
              int{metric_centering_sum} == SEGPREF_METRIC_CENTERING_SUM && int{metric_num_judged} == SEGPREF_METRIC_NUM_JUDGED &&
              int{metric_num_correct} == SEGPREF_METRIC_NUM_CORRECT && int{metric_gap_sum} == SEGPREF_METRIC_GAP_SUM &&
              int{metric_num_skipped} == SEGPREF_METRIC_NUM_SKIPPED && int{num_metrics} == SEGPREF_NUM_METRICS);

PreferenceBatch read_batch(Tensors& tensors, const segpref_preference_batch* batch) {
  const segpref_preference_batch in = read_struct("batch", batch);
  PreferenceBatch out;
  out.offsets = tensors.in("offsets", in.offsets);
  out.begins = tensors.in("begins", in.begins);
  out.lengths = tensors.in("lengths", in.lengths);
  out.pairs = tensors.in("pairs", in.pairs);
  out.pair_order = tensors.in("pair_order", in.pair_order);
  out.labels = tensors.in("labels", in.labels);
  out.weights = tensors.in("weights", in.weights);
  out.margins = tensors.in("margins", in.margins);
  return out;
}

PreferenceOptions read_options(Tensors& tensors, const segpref_preference_options* options) {
  const segpref_preference_options in = read_optional_struct("options", options, default_options());
  PreferenceOptions out;
  out.aggregation = read_enum("aggregation", in.aggregation, Aggregation::last);
  out.tie_model = read_enum("tie_model", in.tie_model, TieModel::davidson);
  out.reduction = read_enum("reduction", in.reduction, Reduction::none);
  out.nonfinite = read_enum("nonfinite", in.nonfinite, NonFinite::skip);
  out.discount = in.discount;
  out.temperature = in.temperature;
  out.clip = in.clip;
  out.smoothing = in.smoothing;
  out.lapse = in.lapse;
  out.centering = in.centering;
  if (in.normalizer != 0) out.normalizer = in.normalizer;
  out.tie_parameter = tensors.in("tie_parameter", in.tie_parameter);
  return out;
}

PreferenceResult read_result(Tensors& tensors, const segpref_preference_result* result) {
  const segpref_preference_result in = read_optional_struct("result", result);
  PreferenceResult out;
  out.loss = tensors.out("loss", in.loss);
  out.loss_per_pair = tensors.out("loss_per_pair", in.loss_per_pair);
  out.scores = tensors.out("scores", in.scores);
  out.logits = tensors.out("logits", in.logits);
  out.metrics = tensors.out("metrics", in.metrics);
  out.grad_tie_parameter = tensors.out("grad_tie_parameter", in.grad_tie_parameter);
  return out;
}

PreferenceCapacity read_capacity(const segpref_preference_capacity* capacity) {
  // The first version ended before max_segment_steps.
  const segpref_preference_capacity in = read_struct("capacity", capacity, default_capacity(), offsetof(segpref_preference_capacity, max_segment_steps));
  check_reserved("capacity.reserved", in.reserved);
  PreferenceCapacity out;
  out.num_members = in.num_members;
  out.num_steps = in.num_steps;
  out.num_segments = in.num_segments;
  out.num_pairs = in.num_pairs;
  out.num_batch_pairs = in.num_batch_pairs;
  out.num_batch_steps = in.num_batch_steps;
  out.dtype = read_dtype("capacity.dtype", in.dtype);
  out.max_segment_steps = in.max_segment_steps;
  out.device = read_capacity_device(in.device);
  return out;
}

Device read_capacity_device(const DLDevice& device) {
  constexpr DLDevice zeros{};
  return std::memcmp(&device, &zeros, sizeof(device)) == 0 ? Device{} : read_device("capacity.device is", device);
}

Workspace read_workspace(void* workspace, std::size_t workspace_bytes) {
  return workspace == nullptr ? Workspace{} : Workspace{static_cast<std::byte*>(workspace), workspace_bytes};
}

}  // namespace segpref::c_abi

void segpref_preference_options_init(segpref_preference_options* options) {
  if (options == nullptr) return;
  const segpref::PreferenceOptions defaults;
  *options = {};
  options->struct_size = sizeof(*options);
  options->aggregation = static_cast<std::int32_t>(defaults.aggregation);
  options->tie_model = static_cast<std::int32_t>(defaults.tie_model);
  options->reduction = static_cast<std::int32_t>(defaults.reduction);
  options->nonfinite = static_cast<std::int32_t>(defaults.nonfinite);
  options->discount = defaults.discount;
  options->temperature = defaults.temperature;
  options->clip = defaults.clip;
  options->smoothing = defaults.smoothing;
  options->lapse = defaults.lapse;
  options->centering = defaults.centering;
}

void segpref_preference_capacity_init(segpref_preference_capacity* capacity) {
  if (capacity == nullptr) return;
  const segpref::PreferenceCapacity defaults;
  *capacity = {};
  capacity->struct_size = sizeof(*capacity);
  capacity->num_members = defaults.num_members;
  capacity->dtype = segpref::c_abi::dlpack_dtype(defaults.dtype);
  capacity->device = {kDLCPU, 0};
}
