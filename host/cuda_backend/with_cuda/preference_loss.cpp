// preference_loss on a device: scores, pairs, their sums, and one expansion of the gradient (docs/design/0006-cuda-back-end.md).
#include "host/cuda_backend/cuda_backend.hpp"
#include "host/cuda_backend/device_batch.hpp"
#include "host/cuda_backend/with_cuda/check_values.hpp"
#include "host/cuda_backend/with_cuda/element_types.hpp"
#include "host/cuda_backend/with_cuda/segment_work.hpp"
#include "host/cuda_backend/with_cuda/small_batch.hpp"
#include "kernels/cuda/preference_loss/launch.hpp"

namespace segpref::cuda_backend {
namespace {

template <typename Real>
struct Buffers {
  SegmentBuffers<Real> segments;
  PairBuffers<Real> pairs;
  Booked<Real> scores;
};

template <typename Real>
Buffers<Real> book(const PreferenceCapacity& capacity, WorkspaceLayout& layout) {
  Buffers<Real> b;
  b.pairs = book_pairs<Real>(capacity, layout);
  b.segments = book_segments<Real>(capacity.num_members, capacity.num_steps, capacity.num_segments, capacity.max_segment_steps, layout);
  b.scores = layout.book<Real>(validation::product("workspace", capacity.num_members, capacity.num_segments));
  return b;
}

template <typename Element, typename Real>
void run(const PreferenceCapacity& capacity, const ConstTensorView& step_rewards, const kernels::Batch& batch, const kernels::LossParams& loss, const PreferenceOptions& options,
         const PreferenceResult& result, const TensorView& grad_step_rewards, Workspace workspace, cudaStream_t stream) {
  WorkspaceLayout layout;
  const Buffers<Real> b = book<Real>(capacity, layout);
  check_workspace(workspace, layout.total_bytes());
  const PairWork<Real> pairs{batch, loss, options, result, b.pairs, workspace, stream};
  if (is_small(capacity) && fits_small_batch(pairs)) return run_small_batch(step_rewards, pairs, grad_step_rewards);

  const SegmentWork<Real> segments{batch, options, capacity, b.segments, workspace, stream};
  Real* scores = result.scores.present() ? static_cast<Real*>(result.scores.data) : b.scores.in(workspace);
  segments.scores(static_cast<const Element*>(step_rewards.data), scores);
  pairs.losses(scores, grad_step_rewards.present());
  if (!grad_step_rewards.present()) return;
  const ScoreGradients<Real> gradients = pairs.score_gradients();
  segments.expand(gradients.values, gradients.num_graded, gradients.scale, static_cast<Element*>(grad_step_rewards.data));
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
  return fmt::format(
      "preference_loss on cuda:{}: up to {} members, {} steps ({}), {} segments, {} pairs; {}{}; pairs by a thread each, sums of {} blocks; "
      "pairs that share segments: gradients sorted by segment and added in order; one gradient write; workspace {} bytes",
      capacity.device.index, capacity.num_members, capacity.num_steps, name_of(capacity.dtype), capacity.num_segments, capacity.num_pairs,
      is_small(capacity) ? "one launch, a block per member, for batches with offsets; else " : "", describe_scores(capacity.num_steps, capacity.max_segment_steps),
      cuda::num_pair_blocks(num_batch_pairs(capacity)), workspace_bytes);
}

void preference_loss(const Context& context, const PreferenceCapacity& capacity, const ConstTensorView& step_rewards, const PreferenceBatch& in, const validation::BatchShape& shape,
                     const kernels::LossParams& loss, const PreferenceOptions& options, const PreferenceResult& result, const TensorView& grad_step_rewards, Workspace workspace) {
  const device::CurrentDevice current(step_rewards.device.index);
  const auto stream = static_cast<cudaStream_t>(context.stream());
  const kernels::Batch batch = device_batch(in, shape);
  check_preference_values(context, capacity, batch, options);
  with_element_types(step_rewards.dtype, [&]<typename Element, typename Real>(Element, Real) {
    run<Element, Real>(capacity, step_rewards, batch, loss, options, result, grad_step_rewards, workspace, stream);
  });
}

}  // namespace segpref::cuda_backend
