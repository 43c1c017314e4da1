// Any call of the C ABI: a documented status, never a defect. A refused call has written nothing; a call that succeeds has written every
// output whole, no input, and gives the same bits on another number of threads.
#include <functional>
#include <utility>

#include "segpref/segpref.h"
#include "tests/fuzz/fuzz_tensors.hpp"

namespace segpref::fuzz {
namespace {

const segpref_context* context(int num_threads) {
  static const auto make = [](int threads) {
    segpref_context* made = nullptr;
    demand(segpref_context_create(threads, &made) == SEGPREF_OK, "no context");
    return made;
  };
  static const segpref_context* const contexts[] = {make(1), make(2)};
  return contexts[num_threads - 1];
}

/// A struct that may say to be of another version: too small, beyond reason, or longer with bytes that are 0 or not.
template <typename Struct>
struct Versioned {
  Struct value{};
  std::byte beyond[64]{};
};

class Call {
 public:
  explicit Call(FuzzedDataProvider& choices) : choices_(choices), care_(choices.ConsumeBool()), tensors_(choices, care_) {}

  void run() {
    num_members_ = choices_.ConsumeIntegralInRange<std::int64_t>(1, 3);
    num_steps_ = choices_.ConsumeIntegralInRange<std::int64_t>(0, 20);
    num_segments_ = choices_.ConsumeIntegralInRange<std::int64_t>(0, 6);
    num_pairs_ = choices_.ConsumeIntegralInRange<std::int64_t>(0, 5);
    feature_dim_ = choices_.ConsumeIntegralInRange<std::int64_t>(1, 5);
    real_ = tensors_.wanted() ? f32 : f64;
    switch (choices_.ConsumeIntegralInRange(0, 6)) {
      case 0: return preference_loss();
      case 1: return linear_preference_loss();
      case 2: return mlp_preference_loss();
      case 3: return ranking_loss();
      case 4: return predict_rewards();
      case 5: return query_scores();
      default: return adamw_step();
    }
  }

 private:
  using Run = std::function<segpref_status(const segpref_context*)>;

  bool slip() { return !care_ && choices_.ConsumeIntegralInRange(0, 15) == 0; }

  static bool documented(segpref_status status) { return status >= SEGPREF_OK && status <= SEGPREF_UNSUPPORTED; }

  void judge(const Run& run) {
    const segpref_status status = run(slip() ? nullptr : context(1));
    tensors_.demand_inputs_untouched();
    // Nothing here is large enough to run out of memory, and no function reads files.
    demand(documented(status), segpref_last_error());
    if (status != SEGPREF_OK) {
      demand(segpref_last_error()[0] != '\0', "a refused call without a sentence");
      return tensors_.demand_nothing_written();
    }
    if (care_) tensors_.demand_outputs_overwritten();  // else a tensor may have been made and not passed
    const auto outputs = tensors_.outputs();
    tensors_.restore();
    demand(run(context(2)) == SEGPREF_OK, "the same call was refused on two threads");
    demand(tensors_.outputs() == outputs, "two threads gave other bits than one");
  }

  template <typename Struct>
  const Struct* given(Versioned<Struct>& versioned) {
    versioned.value.struct_size = sizeof(Struct);
    if (slip()) return nullptr;
    if (slip()) {
      constexpr std::size_t sizes[] = {0, 8, sizeof(Struct) - 1, sizeof(Struct) + 8, sizeof(Struct) + 64, 5000, ~std::size_t{0}};
      versioned.value.struct_size = choices_.PickValueInArray(sizes);
      versioned.beyond[choices_.ConsumeIntegralInRange(0, 63)] = static_cast<std::byte>(choices_.ConsumeBool());
    }
    return &versioned.value;
  }

  double number(double usual) {
    if (!slip()) return usual;
    constexpr double infinity = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
    constexpr double numbers[] = {0, -0.0, 0.25, 1, 2, -1, 1e-310, 1e300, infinity, -infinity, nan};
    return choices_.PickValueInArray(numbers);
  }
  std::int32_t constant(std::int32_t last) { return slip() ? choices_.ConsumeIntegral<std::int32_t>() : choices_.ConsumeIntegralInRange<std::int32_t>(0, last); }
  std::int32_t reserved() { return slip() ? 1 : 0; }

