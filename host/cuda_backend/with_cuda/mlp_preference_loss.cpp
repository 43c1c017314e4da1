// mlp_preference_loss on a device: the distinct steps of the batch as rows, a chain of layers over them, scores and losses of the given rewards'
// kernels, and the way back (docs/design/0007-mlp-on-cuda.md).
#include <algorithm>

#include "host/cuda_backend/cuda_backend.hpp"
#include "host/cuda_backend/device_batch.hpp"
#include "host/cuda_backend/with_cuda/batch_rows_work.hpp"
#include "host/cuda_backend/with_cuda/check_values.hpp"
#include "host/cuda_backend/with_cuda/mlp_network.hpp"
#include "host/cuda_backend/with_cuda/mlp_optimizer.hpp"
#include "host/cuda_backend/with_cuda/mlp_resident.hpp"
#include "host/cuda_backend/with_cuda/pair_work.hpp"

namespace segpref::cuda_backend {
namespace {

/// Weight gradients are cut into parts of rows until there are so many blocks, but not into parts of fewer rows than this. Not measured on a GPU yet.
constexpr std::int64_t weight_grad_blocks_wanted = 256, least_rows_per_part = 256;

std::int64_t times(std::int64_t a, std::int64_t b) { return validation::product("workspace", a, b); }

/// What a plan makes of its architecture and capacity.
struct MlpBuffers {
  MlpNetwork network;
  int num_splits = 1;
  BatchRowsBuffers rows;
  PairBuffers<float> pairs;
  SegmentBuffers<float> segments;                           ///< powers of the discount
  Booked<float> side_scores;                                ///< [num_members, pairs, 2]
  Booked<std::uint8_t> pair_counted;                        ///< [num_members, pairs]
  Booked<float> rewards, raw, grad_rewards, grad_raw;       ///< [num_members, row_capacity]
  Booked<std::byte> packed, inputs, hidden, slopes, grad_hidden;  ///< cuda::MlpKept and its like
  Booked<float> partial;                                    ///< [num_splits, num_parameters]
  MlpResidentBuffers resident;
};

/// The current device is the plan's.
MlpBuffers book(const RewardArchitecture& architecture, PreferenceCapacity capacity, Compute compute, WorkspaceLayout& layout) {
  MlpBuffers b;
  b.network = mlp_network(architecture, capacity.dtype, compute, capacity.device.index);
  const cuda::MlpShape& shape = b.network.shape;
  const std::int64_t members = capacity.num_members = architecture.num_members, pairs = times(members, num_batch_pairs(capacity)), bytes = cuda::operand_bytes(b.network.precision);
  b.pairs = book_side_pairs<float>(capacity, layout);
  b.rows = book_batch_rows(capacity, layout);
  const std::int64_t rows = times(members, b.rows.row_capacity);
  b.segments.discount_powers = layout.book<float>(capacity.max_segment_steps > 0 ? std::min(capacity.max_segment_steps, b.rows.row_capacity) : b.rows.row_capacity);
  b.side_scores = layout.book<float>(times(2, pairs));
  b.pair_counted = layout.book<std::uint8_t>(pairs);
  for (Booked<float>* array : {&b.rewards, &b.raw, &b.grad_rewards, &b.grad_raw}) *array = layout.book<float>(rows);
  b.packed = layout.book<std::byte>(b.network.packed_bytes());
  b.inputs = layout.book<std::byte>(times(rows, shape.padded_width[0] * bytes));
  b.hidden = layout.book<std::byte>(times(rows, shape.hidden_columns * bytes));
  b.grad_hidden = layout.book<std::byte>(b.hidden.count);
  const bool are_bits = cuda::mlp_formula(architecture, true, 0, 0).has_bit_slopes();  // in training; a call without needs no more
  b.slopes = layout.book<std::byte>(cuda::mlp_slope_bytes(b.network.precision, shape, are_bits, b.rows.row_capacity));

  const std::int64_t blocks = members * cuda::mlp_weight_grad_blocks(b.network.precision, shape), most_parts = (b.rows.row_capacity + least_rows_per_part - 1) / least_rows_per_part;
  b.num_splits = static_cast<int>(std::clamp((weight_grad_blocks_wanted + blocks - 1) / blocks, std::int64_t{1}, most_parts));
  b.partial = layout.book<float>(times(b.num_splits, shape.num_parameters));
  b.resident = book_resident(b.network, are_bits, capacity, layout);
  return b;
}

/// One call, kernel by kernel. Everything is enqueued on the stream.
class Run {
 public:
  /// @throws Error(invalid_argument) for a workspace that is too small
  Run(const MlpLossCall& call, const kernels::Batch& batch, Workspace workspace, cudaStream_t stream)
      : call_(call), batch_(batch), workspace_(workspace), stream_(stream), buffers_(booked(call, workspace)),
        formula_(cuda::mlp_formula(call.plan.architecture(), call.dropout.training, call.dropout.seed, call.dropout.call)),
        rows_(batch, call.result.logits.present(), buffers_.rows, buffers_.rewards.in(workspace), workspace, stream), mlp_rows_(feature_rows(call.features)) {
    mlp_rows_.num_rows = 0;
    mlp_rows_.row_capacity = batch.num_batch_pairs == 0 ? 0 : rows_.row_capacity();
    mlp_rows_.per_member = rows_.num_lists() > 1;
    mlp_rows_.steps = rows_.steps();
    if (batch.num_batch_pairs > 0) mlp_rows_.device_num_rows = rows_.num_rows();
    if (!wants_gradients()) return;
    kept_ = {buffers_.inputs.in(workspace), buffers_.hidden.in(workspace), buffers_.slopes.in(workspace), buffers_.raw.in(workspace)};
  }

