// preference_loss on a device: scores, pairs, their sums, and one expansion of the gradient (docs/design/0006-cuda-back-end.md).
#include <algorithm>

#include "host/cuda_backend/cuda_backend.hpp"
#include "host/cuda_backend/device_batch.hpp"
#include "host/cuda_backend/with_cuda/check_values.hpp"
#include "host/cuda_backend/with_cuda/segment_work.hpp"
#include "kernels/cuda/preference_loss/launch.hpp"

namespace segpref::cuda_backend {
namespace {

template <typename Real>
struct Buffers {
  SegmentBuffers<Real> segments;
  Booked<Real> scores, grad_pairs, grad_scores, grad_scale;
  Booked<double> block_sums;
  Booked<std::uint64_t> keys, sorted_keys;
  Booked<std::uint32_t> entries, sorted_entries, first_entries;
  Booked<std::byte> sort_storage;
};

template <typename Real>
Buffers<Real> book(const PreferenceCapacity& capacity, WorkspaceLayout& layout) {
  const auto times = [](std::int64_t a, std::int64_t b) { return validation::product("workspace", a, b); };
  const std::int64_t members = capacity.num_members, in_batch = capacity.num_batch_pairs > 0 ? capacity.num_batch_pairs : capacity.num_pairs;
  const std::int64_t pairs = times(members, in_batch), scores = times(members, capacity.num_segments), entries = times(2, pairs);
  if (entries > cuda::max_sorted || capacity.num_segments > cuda::max_sorted)
    throw Error(ErrorCode::unsupported, fmt::format("a plan for CUDA takes up to {} segments, and as many sides of pairs over all members: this one has {} and {}", cuda::max_sorted,
                                                    capacity.num_segments, entries));
  Buffers<Real> b;
  b.segments = book_segments<Real>(capacity.num_members, capacity.num_steps, capacity.num_segments, capacity.max_segment_steps, layout);
  b.scores = layout.book<Real>(scores);
  b.grad_pairs = layout.book<Real>(entries);
  b.grad_scores = layout.book<Real>(scores);
  b.grad_scale = layout.book<Real>(members);
  b.block_sums = layout.book<double>(times(members * cuda::num_pair_sums, cuda::num_pair_blocks(in_batch)));
  b.keys = layout.book<std::uint64_t>(entries);
  b.sorted_keys = layout.book<std::uint64_t>(entries);
  b.entries = layout.book<std::uint32_t>(entries);
  b.sorted_entries = layout.book<std::uint32_t>(entries);
  b.first_entries = layout.book<std::uint32_t>(scores + 1);
  std::size_t sort_bytes = 0;
  device::check(cuda::sort_by_key_bytes(entries, cuda::bits_of(scores), sort_bytes), "sort_by_key_bytes");
  b.sort_storage = layout.book<std::byte>(static_cast<std::int64_t>(sort_bytes));
  return b;
}

/// Gradients of scores where segments may stand in several pairs.
template <typename Real>
void add_up_pairs(const kernels::Batch& batch, const Buffers<Real>& b, Workspace workspace, cudaStream_t stream) {
  cuda::SegmentEntriesParams e;
  e.batch = batch;
  e.num_lists = batch.pair_order_member_stride > 0 ? batch.num_members : 1;
  e.keys = b.keys.in(workspace);
  e.entries = b.entries.in(workspace);
  const cuda::SortArrays sort{e.keys, e.entries, b.sorted_keys.in(workspace), b.sorted_entries.in(workspace)};
  device::check(cuda::launch_segment_keys(e, stream), "launch_segment_keys");
  device::check(cuda::sort_by_key(b.sort_storage.in(workspace), static_cast<std::size_t>(b.sort_storage.count), sort, e.num_entries(), cuda::bits_of(e.num_keys()), stream), "sort_by_key");
  device::check(cuda::launch_first_entries(sort.sorted_keys, e.num_entries(), e.num_keys(), b.first_entries.in(workspace), stream), "launch_first_entries");
  cuda::GatherGradientsParams<Real, Real> g;
  g.num_members = batch.num_members;
  g.num_segments = batch.num_segments;
  g.num_entries = 2 * batch.num_batch_pairs;
  g.num_lists = e.num_lists;
  g.sorted_entries = sort.sorted_values;
  g.first_entries = b.first_entries.in(workspace);
  g.grad_entries = b.grad_pairs.in(workspace);
  g.grad_scores = b.grad_scores.in(workspace);
  device::check(cuda::launch_gather_gradients(g, stream), "launch_gather_gradients");
}

template <typename Element, typename Real>
void run(const PreferenceCapacity& capacity, const ConstTensorView& step_rewards, const kernels::Batch& batch, const kernels::LossParams& loss, const PreferenceOptions& options,
         const PreferenceResult& result, const TensorView& grad_step_rewards, Workspace workspace, cudaStream_t stream) {
  WorkspaceLayout layout;
  const Buffers<Real> b = book<Real>(capacity, layout);
  check_workspace(workspace, layout.total_bytes());
  const SegmentWork<Real> segments{batch, options, capacity, b.segments, workspace, stream};

  Real* scores = result.scores.present() ? static_cast<Real*>(result.scores.data) : b.scores.in(workspace);
  segments.scores(static_cast<const Element*>(step_rewards.data), scores);

  cuda::PairLossParams<Real> pairs;
  pairs.batch = batch;
  pairs.loss = loss;
  pairs.tie_parameter = reals(options.tie_parameter, 0.0);
  pairs.tie_parameter.member_stride = options.tie_parameter.size() > 1 ? 1 : 0;
  pairs.scores = scores;
  pairs.loss_per_pair = static_cast<Real*>(result.loss_per_pair.data);
  pairs.logits = static_cast<Real*>(result.logits.data);
  pairs.grad_pairs = grad_step_rewards.present() ? b.grad_pairs.in(workspace) : nullptr;
  pairs.block_sums = b.block_sums.in(workspace);
  device::check(cuda::launch_pair_loss(pairs, stream), "launch_pair_loss");

  cuda::PairSumsParams<Real> sums;
  sums.num_members = batch.num_members;
  sums.num_blocks = cuda::num_pair_blocks(batch.num_batch_pairs);
  sums.is_mean = options.reduction == Reduction::mean;
  sums.normalizer = options.normalizer.value_or(0.0);
  sums.shared_tie_parameter = options.tie_parameter.size() == 1;
  sums.block_sums = pairs.block_sums;
  sums.reduced_loss = static_cast<Real*>(result.loss.data);
  sums.metrics = static_cast<double*>(result.metrics.data);
  sums.grad_tie_parameter = static_cast<Real*>(result.grad_tie_parameter.data);
  sums.grad_scale = b.grad_scale.in(workspace);
  device::check(cuda::launch_pair_sums(sums, stream), "launch_pair_sums");
  if (!grad_step_rewards.present()) return;

  auto* grad_steps = static_cast<Element*>(grad_step_rewards.data);
  if (batch.identity_pairs()) return segments.expand(pairs.grad_pairs, 2 * batch.num_pairs, sums.grad_scale, grad_steps);
  add_up_pairs(batch, b, workspace, stream);
  segments.expand(b.grad_scores.in(workspace), batch.num_segments, sums.grad_scale, grad_steps);
}

}  // namespace

std::size_t preference_loss_bytes(const PreferenceCapacity& capacity) {
  const device::CurrentDevice current(capacity.device.index);
  WorkspaceLayout layout;
  if (capacity.dtype == DType::f64) book<double>(capacity, layout);
  else book<float>(capacity, layout);
  return layout.total_bytes();
}

std::string describe_preference_loss(const PreferenceCapacity& capacity, std::size_t workspace_bytes) {
  const bool has_pieces = segment_regime(false, capacity.num_steps, capacity.max_segment_steps) == cuda::SegmentRegime::mixed_lengths;
  return fmt::format(
      "preference_loss on cuda:{}: up to {} members, {} steps ({}), {} segments, {} pairs; scores by a warp per segment{}; pairs by a thread each, sums of {} blocks; "
      "pairs that share segments: gradients sorted by segment and added in order; one gradient write; workspace {} bytes",
      capacity.device.index, capacity.num_members, capacity.num_steps, name_of(capacity.dtype), capacity.num_segments, capacity.num_pairs,
      has_pieces ? fmt::format(", of more than {} steps by a block per piece", cuda::steps_per_piece) : "",
      cuda::num_pair_blocks(capacity.num_batch_pairs > 0 ? capacity.num_batch_pairs : capacity.num_pairs), workspace_bytes);
}

void preference_loss(const Context& context, const PreferenceCapacity& capacity, const ConstTensorView& step_rewards, const PreferenceBatch& in, const validation::BatchShape& shape,
                     const kernels::LossParams& loss, const PreferenceOptions& options, const PreferenceResult& result, const TensorView& grad_step_rewards, Workspace workspace) {
  const device::CurrentDevice current(step_rewards.device.index);
  const auto stream = static_cast<cudaStream_t>(context.stream());
  const kernels::Batch batch = device_batch(in, shape);
  check_preference_values(context, capacity, batch, options);
  const auto call = [&]<typename Element, typename Real>(Element, Real) {
    run<Element, Real>(capacity, step_rewards, batch, loss, options, result, grad_step_rewards, workspace, stream);
  };
  switch (step_rewards.dtype) {
    case DType::f32: return call(0.0f, 0.0f);
    case DType::f64: return call(0.0, 0.0);
    case DType::bf16: return call(bf16(), 0.0f);
    default: return call(f16(), 0.0f);
  }
}

}  // namespace segpref::cuda_backend
