// linear_preference_loss on a device: one reading of the wide features, everything else from their sums (docs/design/0006-cuda-back-end.md).
#include <algorithm>

#include "host/cuda_backend/cuda_backend.hpp"
#include "host/cuda_backend/device_batch.hpp"
#include "host/cuda_backend/with_cuda/check_values.hpp"
#include "host/cuda_backend/with_cuda/element_types.hpp"
#include "host/cuda_backend/with_cuda/pair_work.hpp"
#include "host/cuda_backend/with_cuda/segment_work.hpp"
#include "kernels/cuda/reward_linear/launch.hpp"

namespace segpref::cuda_backend {
namespace {

template <typename Real>
struct Buffers {
  PairBuffers<Real> pairs;
  SegmentBuffers<Real> expansion;
  Booked<Real> scores, sums, partial_sums, score_parts, reward_parts, slice_sums, grad_step_rewards;
  Booked<std::uint32_t> used;
};

std::int64_t times(std::int64_t a, std::int64_t b) { return validation::product("workspace", a, b); }

/// Steps that no segment exceeds.
std::int64_t longest_segment(const PreferenceCapacity& capacity, std::int64_t num_steps) {
  return capacity.max_segment_steps > 0 ? std::min(capacity.max_segment_steps, num_steps) : num_steps;
}

/// The current device is the plan's.
template <typename Element, typename Real>
Buffers<Real> book(const PreferenceCapacity& capacity, std::int64_t feature_dim, WorkspaceLayout& layout) {
  const std::int64_t members = capacity.num_members, steps = capacity.num_steps, segments = capacity.num_segments, stride = cuda::stride_of_sums(feature_dim);
  Buffers<Real> b;
  b.pairs = book_pairs<Real>(capacity, layout);
  if (cuda::most_linear_blocks<Element>(steps, segments, feature_dim) > cuda::max_grid_blocks)
    throw Error(ErrorCode::unsupported, fmt::format("a plan for CUDA takes up to {} blocks of columns and rows, or columns and segments: {} steps and {} segments of {} features are more",
                                                    cuda::max_grid_blocks, steps, segments, feature_dim));
  book_expansion(steps, segments, layout, b.expansion);
  b.scores = layout.book<Real>(times(members, segments));
  b.sums = layout.book<Real>(times(segments, stride));
  b.partial_sums = layout.book<Real>(times(cuda::most_partial_sums(steps, segments, longest_segment(capacity, steps)), stride));
  b.score_parts = layout.book<Real>(times(times(members, segments), cuda::num_score_parts(feature_dim)));
  b.reward_parts = layout.book<Real>(times(times(members, steps), cuda::most_reward_parts<Element>(feature_dim)));
  b.slice_sums = layout.book<Real>(times(times(members, cuda::most_grad_slices(segments)), feature_dim + 1));
  b.grad_step_rewards = layout.book<Real>(times(members, steps));
  b.used = layout.book<std::uint32_t>(segments);
  return b;
}

/// The batch without segments that stand behind the last pair, where nobody asks for their scores.
kernels::Batch batch_that_counts(const LinearLossCall& call) {
  kernels::Batch batch = device_batch(call.batch, call.shape);
  if (batch.identity_pairs() && !call.result.scores.present()) batch.num_segments = 2 * batch.num_pairs;
  return batch;
}

/// One call, kernel by kernel. Everything is enqueued on the stream.
template <typename Element, typename Real>
class Run {
 public:
  /// @throws Error(invalid_argument) for a workspace that is too small
  Run(const LinearLossCall& call, Workspace workspace, cudaStream_t stream) : call_(call), workspace_(workspace), stream_(stream), batch_(batch_that_counts(call)) {
    WorkspaceLayout layout;
    buffers_ = book<Element, Real>(call.capacity, call.planned_feature_dim, layout);
    check_workspace(workspace, layout.total_bytes());
    weights_ = {batch_.num_members, call.features.shape[1], static_cast<const Real*>(call.head.weight.data), static_cast<const Real*>(call.head.bias.data), call.head.bias.size() > 1 ? 1 : 0};
    scores_ = call.result.scores.present() ? static_cast<Real*>(call.result.scores.data) : buffers_.scores.in(workspace);
    segments_.num_steps = batch_.num_steps;
    segments_.num_segments = call.shape.num_segments;
    segments_.offsets = batch_.offsets;
    segments_.begins = batch_.begins;
    segments_.lengths = batch_.lengths;
    segments_.aggregation = call.options.aggregation;
    segments_.set_discount(call.options.discount);
    segments_.set_longest_window(longest_segment(call.capacity, batch_.num_steps));
    segments_.num_segments = batch_.num_segments;  // windows are cut alike, whether scores are wanted or not
  }

  void enqueue() {
    const bool wants_head = call_.gradients.weight.present() || call_.gradients.bias.present(), wants_features = call_.gradients.features.present();
    const PairWork<Real> pairs{batch_, call_.loss, call_.options, call_.result, buffers_.pairs, workspace_, stream_};
    mark_used_segments();
    read_features();
    pairs.losses(scores_, wants_head || wants_features);
    if (!wants_head && !wants_features) return;
    const ScoreGradients<Real> gradients = pairs.score_gradients();
    if (wants_head) grad_head(gradients);
    if (wants_features) grad_features(gradients);
  }

 private:
  /// Segments in no pair of the batch are not read, unless somebody asks for their scores.
  void mark_used_segments() {
    if (batch_.identity_pairs() || call_.result.scores.present()) return;
    cuda::UsedSegmentsParams p;
    p.batch = batch_;
    p.num_lists = batch_.pair_order_member_stride > 0 ? batch_.num_members : 1;
    p.used = buffers_.used.in(workspace_);
    device::check(cuda::launch_mark_used_segments(p, stream_), "launch_mark_used_segments");
    segments_.used = p.used;
  }