  void enqueue(bool checks_values) const {
    if (can_run_resident(buffers_.resident, call_)) return run_resident(buffers_.resident, buffers_.network, formula_, call_, pairs());
    rows_.make();
    if (checks_values) rows_.check_capacity();
    forward();
    loss();
    if (!wants_gradients()) return;
    backward();
    if (call_.gradients.parameters.present()) grad_parameters();
    if (wants_feature_gradients()) grad_features();
  }

 private:
  static MlpBuffers booked(const MlpLossCall& call, Workspace workspace) {
    WorkspaceLayout layout;
    const MlpBuffers buffers = book(call.plan.architecture(), call.plan.capacity(), call.plan.compute(), layout);
    check_workspace(workspace, layout.total_bytes());
    return buffers;
  }

  bool wants_feature_gradients() const { return call_.gradients.features_first.present() || call_.gradients.features_second.present(); }
  bool wants_gradients() const { return call_.gradients.parameters.present() || wants_feature_gradients(); }
  const float* parameters() const { return static_cast<const float*>(call_.parameters.data); }
  const cuda::MlpShape& shape() const { return buffers_.network.shape; }
  cuda::MlpPrecision precision() const { return buffers_.network.precision; }
  SegmentWork<float> segments(const kernels::Batch& windows) const { return {windows, call_.options, call_.plan.capacity(), buffers_.segments, workspace_, stream_}; }
  PairWork<float> pairs() const { return {batch_, call_.loss, call_.options, call_.result, buffers_.pairs, workspace_, stream_}; }

  void forward() const {
    device::check(cuda::launch_pack_weights(precision(), {shape(), parameters(), buffers_.packed.in(workspace_)}, stream_), "launch_pack_weights");
    const cuda::MlpForwardParams p{shape(), formula_, mlp_rows_, parameters(), buffers_.packed.in(workspace_), kept_, buffers_.rewards.in(workspace_)};
    device::check(cuda::launch_mlp_forward(precision(), p, stream_), "launch_mlp_forward");
  }

  /// Every result but the gradients.
  void loss() const {
    float* const side_scores = buffers_.side_scores.in(workspace_);
    std::uint8_t* const pair_counted = call_.step_rewards.present() ? buffers_.pair_counted.in(workspace_) : nullptr;
    const kernels::Batch windows = rows_.windows();
    segments(windows).scores(buffers_.rewards.in(workspace_), side_scores);
    pairs().side_losses(side_scores, wants_gradients(), pair_counted);
    if (call_.result.scores.present()) rows_.store_scores(side_scores, static_cast<float*>(call_.result.scores.data));
    if (call_.step_rewards.present()) rows_.store_rewards(pair_counted, static_cast<float*>(call_.step_rewards.data));
  }

  /// Gradients of rewards, without the divisor of a mean, then of everything up to the first layer.
  void backward() const {
    if (batch_.num_batch_pairs == 0) return;
    float* const grad_rewards = buffers_.grad_rewards.in(workspace_);
    const kernels::Batch windows = rows_.windows();
    segments(windows).expand_windows(rows_.order(), pairs().side_gradients().values, windows.num_segments, nullptr, grad_rewards);
    cuda::MlpBackwardParams p;
    p.shape = shape();
    p.formula = formula_;
    p.rows = mlp_rows_;
    p.parameters = parameters();
    p.packed = buffers_.packed.in(workspace_);
    p.kept = kept_;
    p.grad_rewards = grad_rewards;
    p.grad_raw = buffers_.grad_raw.in(workspace_);
    p.grad_hidden = buffers_.grad_hidden.in(workspace_);
    device::check(cuda::launch_mlp_backward(precision(), p, stream_), "launch_mlp_backward");
  }