  /// Segments as offsets or as windows that overlap.
  template <typename Batch>
  void segments(Batch& batch) {
    if (tensors_.wanted() || slip()) batch.offsets = tensors_.in(tensors_.index_type(), {num_segments_ + 1}, Values::offsets, num_steps_);
    if (batch.offsets != nullptr && !slip()) return;
    // A length of at most a quarter of what is left beyond the latest begin is always inside.
    batch.begins = tensors_.in(tensors_.index_type(), {num_segments_}, Values::index, num_steps_ / 2 + 1);
    batch.lengths = tensors_.in(tensors_.index_type(), {num_segments_}, Values::index, num_steps_ / 2 + 1);
  }

  const segpref_preference_batch* batch() {
    segpref_preference_batch& in = batch_.value;
    segments(in);
    if (tensors_.wanted() && num_segments_ > 0) in.pairs = tensors_.in(tensors_.index_type(), {num_pairs_, 2}, Values::index, num_segments_);
    else if (!slip()) num_pairs_ = std::min(num_pairs_, num_segments_ / 2);
    num_batch_pairs_ = num_pairs_;
    if (tensors_.wanted() && num_pairs_ > 0) {
      num_batch_pairs_ = choices_.ConsumeIntegralInRange<std::int64_t>(0, 6);
      in.pair_order = tensors_.wanted() ? tensors_.in(tensors_.index_type(), {num_batch_pairs_}, Values::index, num_pairs_)
                                        : tensors_.in(tensors_.index_type(), {num_members_, num_batch_pairs_}, Values::index, num_pairs_);
    }
    in.labels = tensors_.in(f32, {num_pairs_}, Values::probability);
    if (tensors_.wanted()) in.weights = tensors_.in(f32, {num_pairs_}, Values::weight);
    if (tensors_.wanted()) in.margins = tensors_.in(f32, {num_members_, num_pairs_}, Values::weight);
    return given(batch_);
  }

  const segpref_preference_options* options(bool of_pairs) {
    segpref_preference_options& o = options_.value;
    segpref_preference_options_init(&o);
    o.aggregation = constant(SEGPREF_AGGREGATION_LAST);
    o.reduction = constant(SEGPREF_REDUCTION_NONE);
    o.nonfinite = constant(SEGPREF_NONFINITE_SKIP);
    o.discount = number(o.aggregation != SEGPREF_AGGREGATION_LAST && tensors_.wanted() ? 0.9 : 1);
    o.temperature = number(tensors_.wanted() ? 0.5 : 1);
    if (tensors_.wanted() && o.reduction == SEGPREF_REDUCTION_MEAN) o.normalizer = number(3);
    if (of_pairs) {
      o.clip = number(tensors_.wanted() ? 2 : o.clip);
      o.smoothing = number(tensors_.wanted() ? 0.1 : 0);
      o.lapse = number(tensors_.wanted() ? 0.2 : 0);
      o.centering = number(tensors_.wanted() ? 0.01 : 0);
      o.tie_model = tensors_.wanted() ? constant(SEGPREF_TIE_MODEL_DAVIDSON) : SEGPREF_TIE_MODEL_NONE;
      if (o.tie_model != SEGPREF_TIE_MODEL_NONE) o.tie_parameter = tensors_.in(f32, {tensors_.wanted() ? 1 : num_members_}, Values::positive);
    }
    return given(options_);
  }

  const segpref_preference_result* result() {
    segpref_preference_result& out = result_.value;
    const segpref_preference_options& o = options_.value;
    if (tensors_.wanted() && (o.reduction != SEGPREF_REDUCTION_NONE || slip())) out.loss = tensors_.out(real_, {num_members_});
    if (tensors_.wanted()) out.loss_per_pair = tensors_.out(real_, {num_members_, num_batch_pairs_});
    if (tensors_.wanted()) out.scores = tensors_.out(real_, {num_members_, num_segments_});
    if (tensors_.wanted()) out.logits = tensors_.out(real_, {num_members_, num_batch_pairs_});
    if (tensors_.wanted()) out.metrics = tensors_.out(f64, {num_members_, SEGPREF_NUM_METRICS});
    if (tensors_.wanted() && o.tie_parameter != nullptr && o.tie_parameter->shape != nullptr)
      out.grad_tie_parameter = tensors_.out(real_, {std::clamp<std::int64_t>(o.tie_parameter->shape[0], 0, 8)});
    return given(result_);
  }

