#include "host/cuda_backend/with_cuda/pair_work.hpp"

#include "host/cuda_backend/device_batch.hpp"
#include "host/device/with_cuda/check.hpp"
#include "kernels/cuda/preference_loss/launch.hpp"
#include "kernels/cuda/primitives/device_algorithms.hpp"  // max_sorted

namespace segpref::cuda_backend {
namespace {

std::int64_t times(std::int64_t a, std::int64_t b) { return validation::product("workspace", a, b); }

/// Sides of pairs over all members.
std::int64_t num_sides(const PreferenceCapacity& capacity) { return times(2, times(capacity.num_members, num_batch_pairs(capacity))); }

}  // namespace

template <typename Real>
PairBuffers<Real> book_side_pairs(const PreferenceCapacity& capacity, WorkspaceLayout& layout) {
  if (num_sides(capacity) > cuda::max_sorted)
    throw Error(ErrorCode::unsupported, fmt::format("a plan for CUDA takes up to {} sides of pairs over all members: this one has {}", cuda::max_sorted, num_sides(capacity)));
  PairBuffers<Real> b;
  b.grad_pairs = layout.book<Real>(num_sides(capacity));
  b.grad_scale = layout.book<Real>(capacity.num_members);
  b.block_sums = layout.book<double>(times(capacity.num_members * cuda::num_pair_sums, cuda::num_pair_blocks(num_batch_pairs(capacity))));
  return b;
}

template <typename Real>
PairBuffers<Real> book_pairs(const PreferenceCapacity& capacity, WorkspaceLayout& layout) {
  const std::int64_t scores = times(capacity.num_members, capacity.num_segments), entries = num_sides(capacity);
  if (entries > cuda::max_sorted || capacity.num_segments > cuda::max_sorted)
    throw Error(ErrorCode::unsupported, fmt::format("a plan for CUDA takes up to {} segments, and as many sides of pairs over all members: this one has {} and {}", cuda::max_sorted,
                                                    capacity.num_segments, entries));
  PairBuffers<Real> b = book_side_pairs<Real>(capacity, layout);
  b.grad_scores = layout.book<Real>(scores);
  b.sides = book_sorted_entries(entries, scores, layout);
  return b;
}

template <typename Real>
cuda::PairLossParams<Real> PairWork<Real>::pair_params() const {
  cuda::PairLossParams<Real> p;
  p.batch = batch;
  p.loss = loss;
  p.tie_parameter = reals(options.tie_parameter, 0.0);
  p.tie_parameter.member_stride = options.tie_parameter.size() > 1 ? 1 : 0;
  p.loss_per_pair = static_cast<Real*>(result.loss_per_pair.data);
  p.logits = static_cast<Real*>(result.logits.data);
  return p;
}

template <typename Real>
cuda::PairSumsParams<Real> PairWork<Real>::sums_params() const {
  cuda::PairSumsParams<Real> p;
  p.num_members = batch.num_members;
  p.is_mean = options.reduction == Reduction::mean;
  p.normalizer = options.normalizer.value_or(0.0);
  p.shared_tie_parameter = options.tie_parameter.size() == 1;
  p.reduced_loss = static_cast<Real*>(result.loss.data);
  p.metrics = static_cast<double*>(result.metrics.data);
  p.grad_tie_parameter = static_cast<Real*>(result.grad_tie_parameter.data);
  return p;
}

template <typename Real>
void PairWork<Real>::losses(const Real* scores, bool wants_gradients) const {
  cuda::PairLossParams<Real> pairs = pair_params();
  pairs.scores = scores;
  launch_losses(pairs, wants_gradients);
}

template <typename Real>
void PairWork<Real>::side_losses(const Real* side_scores, bool wants_gradients, std::uint8_t* pair_counted) const {
  cuda::PairLossParams<Real> pairs = pair_params();
  pairs.side_scores = side_scores;
  pairs.pair_counted = pair_counted;
  launch_losses(pairs, wants_gradients);
}

template <typename Real>
void PairWork<Real>::launch_losses(cuda::PairLossParams<Real>& pairs, bool wants_gradients) const {
  pairs.grad_pairs = wants_gradients ? buffers.grad_pairs.in(workspace) : nullptr;
  pairs.block_sums = buffers.block_sums.in(workspace);
  device::check(cuda::launch_pair_loss(pairs, stream), "launch_pair_loss");

  cuda::PairSumsParams<Real> sums = sums_params();
  sums.num_blocks = cuda::num_pair_blocks(batch.num_batch_pairs);
  sums.block_sums = pairs.block_sums;
  sums.grad_scale = buffers.grad_scale.in(workspace);
  device::check(cuda::launch_pair_sums(sums, stream), "launch_pair_sums");
}

template <typename Real>
ScoreGradients<Real> PairWork<Real>::score_gradients() const {
  const Real* scale = buffers.grad_scale.in(workspace);
  if (batch.identity_pairs()) return {buffers.grad_pairs.in(workspace), 2 * batch.num_pairs, scale};  // (0, 1), (2, 3), ...: the gradients of pairs are those of scores
  add_up_pairs();
  return {buffers.grad_scores.in(workspace), batch.num_segments, scale};
}

template <typename Real>
void PairWork<Real>::add_up_pairs() const {
  cuda::SegmentEntriesParams e;
  e.batch = batch;
  e.num_lists = batch.pair_order_member_stride > 0 ? batch.num_members : 1;
  e.keys = buffers.sides.keys.in(workspace);
  e.entries = buffers.sides.entries.in(workspace);
  device::check(cuda::launch_segment_keys(e, stream), "launch_segment_keys");
  sort_entries(buffers.sides, e.num_entries(), e.num_keys(), workspace, stream);
  cuda::GatherGradientsParams<Real, Real> g;
  g.num_members = batch.num_members;
  g.num_segments = batch.num_segments;
  g.num_entries = 2 * batch.num_batch_pairs;
  g.num_lists = e.num_lists;
  g.sorted_entries = buffers.sides.sorted_entries.in(workspace);
  g.first_entries = buffers.sides.first_entries.in(workspace);
  g.grad_entries = buffers.grad_pairs.in(workspace);
  g.grad_scores = buffers.grad_scores.in(workspace);
  device::check(cuda::launch_gather_gradients(g, stream), "launch_gather_gradients");
}

template PairBuffers<float> book_side_pairs(const PreferenceCapacity&, WorkspaceLayout&);
template PairBuffers<float> book_pairs(const PreferenceCapacity&, WorkspaceLayout&);
template PairBuffers<double> book_pairs(const PreferenceCapacity&, WorkspaceLayout&);
template struct PairWork<float>;
template struct PairWork<double>;

}  // namespace segpref::cuda_backend
