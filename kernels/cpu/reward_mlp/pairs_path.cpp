#include <algorithm>

#include "kernels/cpu/reward_mlp/activations.hpp"
#include "kernels/cpu/reward_mlp/loss_call.hpp"

namespace segpref::cpu::mlp {
namespace {

constexpr std::int64_t most_slabs = 64;
constexpr std::int64_t even(std::int64_t count) { return count + count % 2; }

/// How a member's pairs are shared among tasks: slab s is the pairs [begins[s], begins[s + 1]), with about as many rows each.
struct Slabs {
  std::int64_t count = 0;
  std::array<std::int64_t, most_slabs + 1> begins{};
};

std::int64_t rows_of_pair(const LocalPairs& local, std::int64_t pair) { return local.lengths[2 * pair] + local.lengths[2 * pair + 1]; }

std::int64_t rows_of_pairs(const LocalPairs& local, std::int64_t begin, std::int64_t end) {
  std::int64_t rows = 0;
  for (std::int64_t pair = begin; pair < end; ++pair) rows += rows_of_pair(local, pair);
  return rows;
}

/// The first pair at or after `pair` before which at least `target` rows lie; `rows` counts those before `pair`, and goes along.
std::int64_t pair_after_rows(const LocalPairs& local, std::int64_t pair, std::int64_t end, std::int64_t target, std::int64_t& rows) {
  for (; pair < end && rows < target; ++pair) rows += rows_of_pair(local, pair);
  return pair;
}

Slabs cut_slabs(const LocalPairs& local, std::int64_t max_slabs) {
  const std::int64_t all_rows = rows_of_pairs(local, 0, local.num_pairs);
  Slabs slabs;
  slabs.count = std::clamp<std::int64_t>(all_rows / rows_per_group, 1, std::min(max_slabs, most_slabs));
  std::int64_t rows = 0;
  for (std::int64_t slab = 1; slab < slabs.count; ++slab) {
    const auto s = static_cast<std::size_t>(slab);
    slabs.begins[s] = pair_after_rows(local, slabs.begins[s - 1], local.num_pairs, all_rows * slab / slabs.count, rows);
  }
  slabs.begins[static_cast<std::size_t>(slabs.count)] = local.num_pairs;
  return slabs;
}

/// A task: the pairs of one slab of one member, group after group, on one thread.
template <typename Real>
class SlabTask {
 public:
  SlabTask(LossCall<Real>& call, std::int64_t member, int thread, Real* grad)
      : call_(call), local_(call.local[static_cast<std::size_t>(member)]), member_(member), rows_(call.rows_of_thread(thread)), grad_(grad) {
    const std::int64_t capacity = call.buffers.group_capacity, position = thread * capacity * call.network.stored_width();
    activations_ = {call.at(call.buffers.activations, position), call.at(call.buffers.slopes, position), capacity, 0};
  }

  PairSums run(std::int64_t begin, std::int64_t end) {
    PairSums sums;
    // Groups of about as many rows each; at most pairs_per_slab pairs, so that the pair stage adds them up in one go.
    const std::int64_t slab_rows = rows_of_pairs(local_, begin, end), num_groups = std::max<std::int64_t>(1, slab_rows / rows_per_group);
    std::int64_t rows_before = 0;
    for (std::int64_t group = 1; begin < end;) {
      std::int64_t rows = rows_before, group_end = begin;
      while (group_end < end && group_end - begin < pairs_per_slab && (rows == rows_before || rows < slab_rows * group / num_groups)) {
        if (rows + rows_of_pair(local_, group_end) - rows_before > call_.buffers.group_capacity) break;
        rows += rows_of_pair(local_, group_end++);
      }
      run_group(begin, group_end, sums);
      begin = group_end, rows_before = rows;
      while (group < num_groups && rows_before >= slab_rows * group / num_groups) ++group;
    }
    if (gradient_ == Sums::overwrite) std::fill_n(grad_, call_.shape().grad_size, Real(0));  // no rows at all
    return sums;
  }

