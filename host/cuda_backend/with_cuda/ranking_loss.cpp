// ranking_loss on a device: scores, rankings, their sums, gradients added up by segment, and one expansion (docs/design/0006-cuda-back-end.md).
#include <algorithm>

#include "host/cuda_backend/cuda_backend.hpp"
#include "host/cuda_backend/device_batch.hpp"
#include "host/cuda_backend/with_cuda/check_values.hpp"
#include "host/cuda_backend/with_cuda/element_types.hpp"
#include "host/cuda_backend/with_cuda/segment_work.hpp"
#include "host/cuda_backend/with_cuda/sorted_entries.hpp"
#include "kernels/cuda/preference_loss/launch.hpp"
#include "kernels/cuda/ranking_loss/launch.hpp"

namespace segpref::cuda_backend {
namespace {

/// A RankingBatch as the kernels read it.
struct DeviceRankings {
  kernels::Batch segments;
  kernels::Rankings rankings;
};

DeviceRankings device_rankings(const RankingBatch& in, const validation::RankingShape& shape) {
  DeviceRankings batch;
  batch.segments.num_members = shape.num_members;
  batch.segments.num_steps = shape.num_steps;
  batch.segments.num_segments = shape.num_segments;
  batch.segments.offsets = indices(in.offsets);
  batch.segments.begins = indices(in.begins);
  batch.segments.lengths = indices(in.lengths);
  batch.rankings = {shape.num_rankings, shape.num_entries, in.ranking_top, indices(in.rankings), indices(in.ranking_offsets), reals(in.weights, 1.0)};
  return batch;
}

template <typename Real>
struct Buffers {
  SegmentBuffers<Real> segments;
  Booked<Real> scores, grad_scores, grad_scale;
  Booked<double> grad_entries, block_sums;
  SortedEntriesBuffers entries;
};

/// The current device is the plan's.
/// @throws Error(unsupported) for more segments or entries than are sorted at once; rankings have two entries or more
template <typename Real>
Buffers<Real> book(const RankingCapacity& capacity, WorkspaceLayout& layout) {
  const auto times = [](std::int64_t a, std::int64_t b) { return validation::product("workspace", a, b); };
  const std::int64_t members = capacity.num_members, entries = capacity.num_entries, scores = times(members, capacity.num_segments);
  if (std::max({entries, capacity.num_segments, capacity.num_rankings}) >= cuda::max_sorted)
    throw Error(ErrorCode::unsupported, fmt::format("a plan for CUDA takes fewer than {} segments, rankings and entries: this one has {}, {} and {}", cuda::max_sorted,
                                                    capacity.num_segments, capacity.num_rankings, entries));
  Buffers<Real> b;
  b.segments = book_segments<Real>(members, capacity.num_steps, capacity.num_segments, capacity.max_segment_steps, layout);
  b.scores = layout.book<Real>(scores);
  b.grad_scores = layout.book<Real>(scores);
  b.grad_scale = layout.book<Real>(members);
  b.grad_entries = layout.book<double>(times(members, entries));
  b.block_sums = layout.book<double>(times(members * cuda::num_ranking_sums, cuda::num_ranking_blocks(capacity.num_rankings)));
  b.entries = book_sorted_entries(entries, capacity.num_segments, layout);
  return b;
}

/// Gradients of scores [num_members, num_segments]: what each segment got from its rankings, in their order.
template <typename Real>
void add_up_entries(const DeviceRankings& in, const Buffers<Real>& b, Workspace workspace, cudaStream_t stream) {
  const std::int64_t num_entries = in.rankings.num_entries, num_segments = in.segments.num_segments;
  const cuda::RankingKeysParams keys{num_segments, in.rankings.num_rankings, num_entries, in.rankings.entries, in.rankings.offsets, b.entries.keys.in(workspace), b.entries.entries.in(workspace)};
  device::check(cuda::launch_ranking_keys(keys, stream), "launch_ranking_keys");
  sort_entries(b.entries, num_entries, num_segments, workspace, stream);
  cuda::GatherGradientsParams<double, Real> g;
  g.num_members = in.segments.num_members;
  g.num_segments = num_segments;
  g.num_entries = num_entries;
  g.sorted_entries = b.entries.sorted_entries.in(workspace);
  g.first_entries = b.entries.first_entries.in(workspace);
  g.grad_entries = b.grad_entries.in(workspace);
  g.grad_scores = b.grad_scores.in(workspace);
  device::check(cuda::launch_gather_gradients(g, stream), "launch_gather_gradients");
}

template <typename Element, typename Real>
void run(const RankingCapacity& capacity, const ConstTensorView& step_rewards, const DeviceRankings& in, const PreferenceOptions& options, const RankingResult& result,
         const TensorView& grad_step_rewards, Workspace workspace, cudaStream_t stream) {
  WorkspaceLayout layout;
  const Buffers<Real> b = book<Real>(capacity, layout);
  check_workspace(workspace, layout.total_bytes());
  PreferenceCapacity of_segments;
  of_segments.max_segment_steps = capacity.max_segment_steps;
  const SegmentWork<Real> segments{in.segments, options, of_segments, b.segments, workspace, stream};

  Real* scores = result.scores.present() ? static_cast<Real*>(result.scores.data) : b.scores.in(workspace);
  segments.scores(static_cast<const Element*>(step_rewards.data), scores);

  cuda::RankingLossParams<Real> rankings;
  rankings.num_members = in.segments.num_members;
  rankings.num_segments = in.segments.num_segments;
  rankings.num_rankings = in.rankings.num_rankings;
  rankings.num_entries = in.rankings.num_entries;
  rankings.top = in.rankings.top;
  rankings.entries = in.rankings.entries;
  rankings.offsets = in.rankings.offsets;
  rankings.weights = in.rankings.weights;
  rankings.temperature = options.temperature;
  rankings.skip_nonfinite = options.nonfinite == NonFinite::skip;
  rankings.scores = scores;
  rankings.loss_per_ranking = static_cast<Real*>(result.loss_per_ranking.data);
  rankings.grad_entries = grad_step_rewards.present() ? b.grad_entries.in(workspace) : nullptr;
  rankings.block_sums = b.block_sums.in(workspace);
  device::check(cuda::launch_ranking_loss(rankings, stream), "launch_ranking_loss");

  cuda::RankingSumsParams<Real> sums;
  sums.num_members = in.segments.num_members;
  sums.num_blocks = cuda::num_ranking_blocks(in.rankings.num_rankings);
  sums.is_mean = options.reduction == Reduction::mean;
  sums.normalizer = options.normalizer.value_or(0.0);
  sums.block_sums = rankings.block_sums;
  sums.reduced_loss = static_cast<Real*>(result.loss.data);
  sums.metrics = static_cast<double*>(result.metrics.data);
  sums.grad_scale = b.grad_scale.in(workspace);
  device::check(cuda::launch_ranking_sums(sums, stream), "launch_ranking_sums");
  if (!grad_step_rewards.present()) return;

  add_up_entries(in, b, workspace, stream);
  segments.expand(b.grad_scores.in(workspace), in.segments.num_segments, sums.grad_scale, static_cast<Element*>(grad_step_rewards.data));
}

}  // namespace

std::size_t ranking_loss_bytes(const RankingCapacity& capacity) {
  const device::CurrentDevice current(capacity.device.index);
  WorkspaceLayout layout;
  if (capacity.dtype == DType::f64) book<double>(capacity, layout);
  else book<float>(capacity, layout);
  return layout.total_bytes();
}

std::string describe_ranking_loss(const RankingCapacity& capacity, std::size_t workspace_bytes) {
  return fmt::format(
      "ranking_loss on cuda:{}: up to {} members, {} steps ({}), {} segments, {} rankings of {} entries in all; {}; "
      "rankings by a thread each, sums of {} blocks; gradients sorted by segment and added in order; one gradient write; workspace {} bytes",
      capacity.device.index, capacity.num_members, capacity.num_steps, name_of(capacity.dtype), capacity.num_segments, capacity.num_rankings, capacity.num_entries,
      describe_scores(capacity.num_steps, capacity.max_segment_steps), cuda::num_ranking_blocks(capacity.num_rankings), workspace_bytes);
}

void ranking_loss(const Context& context, const RankingCapacity& capacity, const ConstTensorView& step_rewards, const RankingBatch& in, const validation::RankingShape& shape,
                  const PreferenceOptions& options, const RankingResult& result, const TensorView& grad_step_rewards, Workspace workspace) {
  const device::CurrentDevice current(step_rewards.device.index);
  const auto stream = static_cast<cudaStream_t>(context.stream());
  const DeviceRankings batch = device_rankings(in, shape);
  if (context.checks_values()) check_values(context, capacity.device.index, validation::ranking_values(batch.segments, batch.rankings, capacity.max_segment_steps));
  with_element_types(step_rewards.dtype, [&]<typename Element, typename Real>(Element, Real) {
    run<Element, Real>(capacity, step_rewards, batch, options, result, grad_step_rewards, workspace, stream);
  });
}

}  // namespace segpref::cuda_backend