  /// Sums of segments, their scores, and rewards of steps where they are wanted.
  void read_features() const {
    const bool wants_rewards = call_.step_rewards.present();
    cuda::FeatureSumsParams<Element, Real> reading;
    reading.segments = segments_;
    reading.weights = weights_;
    reading.features = static_cast<const Element*>(call_.features.data);
    reading.row_stride = call_.features.strides[0];
    reading.sums = buffers_.sums.in(workspace_);
    reading.partial_sums = buffers_.partial_sums.in(workspace_);
    reading.reward_parts = wants_rewards ? buffers_.reward_parts.in(workspace_) : nullptr;
    device::check(cuda::launch_feature_sums(reading, stream_), "launch_feature_sums");

    cuda::LinearScoresParams<Real> scores;
    scores.segments = segments_;
    scores.weights = weights_;
    scores.partial_sums = reading.partial_sums;
    scores.sums = reading.sums;
    scores.score_parts = buffers_.score_parts.in(workspace_);
    scores.scores = scores_;
    device::check(cuda::launch_linear_scores(scores, stream_), "launch_linear_scores");

    if (!wants_rewards) return;
    cuda::StepRewardsParams<Real> rewards;
    rewards.num_steps = batch_.num_steps;
    rewards.num_parts = cuda::num_reward_parts(reading);
    rewards.weights = weights_;
    rewards.reward_parts = reading.reward_parts;
    rewards.step_rewards = static_cast<Real*>(call_.step_rewards.data);
    device::check(cuda::launch_step_rewards(rewards, stream_), "launch_step_rewards");
  }

  void grad_head(const ScoreGradients<Real>& gradients) const {
    cuda::GradHeadParams<Real> p;
    p.segments = segments_;
    p.num_members = batch_.num_members;
    p.feature_dim = weights_.feature_dim;
    p.sums = buffers_.sums.in(workspace_);
    p.grad_scores = gradients.values;
    p.num_graded = gradients.num_graded;
    p.grad_scale = gradients.scale;
    p.slice_sums = buffers_.slice_sums.in(workspace_);
    p.grad_weight = static_cast<Real*>(call_.gradients.weight.data);
    p.grad_bias = static_cast<Real*>(call_.gradients.bias.data);
    p.bias_stride = weights_.bias_stride;
    device::check(cuda::launch_grad_head(p, stream_), "launch_grad_head");
  }

  /// Gradients of step rewards, which are narrow, then the one write of those of the features.
  void grad_features(const ScoreGradients<Real>& gradients) const {
    Real* const grad_step_rewards = buffers_.grad_step_rewards.in(workspace_);
    const SegmentWork<Real> steps{batch_, call_.options, call_.capacity, buffers_.expansion, workspace_, stream_};
    steps.expand(gradients.values, gradients.num_graded, gradients.scale, grad_step_rewards);
    cuda::GradFeaturesParams<Element, Real> p;
    p.num_members = batch_.num_members;
    p.num_steps = batch_.num_steps;
    p.feature_dim = weights_.feature_dim;
    p.weight = weights_.weight;
    p.grad_step_rewards = grad_step_rewards;
    p.grad_features = static_cast<Element*>(call_.gradients.features.data);
    device::check(cuda::launch_grad_features(p, stream_), "launch_grad_features");
  }

  const LinearLossCall& call_;
  Workspace workspace_;
  cudaStream_t stream_;
  kernels::Batch batch_;
  Buffers<Real> buffers_;
  cuda::LinearWeights<Real> weights_;
  cuda::FeatureSegments segments_;
  Real* scores_ = nullptr;
};

}  // namespace

std::size_t linear_preference_loss_bytes(const PreferenceCapacity& capacity, std::int64_t feature_dim) {
  const device::CurrentDevice current(capacity.device.index);
  WorkspaceLayout layout;
  with_element_types(capacity.dtype, [&]<typename Element, typename Real>(Element, Real) { book<Element, Real>(capacity, feature_dim, layout); });
  return layout.total_bytes();
}

std::string describe_linear_preference_loss(const PreferenceCapacity& capacity, std::int64_t feature_dim, std::size_t workspace_bytes) {
  const std::int64_t columns = with_element_types(capacity.dtype, []<typename Element, typename Real>(Element, Real) { return cuda::columns_per_block<Element>(); });
  const std::int64_t partial_sums = cuda::most_partial_sums(capacity.num_steps, capacity.num_segments, longest_segment(capacity, capacity.num_steps));
  return fmt::format(
      "linear_preference_loss on cuda:{}: up to {} members, {} steps of {} features ({}), {} segments, {} pairs; features read once, a block for {} rows of {} columns{}; scores and "
      "gradient of w from the sums; pairs by a thread each; one write of the gradient of the features; workspace {} bytes",
      capacity.device.index, capacity.num_members, capacity.num_steps, feature_dim, name_of(capacity.dtype), capacity.num_segments, capacity.num_pairs, cuda::rows_per_piece, columns,
      partial_sums > 0 ? fmt::format(", up to {} partial sums of longer segments", partial_sums) : "", workspace_bytes);
}

void linear_preference_loss(const Context& context, const LinearLossCall& call, Workspace workspace) {
  const device::CurrentDevice current(call.features.device.index);
  check_preference_values(context, call.capacity, device_batch(call.batch, call.shape), call.options);
  const auto stream = static_cast<cudaStream_t>(context.stream());
  with_element_types(call.features.dtype, [&]<typename Element, typename Real>(Element, Real) { Run<Element, Real>(call, workspace, stream).enqueue(); });
}

}  // namespace segpref::cuda_backend