  std::int64_t capacity_of(std::int64_t needed) {
    if (!slip()) return needed;
    constexpr std::int64_t numbers[] = {0, 1, 30, -1, std::int64_t{1} << 40, std::int64_t{1} << 48, std::int64_t{1} << 62, std::numeric_limits<std::int64_t>::max()};
    return choices_.PickValueInArray(numbers);
  }

  const segpref_preference_capacity* capacity(DLDataType dtype) {
    segpref_preference_capacity& c = capacity_.value;
    segpref_preference_capacity_init(&c);
    c.num_members = capacity_of(num_members_);
    c.num_steps = capacity_of(num_steps_);
    c.num_segments = capacity_of(num_segments_);
    c.num_pairs = capacity_of(num_pairs_);
    c.num_batch_pairs = capacity_of(num_batch_pairs_);
    c.num_batch_steps = capacity_of(0);
    c.dtype = dtype;
    c.reserved = reserved();
    c.max_segment_steps = capacity_of(tensors_.wanted() ? 0 : num_steps_);
    if (slip()) c.device.device_type = kDLCUDA;
    return given(capacity_);
  }

  /// Makes a plan and the workspace it asks for, where that is small, then runs in it.
  void judge_planned(const std::function<segpref_status(segpref_plan**)>& make,
                     const std::function<segpref_status(const segpref_context*, const segpref_plan*, void*, std::size_t)>& run) {
    segpref_plan* plan = nullptr;
    const segpref_status status = make(&plan);
    demand(documented(status), segpref_last_error());
    demand((status == SEGPREF_OK) == (plan != nullptr), "a plan without success, or success without a plan");
    if (plan != nullptr) demand(segpref_plan_describe(plan)[0] != '\0', "a plan without a sentence");
    std::size_t bytes = segpref_plan_workspace_bytes(plan);
    constexpr std::size_t most = std::size_t{1} << 22;
    std::unique_ptr<void, decltype(&std::free)> memory(bytes <= most ? std::aligned_alloc(64, bytes) : nullptr, &std::free);
    auto* workspace = static_cast<std::byte*>(memory.get());
    if (workspace != nullptr && bytes > 64 && slip()) {
      if (choices_.ConsumeBool()) bytes -= 1;
      else workspace += 8, bytes -= 8;
    }
    judge([&](const segpref_context* where) { return run(where, plan, workspace, bytes); });
    segpref_plan_destroy(plan);
  }

  DLDataType element() { return real_.bits == 64 ? f64 : choices_.PickValueInArray({f32, f32, f16, bf16}); }

  void preference_loss() {
    const DLDataType type = element();
    const bool flat = num_members_ == 1 && tensors_.wanted();
    const DLTensor* rewards = flat ? tensors_.in(type, {num_steps_}, Values::real) : tensors_.in(type, {num_members_, num_steps_}, Values::real);
    const auto* b = batch();
    const auto* o = options(true);
    const auto* r = result();
    const DLTensor* grad = !tensors_.wanted() ? nullptr : flat ? tensors_.out(type, {num_steps_}) : tensors_.out(type, {num_members_, num_steps_});
    if (tensors_.wanted()) return judge([&](const segpref_context* where) { return segpref_preference_loss(where, rewards, b, o, r, grad); });
    const auto* c = capacity(type);
    judge_planned([&](segpref_plan** plan) { return segpref_preference_loss_plan_create(c, plan); },
                  [&](const segpref_context* where, const segpref_plan* plan, void* workspace, std::size_t bytes) {
                    return segpref_preference_loss_planned(where, plan, rewards, b, o, r, grad, workspace, bytes);
                  });
  }