 private:
  void run_group(std::int64_t begin, std::int64_t end, PairSums& sums) {
    const std::int64_t num_rows = pack(begin, end);
    // Tiles of about as many rows each; an even number, because bf16 goes by pairs of rows.
    const std::int64_t tiles = num_tiles(num_rows), tile_rows = tiles == 0 ? 0 : even((num_rows + tiles - 1) / tiles);
    for (std::int64_t row = 0; row < num_rows; row += tile_rows) forward(row, std::min(tile_rows, num_rows - row));
    loss(begin, end, num_rows, sums);
    // Back from the last tile: its activations were written last and are still near.
    for (std::int64_t tile = tiles - 1; tile >= 0; --tile) backward(tile * tile_rows, std::min(tile_rows, num_rows - tile * tile_rows));
  }

  /// Rows of the group in the order of its pairs; its segments become windows into them.
  std::int64_t pack(std::int64_t begin, std::int64_t end) {
    std::int64_t row = 0;
    for (std::int64_t position = 2 * begin; position < 2 * end; ++position) {
      const std::int64_t segment = call_.batch.segment_of(call_.batch.pair_at(member_, position / 2), static_cast<int>(position % 2));
      const std::int64_t first_step = call_.batch.segment_begin(segment);
      local_.begins[position] = row;
      const std::int64_t length = local_.lengths[position];
      for (std::int64_t t = 0; t < length; ++t) rows_.steps[row + t] = first_step + t;
      pack_rows(call_.features, call_.feature_scale, length, [=](std::int64_t t) { return first_step + t; }, width(), rows_.features + row * width(), rows_.traces + row);
      row += length;
    }
    return row;
  }

  std::int64_t width() const { return call_.shape().padded_width[0]; }

  TileActivations<Real> tile_at(std::int64_t row) const {
    TileActivations<Real> tile = activations_;
    tile.first_row = row;
    return tile;
  }

  void forward(std::int64_t row, std::int64_t count) {
    call_.network.forward(call_.packed(member_), rows_.features + row * width(), rows_.steps + row, count, member_, call_.dropout, tile_at(row), rows_.scratch,
                          rows_.raw + row);
    for (std::int64_t i = row; i < row + count; ++i) rows_.rewards[i] = output_of(call_.architecture(), rows_.raw[i] + rows_.traces[i], rows_.reward_slopes[i]);
  }

  /// Scores, loss and the gradient of every raw output of the group. The divisor of a mean is applied when slabs are added up.
  void loss(std::int64_t begin, std::int64_t end, std::int64_t num_rows, PairSums& sums) {
    const std::int64_t first = call_.pair_at(member_, begin), num_pairs = end - begin;
    Batch batch;
    batch.num_steps = num_rows;
    batch.num_segments = 2 * num_pairs;
    batch.num_pairs = batch.num_batch_pairs = num_pairs;
    batch.begins = {local_.begins + 2 * begin, true};
    batch.lengths = {local_.lengths + 2 * begin, true};
    call_.gather_values(member_, begin, end, batch);

    Real* scores = call_.at(call_.buffers.scores, 2 * first);
    segment_scores(batch, call_.aggregation, rows_.rewards, scores, this_thread_);
    PairSums group_sums;
    BatchLossArgs<Real> args;
    args.batch = &batch;
    args.loss = call_.loss;
    args.reduction = {false, {}};
    args.tie_parameter = call_.tie_parameter_of(member_);
    args.scores = scores;
    const auto output = [&](const TensorView& view) {
      return view.present() && view.data != nullptr ? static_cast<Real*>(view.data) + member_ * local_.num_pairs + begin : nullptr;
    };
    args.loss_per_pair = output(call_.result.loss_per_pair);
    args.logits = output(call_.result.logits);
    args.grad_scores = call_.at(call_.buffers.grad_scores, 2 * first);
    args.segment_counted = call_.at(call_.buffers.segment_counted, 2 * first);
    args.grad_pairs = call_.at(call_.buffers.grad_pairs, 2 * first);
    args.pair_counted = call_.at(call_.buffers.pair_counted, first);
    args.slab_sums = &group_sums;
    batch_loss(args, this_thread_);
    add(sums, group_sums);

    // Windows follow each other: their order is their number.
    expand_gradient(batch, call_.aggregation, SegmentOrder(), args.grad_scores, args.segment_counted, rows_.grad_rewards, this_thread_);
    for (std::int64_t row = 0; row < num_rows; ++row) rows_.raw[row] = rows_.grad_rewards[row] * rows_.reward_slopes[row];
    // Rows that no loss depends on: their features may be anything, and 0 * NaN must not reach the weights.
    for (std::int64_t segment = 0; segment < batch.num_segments; ++segment) {
      const StepRange read = args.segment_counted[segment] ? read_steps(batch, segment, call_.aggregation.aggregation) : StepRange();
      for (std::int64_t row = batch.segment_begin(segment); row < batch.segment_end(segment); ++row) {
        if (row >= read.begin && row < read.end) continue;
        rows_.raw[row] = Real(0);
        call_.network.clear(rows_.features, activations_, row);
      }
    }
  }