  void grad_parameters() const {
    cuda::MlpWeightGradParams p;
    p.shape = shape();
    p.rows = mlp_rows_;
    p.kept = kept_;
    p.grad_raw = buffers_.grad_raw.in(workspace_);
    p.grad_hidden = buffers_.grad_hidden.in(workspace_);
    p.num_splits = buffers_.num_splits;
    p.partial = buffers_.partial.in(workspace_);
    p.grad_scale = pairs().side_gradients().scale;
    p.gradients = static_cast<float*>(call_.gradients.parameters.data);
    if (call_.optimizer == nullptr) return device::check(cuda::launch_mlp_weight_grad(precision(), p, stream_), "launch_mlp_weight_grad");
    cuda::MlpReduceAdamWParams step = optimizer_params(call_);
    step.sums = p;
    device::check(cuda::launch_mlp_weight_grad_adamw(precision(), step, stream_), "launch_mlp_weight_grad_adamw");
  }

  /// Steps in no pair have no row, and keep the zeros.
  void grad_features() const {
    cuda::MlpGradFeaturesParams p;
    p.shape = shape();
    p.rows = mlp_rows_;
    p.packed = buffers_.packed.in(workspace_);
    p.grad_raw = buffers_.grad_raw.in(workspace_);
    p.grad_hidden = buffers_.grad_hidden.in(workspace_);
    p.grad_scale = pairs().side_gradients().scale;
    p.grad_first = zeros(call_.gradients.features_first);
    p.grad_second = zeros(call_.gradients.features_second);
    const int launches = mlp_rows_.per_member ? shape().num_members : 1;
    for (int i = 0; i < launches; ++i) {
      if (mlp_rows_.per_member) p.only_member = i;
      device::check(cuda::launch_mlp_grad_features(precision(), p, stream_), "launch_mlp_grad_features");
    }
  }

  float* zeros(const TensorView& view) const {
    if (view.size() > 0) device::check(cudaMemsetAsync(view.data, 0, static_cast<std::size_t>(view.size()) * sizeof(float), stream_), "cudaMemsetAsync");
    return static_cast<float*>(view.data);
  }

  const MlpLossCall& call_;
  const kernels::Batch& batch_;
  Workspace workspace_;
  cudaStream_t stream_;
  MlpBuffers buffers_;
  cuda::MlpFormula formula_;
  BatchRowsWork rows_;
  cuda::MlpRows mlp_rows_;
  cuda::MlpKept kept_;
};

}  // namespace

std::size_t mlp_preference_loss_bytes(const RewardArchitecture& architecture, const PreferenceCapacity& capacity, Compute compute) {
  const device::CurrentDevice current(capacity.device.index);
  WorkspaceLayout layout;
  book(architecture, capacity, compute, layout);
  return layout.total_bytes();
}

std::string describe_mlp_preference_loss(const MlpLossPlan& plan) {
  const device::CurrentDevice current(plan.capacity().device.index);
  WorkspaceLayout layout;
  const MlpBuffers b = book(plan.architecture(), plan.capacity(), plan.compute(), layout);
  const cuda::MlpShape& shape = b.network.shape;
  const MlpResidentBuffers& resident = b.resident;
  const std::string resident_words =
      resident.why_not.empty()
          ? fmt::format("resident path, a kernel that keeps weights and {} on the chip in {} blocks per member, for calls without scores, step rewards and gradients of features; else the general path: ",
                        resident.grid.pairs_per_tile == 1 ? std::string("a pair") : fmt::format("{} pairs at a time", resident.grid.pairs_per_tile), resident.grid.num_blocks)
          : fmt::format("general path (not the resident one: {}): ", resident.why_not);
  return fmt::format(
      "mlp_preference_loss on cuda:{}: {} members, {} hidden layers, up to {} distinct steps per member and {} pairs; {}forward of all distinct steps in tiles of {} rows through all "
      "layers, the loss, then backward; activations are kept; products of {} operands; weight gradients in {} parts of {} blocks, added in order; workspace {} bytes",
      plan.capacity().device.index, shape.num_members, shape.num_hidden, b.rows.row_capacity, num_batch_pairs(plan.capacity()), resident_words, cuda::mlp_tile_rows(b.network.precision, shape),
      b.network.operand_words(), b.num_splits, shape.num_members * cuda::mlp_weight_grad_blocks(b.network.precision, shape), plan.workspace_bytes());
}

void mlp_preference_loss(const Context& context, const MlpLossCall& call, Workspace workspace) {
  const device::CurrentDevice current(call.parameters.device.index);
  const kernels::Batch batch = device_batch(call.batch, call.shape);
  const Run run(call, batch, workspace, static_cast<cudaStream_t>(context.stream()));
  check_preference_values(context, call.plan.capacity(), batch, call.options);
  check_standardisation(context, call.features);
  if (call.optimizer != nullptr && context.checks_values()) check_values(context, call.parameters.device.index, validation::adamw_values(indices(call.optimizer->step)));
  run.enqueue(context.checks_values());
}

}  // namespace segpref::cuda_backend