  void linear_preference_loss() {
    const DLDataType type = element();
    const DLTensor* features = tensors_.in(type, {num_steps_, feature_dim_}, Values::real);
    segpref_linear_head& head = head_.value;
    head.weight = tensors_.in(real_, {num_members_, feature_dim_}, Values::real);
    if (tensors_.wanted()) head.bias = tensors_.in(real_, {num_members_}, Values::real);
    const auto* h = given(head_);
    const auto* b = batch();
    const auto* o = options(true);
    const auto* r = result();
    segpref_linear_gradients& grad = linear_gradients_.value;
    if (tensors_.wanted()) grad.weight = tensors_.out(real_, {num_members_, feature_dim_});
    if (tensors_.wanted() && head.bias != nullptr) grad.bias = tensors_.out(real_, {num_members_});
    if (tensors_.wanted()) grad.features = tensors_.out(type, {num_steps_, feature_dim_});
    const auto* g = given(linear_gradients_);
    const DLTensor* rewards = tensors_.wanted() ? tensors_.out(real_, {num_members_, num_steps_}) : nullptr;
    if (tensors_.wanted()) return judge([&](const segpref_context* where) { return segpref_linear_preference_loss(where, h, features, b, o, r, g, rewards); });
    const auto* c = capacity(type);
    const std::int64_t dim = capacity_of(feature_dim_);
    judge_planned([&](segpref_plan** plan) { return segpref_linear_preference_loss_plan_create(c, dim, plan); },
                  [&](const segpref_context* where, const segpref_plan* plan, void* workspace, std::size_t bytes) {
                    return segpref_linear_preference_loss_planned(where, plan, h, features, b, o, r, g, rewards, workspace, bytes);
                  });
  }

  const segpref_reward_architecture* architecture() {
    segpref_reward_architecture& a = architecture_.value;
    segpref_reward_architecture_init(&a);
    a.feature_dim = capacity_of(feature_dim_);
    a.num_hidden = slip() ? choices_.ConsumeIntegral<std::int32_t>() : choices_.ConsumeIntegralInRange<std::int32_t>(0, 3);
    for (std::int64_t& width : a.hidden) width = slip() ? choices_.ConsumeIntegral<std::int64_t>() : choices_.ConsumeIntegralInRange<std::int64_t>(1, 9);
    a.num_members = static_cast<std::int32_t>(slip() ? choices_.ConsumeIntegral<std::int32_t>() : num_members_);
    a.activation = constant(SEGPREF_ACTIVATION_GELU);
    a.output = constant(SEGPREF_OUTPUT_SIGMOID);
    a.output_scaled = a.output != SEGPREF_OUTPUT_IDENTITY || slip() ? constant(1) : 0;
    a.bias = constant(1);
    a.leaky_slope = number(0.01);
    a.output_hi = number(1);
    a.dropout = number(tensors_.wanted() ? 0.5 : 0);
    const auto* in = given(architecture_);
    num_parameters_ = 0;
    const segpref_status status = segpref_num_parameters(in, &num_parameters_);
    demand(documented(status), segpref_last_error());
    if (num_parameters_ > 4096) num_parameters_ = 0;  // right, but too large to try
    return in;
  }

  const segpref_features* features() {
    segpref_features& f = features_.value;
    const DLDataType type = choices_.PickValueInArray({f32, f64, f16, bf16});
    const std::int64_t second = tensors_.wanted() ? choices_.ConsumeIntegralInRange<std::int64_t>(0, feature_dim_) : 0;
    f.first = tensors_.in(type, {num_steps_, feature_dim_ - second}, Values::real);
    if (second > 0) f.second = tensors_.in(type, {num_steps_, second}, Values::real);
    if (tensors_.wanted()) {
      f.mean = tensors_.in(f32, {feature_dim_}, Values::real);
      f.std = tensors_.in(f32, {feature_dim_}, Values::positive);
    }
    num_second_ = second;
    return given(features_);
  }

  void mlp_preference_loss() {
    const auto* a = architecture();
    const DLTensor* parameters = tensors_.in(real_, {num_parameters_}, Values::real);
    const auto* f = features();
    const auto* b = batch();
    const auto* o = options(true);
    const auto* r = result();
    segpref_mlp_gradients& grad = mlp_gradients_.value;
    if (tensors_.wanted()) grad.parameters = tensors_.out(real_, {num_parameters_});
    if (tensors_.wanted()) grad.features_first = tensors_.out(real_, {num_steps_, feature_dim_ - num_second_});
    if (tensors_.wanted() && num_second_ > 0) grad.features_second = tensors_.out(real_, {num_steps_, num_second_});
    const auto* g = given(mlp_gradients_);
    segpref_dropout_state& dropout = dropout_.value;
    dropout.training = constant(1);
    dropout.seed = choices_.ConsumeIntegral<std::uint64_t>();
    dropout.reserved = reserved();
    const auto* d = given(dropout_);
    const DLTensor* rewards = tensors_.wanted() ? tensors_.out(real_, {num_members_, num_steps_}) : nullptr;
    if (tensors_.wanted())
      return judge([&](const segpref_context* where) { return segpref_mlp_preference_loss(where, a, parameters, f, b, o, r, g, d, rewards); });
    const auto* c = capacity(real_);
    const auto num_threads = static_cast<std::int32_t>(slip() ? choices_.ConsumeIntegral<std::int32_t>() : 2);
    const std::int32_t compute = care_ ? SEGPREF_COMPUTE_STANDARD : constant(SEGPREF_COMPUTE_BF16);
    if (num_threads == 1) return;  // refused on two threads, which judge() asks for
    judge_planned([&](segpref_plan** plan) { return segpref_mlp_preference_loss_plan_create(a, c, num_threads, compute, plan); },
                  [&](const segpref_context* where, const segpref_plan* plan, void* workspace, std::size_t bytes) {
                    return segpref_mlp_preference_loss_planned(where, plan, parameters, f, b, o, r, g, d, rewards, workspace, bytes);
                  });
  }