  void backward(std::int64_t row, std::int64_t count) {
    call_.network.backward(call_.packed(member_), rows_.features + row * width(), count, tile_at(row), rows_.raw + row, rows_.scratch, gradient_, grad_, nullptr);
    gradient_ = Sums::add;
  }

  LossCall<Real>& call_;
  LocalPairs& local_;
  std::int64_t member_;
  ThreadRows<Real> rows_;
  Real* grad_;
  Sums gradient_ = Sums::overwrite;  // what the next tile does with grad_
  TileActivations<Real> activations_;
  ThreadPool this_thread_{1};  // the pair stage of a group stays on the thread that runs it
};

/// Adds up the slabs of every member in order; stores reduced losses, metrics and gradients of tie parameters; says how to scale weight gradients.
template <typename Real>
void finish_loss(const LossCall<Real>& call, SlabGradients<Real>& gradients) {
  BatchLossArgs<Real> args;
  args.reduction = {call.options.reduction == Reduction::mean, call.options.normalizer};
  args.tie_parameter = {call.options.tie_parameter.data, false, call.options.tie_parameter.size() > 1 ? 1 : 0, 0.0};
  args.reduced_loss = static_cast<Real*>(call.result.loss.data);
  args.metrics = static_cast<double*>(call.result.metrics.data);
  args.grad_tie_parameter = static_cast<Real*>(call.result.grad_tie_parameter.data);
  for (std::int64_t member = 0; member < call.num_members(); ++member) {
    const auto m = static_cast<std::size_t>(member);
    PairSums total;
    for (std::int64_t slab = 0; slab < gradients.num_slabs[m]; ++slab) add(total, *call.at(call.buffers.slab_sums, member * call.buffers.max_slabs + slab));
    store_member_sums(args, member, total);
    gradients.scale[m] = static_cast<Real>(args.reduction.scale(total.metrics[metric_weight_sum]));
  }
}

}  // namespace

template <typename Real>
void run_pairs_path(LossCall<Real>& call) {
  const std::int64_t max_slabs = std::min(call.buffers.max_slabs, most_slabs);
  std::array<Slabs, 32> slabs;
  SlabGradients<Real> gradients{call.at(call.buffers.slab_gradients), call.buffers.max_slabs, {}, {}};
  for (std::int64_t member = 0; member < call.num_members(); ++member) {
    const auto m = static_cast<std::size_t>(member);
    slabs[m] = cut_slabs(call.local[m], max_slabs);
    gradients.num_slabs[m] = slabs[m].count;
  }
  call.pool.run(call.num_members() * max_slabs, [&](std::int64_t task, int thread) {
    const std::int64_t member = task / max_slabs, slab = task % max_slabs;
    const Slabs& cut = slabs[static_cast<std::size_t>(member)];
    if (slab >= cut.count) return;
    SlabTask<Real> slab_task(call, member, thread, gradients.part(call.shape(), member, slab));
    *call.at(call.buffers.slab_sums, member * call.buffers.max_slabs + slab) =
        slab_task.run(cut.begins[static_cast<std::size_t>(slab)], cut.begins[static_cast<std::size_t>(slab + 1)]);
  });
  finish_loss(call, gradients);
  call.store_scores();
  reduce_gradients(call.architecture(), call.shape(), gradients, static_cast<Real*>(call.gradients.parameters.data), call.pool);
}

template void run_pairs_path<float>(LossCall<float>&);
template void run_pairs_path<double>(LossCall<double>&);

}  // namespace segpref::cpu::mlp
