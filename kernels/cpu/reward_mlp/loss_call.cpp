#include "kernels/cpu/reward_mlp/loss_call.hpp"

#include <algorithm>

namespace segpref::cpu::mlp {
namespace {

/// Tasks of the backward pass, all members together: enough to share evenly among some tens of threads.
constexpr std::int64_t backward_tasks = 48;
/// Activations of all rows are kept by the steps path up to this size; beyond it they are computed again.
constexpr std::int64_t max_stored_bytes = std::int64_t{1} << 30;
/// Arrays of one value per row in ThreadRows.
constexpr std::int64_t values_per_row = 5;
/// Steps that stand in several pairs are computed once for each on the pairs path: it is taken while they are at most one in this many.
constexpr std::int64_t least_distinct_share = 8;

}  // namespace

template <typename Real>
LossBuffers<Real> book_loss(const PreciseNetwork<Real>& network, const PreferenceCapacity& capacity, int num_threads, WorkspaceLayout& layout) {
  const Shape& shape = network.shape;
  const auto times = [](std::int64_t a, std::int64_t b) { return validation::product("workspace", a, b); };
  LossBuffers<Real> b;
  b.row_capacity = capacity.num_batch_steps > 0 ? std::min(capacity.num_batch_steps, capacity.num_steps) : capacity.num_steps;
  b.pair_capacity = capacity.num_batch_pairs > 0 ? capacity.num_batch_pairs : capacity.num_pairs;
  const std::int64_t members = network.architecture.num_members;
  b.max_slabs = std::clamp<std::int64_t>(num_tiles(b.row_capacity), 1, std::max<std::int64_t>(2, backward_tasks / members));

  const std::int64_t rows = times(members, b.row_capacity), pairs = times(members, b.pair_capacity), segments = times(2, pairs);
  b.packed = layout.book<Real>(times(members, shape.packed_size));
  b.slab_gradients = layout.book<Real>(times(members * b.max_slabs, shape.grad_size));
  b.discount_powers = layout.book<Real>(capacity.num_steps);
  b.feature_scale = layout.book<Real>(2 * shape.padded_width[0]);

  b.begins = layout.book<std::int64_t>(segments);
  b.lengths = layout.book<std::int64_t>(segments);
  b.by_begin = layout.book<std::int64_t>(segments);
  b.reach = layout.book<std::int64_t>(segments);
  b.scores = layout.book<Real>(segments);
  b.grad_scores = layout.book<Real>(segments);
  b.grad_pairs = layout.book<Real>(segments);
  b.labels = layout.book<Real>(pairs);
  b.weights = layout.book<Real>(pairs);
  b.margins = layout.book<Real>(pairs);
  b.segment_counted = layout.book<std::uint8_t>(segments);
  b.pair_counted = layout.book<std::uint8_t>(pairs);
  b.slab_sums = layout.book<PairSums>(members * std::max(b.max_slabs, num_pair_slabs(b.pair_capacity)));

  b.steps = layout.book<std::int64_t>(rows);
  b.rewards = layout.book<Real>(rows);
  b.reward_slopes = layout.book<Real>(rows);
  b.grad_rewards = layout.book<Real>(rows);
  b.row_use = layout.book<std::uint8_t>(rows);

  // A group has no more rows than the batch has steps, but each may stand in it twice.
  const std::int64_t group = b.group_capacity = std::clamp(times(2, b.row_capacity), rows_per_tile, max_group_rows);
  b.thread_steps = layout.book<std::int64_t>(num_threads * group);
  b.thread_features = layout.book<Real>(num_threads * group * shape.padded_width[0]);
  b.thread_row_values = layout.book<Real>(num_threads * values_per_row * group);
  b.thread_grad_features = layout.book<Real>(num_threads * rows_per_tile * shape.padded_width[0]);
  b.thread_scratch = layout.book<Real>(num_threads * network.scratch_size(rows_per_tile));

  const std::int64_t all_tiles = times(members, num_tiles(b.row_capacity)), arrays = shape.needs_slopes ? 2 : 1;
  const std::int64_t stored = times(times(all_tiles, rows_per_tile), network.stored_width());
  b.stores_activations = times(stored, arrays * static_cast<std::int64_t>(sizeof(Real))) <= max_stored_bytes;
  const std::int64_t per_thread = num_threads * group * network.stored_width();
  const std::int64_t kept = b.stores_activations ? std::max(stored, per_thread) : per_thread;
  b.activations = layout.book<Real>(kept);
  b.slopes = layout.book<Real>(shape.needs_slopes ? kept : 0);
  return b;
}

template <typename Real>
ThreadRows<Real> LossCall<Real>::rows_of_thread(int thread) const {
  const std::int64_t group = buffers.group_capacity, width = shape().padded_width[0];
  Real* values = at(buffers.thread_row_values, thread * values_per_row * group);
  return {at(buffers.thread_steps, thread * group),
          at(buffers.thread_features, thread * group * width),
          values,
          values + group,
          values + 2 * group,
          values + 3 * group,
          values + 4 * group,
          at(buffers.thread_grad_features, thread * rows_per_tile * width),
          at(buffers.thread_scratch, thread * network.scratch_size(rows_per_tile))};
}

template <typename Real>
void LossCall<Real>::gather_values(std::int64_t member, std::int64_t begin, std::int64_t end, Batch& to) const {
  constexpr bool wide = std::is_same_v<Real, double>;
  Real *label = at(buffers.labels, pair_at(member, begin)), *weight = at(buffers.weights, pair_at(member, begin)), *margin = at(buffers.margins, pair_at(member, begin));
  for (std::int64_t k = begin; k < end; ++k) {
    const std::int64_t pair = batch.pair_at(member, k);
    label[k - begin] = static_cast<Real>(batch.labels(0, pair));
    weight[k - begin] = static_cast<Real>(batch.weights(member, pair));
    margin[k - begin] = static_cast<Real>(batch.margins(member, pair));
  }
  to.labels = {label, wide, 0, 0.0};
  to.weights = {weight, wide, 0, 1.0};
  if (batch.margins.present()) to.margins = {margin, wide, 0, 0.0};
}

template <typename Real>
RealArray LossCall<Real>::tie_parameter_of(std::int64_t member) const {
  const ConstTensorView& tie = options.tie_parameter;
  if (!tie.present()) return {};
  return {static_cast<const std::byte*>(tie.data) + (tie.size() > 1 ? member * size_of(tie.dtype) : 0), tie.dtype == DType::f64, 0, 0.0};
}

template <typename Real>
void LossCall<Real>::store_scores() const {
  if (!result.scores.present()) return;
  Real* out = static_cast<Real*>(result.scores.data);
  std::fill_n(out, num_members() * batch.num_segments, Real(0));
  for (std::int64_t member = 0; member < num_members(); ++member)
    for (std::int64_t k = 0; k < batch.num_batch_pairs; ++k)
      for (int side = 0; side < 2; ++side) {
        const std::int64_t segment = batch.segment_of(batch.pair_at(member, k), side), position = 2 * pair_at(member, k) + side;
        if (*at(buffers.lengths, position) > 0) out[member * batch.num_segments + segment] = *at(buffers.scores, position);
      }
}

template <typename Real>
bool takes_pairs_path(const LossCall<Real>& call) {
  if (!call.gradients.parameters.present() || call.wants_feature_gradients() || call.step_rewards.present()) return false;
  for (std::int64_t member = 0; member < call.num_members(); ++member) {
    const LocalPairs& local = call.local[static_cast<std::size_t>(member)];
    std::int64_t rows = 0;
    for (std::int64_t k = 0; k < local.num_pairs; ++k) {
      const std::int64_t rows_of_pair = local.lengths[2 * k] + local.lengths[2 * k + 1];
      if (rows_of_pair > call.buffers.group_capacity) return false;
      rows += rows_of_pair;
    }
    if (rows - local.num_rows > rows / least_distinct_share) return false;
  }
  return true;
}

#define SEGPREF_INSTANTIATE(Real)                                                                                                  \
  template LossBuffers<Real> book_loss<Real>(const PreciseNetwork<Real>&, const PreferenceCapacity&, int, WorkspaceLayout&);         \
  template struct LossCall<Real>;                                                                                                  \
  template bool takes_pairs_path<Real>(const LossCall<Real>&);
SEGPREF_INSTANTIATE(float)
SEGPREF_INSTANTIATE(double)
#undef SEGPREF_INSTANTIATE

}  // namespace segpref::cpu::mlp