  void ranking_loss() {
    const DLDataType type = element();
    const DLTensor* rewards = tensors_.in(type, {num_members_, num_steps_}, Values::real);
    segpref_ranking_batch& in = ranking_batch_.value;
    segments(in);
    // Rankings of two, or cut anywhere.
    const std::int64_t num_rankings = num_pairs_, num_entries = 2 * num_rankings;
    in.rankings = tensors_.in(tensors_.index_type(), {num_entries}, Values::index, num_segments_);
    std::array<std::int64_t, 16> cuts{};
    for (std::size_t i = 0; i < cuts.size(); ++i) cuts[i] = static_cast<std::int64_t>(2 * i);
    DLTensor twos{cuts.data(), {kDLCPU, 0}, 1, i64, &num_cuts_, nullptr, 0};
    num_cuts_ = num_rankings + 1;
    in.ranking_offsets = care_ || tensors_.wanted() ? &twos : tensors_.in(tensors_.index_type(), {num_rankings + 1}, Values::offsets, num_entries);
    if (tensors_.wanted()) in.weights = tensors_.in(f32, {num_members_, num_rankings}, Values::weight);
    in.ranking_top = capacity_of(tensors_.wanted() ? 1 : 0);
    const auto* b = given(ranking_batch_);
    const auto* o = options(slip());
    segpref_ranking_result& out = ranking_result_.value;
    if (tensors_.wanted() && options_.value.reduction != SEGPREF_REDUCTION_NONE) out.loss = tensors_.out(real_, {num_members_});
    if (tensors_.wanted()) out.loss_per_ranking = tensors_.out(real_, {num_members_, num_rankings});
    if (tensors_.wanted()) out.scores = tensors_.out(real_, {num_members_, num_segments_});
    if (tensors_.wanted()) out.metrics = tensors_.out(f64, {num_members_, SEGPREF_NUM_RANKING_METRICS});
    const auto* r = given(ranking_result_);
    const DLTensor* grad = tensors_.wanted() ? tensors_.out(type, {num_members_, num_steps_}) : nullptr;
    if (tensors_.wanted()) return judge([&](const segpref_context* where) { return segpref_ranking_loss(where, rewards, b, o, r, grad); });
    segpref_ranking_capacity& c = ranking_capacity_.value;
    segpref_ranking_capacity_init(&c);
    c.num_members = capacity_of(num_members_);
    c.num_steps = capacity_of(num_steps_);
    c.num_segments = capacity_of(num_segments_);
    c.num_rankings = capacity_of(num_rankings);
    c.num_entries = capacity_of(num_entries);
    c.dtype = type;
    c.max_segment_steps = capacity_of(tensors_.wanted() ? 0 : num_steps_);
    const auto* room = given(ranking_capacity_);
    judge_planned([&](segpref_plan** plan) { return segpref_ranking_loss_plan_create(room, plan); },
                  [&](const segpref_context* where, const segpref_plan* plan, void* workspace, std::size_t bytes) {
                    return segpref_ranking_loss_planned(where, plan, rewards, b, o, r, grad, workspace, bytes);
                  });
  }

  void predict_rewards() {
    const auto* a = architecture();
    const DLTensor* parameters = tensors_.in(real_, {num_parameters_}, Values::real);
    const auto* f = features();
    segpref_prediction& out = prediction_.value;
    if (tensors_.wanted()) out.members = tensors_.out(real_, {num_members_, num_steps_});
    if (tensors_.wanted()) out.mean = tensors_.out(real_, {num_steps_});
    if (tensors_.wanted()) out.std = tensors_.out(real_, {num_steps_});
    const auto* p = given(prediction_);
    segpref_reward_normalization& normalization = normalization_.value;
    if (tensors_.wanted()) {
      normalization.shift = tensors_.in(f32, {num_members_}, Values::real);
      normalization.scale = tensors_.in(f32, {num_members_}, Values::positive);
    }
    const auto* n = given(normalization_);
    const std::int32_t compute = care_ ? SEGPREF_COMPUTE_STANDARD : constant(SEGPREF_COMPUTE_BF16);
    judge([&](const segpref_context* where) { return segpref_predict_rewards(where, a, parameters, f, p, n, compute); });
  }

  void query_scores() {
    const DLTensor* scores = tensors_.in(real_, {num_members_, num_segments_}, Values::real);
    const DLTensor* pairs = tensors_.in(tensors_.index_type(), {num_pairs_, 2}, Values::index, num_segments_);
    segpref_query_result& out = query_result_.value;
    for (const DLTensor** tensor : {&out.mean_probability, &out.disagreement, &out.entropy_of_mean, &out.mean_entropy})
      if (tensors_.wanted()) *tensor = tensors_.out(real_, {num_pairs_});
    const auto* r = given(query_result_);
    const double temperature = number(2);
    judge([&](const segpref_context* where) { return segpref_query_scores(where, scores, pairs, temperature, r); });
  }

  void adamw_step() {
    const DLTensor* parameters = tensors_.inout(real_, {num_steps_}, Values::real);
    const DLTensor* gradients = tensors_.in(real_, {num_steps_}, Values::real);
    const DLTensor* first = tensors_.inout(real_, {num_steps_}, Values::real);
    const DLTensor* second = tensors_.inout(real_, {num_steps_}, Values::weight);
    segpref_adamw_options& o = adamw_options_.value;
    segpref_adamw_options_init(&o);
    o.learning_rate = number(0.1);
    o.beta1 = number(0.9);
    o.beta2 = number(0.999);
    o.epsilon = number(1e-8);
    o.weight_decay = number(0.1);
    o.decoupled = constant(1);
    o.reserved = reserved();
    const auto* options = given(adamw_options_);
    if (tensors_.wanted()) {
      const DLTensor* number = tensors_.inout(i64, {1}, Values::count);
      judge([&](const segpref_context* where) { return segpref_adamw_counted_step(where, parameters, gradients, first, second, number, options); });
      return;
    }
    const std::int64_t step = capacity_of(1);
    judge([&](const segpref_context* where) { return segpref_adamw_step(where, parameters, gradients, first, second, step, options); });
  }

  FuzzedDataProvider& choices_;
  bool care_;  // true: everything is right, and edge sizes are what is tried
  Tensors tensors_;
  std::int64_t num_members_ = 1, num_steps_ = 0, num_segments_ = 0, num_pairs_ = 0, num_batch_pairs_ = 0, feature_dim_ = 1;
  std::int64_t num_parameters_ = 0, num_second_ = 0, num_cuts_ = 0;
  DLDataType real_ = f32;
  Versioned<segpref_preference_batch> batch_;
  Versioned<segpref_preference_options> options_;
  Versioned<segpref_preference_result> result_;
  Versioned<segpref_preference_capacity> capacity_;
  Versioned<segpref_linear_head> head_;
  Versioned<segpref_linear_gradients> linear_gradients_;
  Versioned<segpref_reward_architecture> architecture_;
  Versioned<segpref_features> features_;
  Versioned<segpref_mlp_gradients> mlp_gradients_;
  Versioned<segpref_dropout_state> dropout_;
  Versioned<segpref_ranking_batch> ranking_batch_;
  Versioned<segpref_ranking_result> ranking_result_;
  Versioned<segpref_ranking_capacity> ranking_capacity_;
  Versioned<segpref_prediction> prediction_;
  Versioned<segpref_reward_normalization> normalization_;
  Versioned<segpref_query_result> query_result_;
  Versioned<segpref_adamw_options> adamw_options_;
};

}  // namespace
}  // namespace segpref::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider choices(data, size);
  segpref::fuzz::Call(choices).run();
  return 0;
}
