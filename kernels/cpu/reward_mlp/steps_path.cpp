#include <algorithm>

#include "kernels/cpu/reward_mlp/activations.hpp"
#include "kernels/cpu/reward_mlp/loss_call.hpp"

namespace segpref::cpu::mlp {
namespace {

/// Whether a row belongs to no counted pair, to one that does not read it (Aggregation::last), or to one whose loss depends on it.
constexpr std::uint8_t left_out = 0, unread = 1, read = 2;

template <typename Real>
class StepsPath {
 public:
  explicit StepsPath(LossCall<Real>& call) : call_(call), shape_(call.shape()), buffers_(call.buffers) {}

  void run() {
    forward();
    for (std::int64_t member = 0; member < call_.num_members(); ++member) member_loss(member);
    call_.store_scores();
    store_step_rewards();
    if (call_.wants_gradients()) backward();
  }

 private:
  std::int64_t row_at(std::int64_t member, std::int64_t row = 0) const { return member * buffers_.row_capacity + row; }
  LocalPairs& local_of(std::int64_t member) const { return call_.local[static_cast<std::size_t>(member)]; }
  static std::int64_t rows_of(const LocalPairs& local, std::int64_t tile) { return std::min(rows_per_tile, local.num_rows - tile * rows_per_tile); }

  /// Where a tile's activations are: its own place when they are kept, else the thread's.
  TileActivations<Real> activations_of(std::int64_t member, std::int64_t tile, int thread) const {
    const std::int64_t place = buffers_.stores_activations ? member * num_tiles(buffers_.row_capacity) + tile : thread;
    const std::int64_t position = place * rows_per_tile * call_.network.stored_width();
    return {call_.at(buffers_.activations, position), call_.at(buffers_.slopes, position), rows_per_tile, 0};
  }

  void pack(const LocalPairs& local, std::int64_t tile, std::int64_t count, const ThreadRows<Real>& rows) const {
    const std::int64_t* steps = local.steps + tile * rows_per_tile;
    pack_rows(call_.features, call_.feature_scale, count, [=](std::int64_t row) { return steps[row]; }, shape_.padded_width[0], rows.features, rows.traces);
  }

  void forward_rows(const LocalPairs& local, std::int64_t member, std::int64_t tile, std::int64_t count, const ThreadRows<Real>& rows,
                    const TileActivations<Real>& activations) const {
    call_.network.forward(call_.packed(member), rows.features, local.steps + tile * rows_per_tile, count, member, call_.dropout, activations, rows.scratch, rows.raw);
  }

  void forward() {
    std::int64_t most_rows = 0;
    for (std::int64_t member = 0; member < call_.num_members(); ++member) most_rows = std::max(most_rows, local_of(member).num_rows);
    const std::int64_t tiles = num_tiles(most_rows);
    call_.pool.run(call_.num_members() * tiles, [&](std::int64_t task, int thread) {
      const std::int64_t member = task / tiles, tile = task % tiles;
      const LocalPairs& local = local_of(member);
      const std::int64_t count = rows_of(local, tile);
      if (count <= 0) return;
      const ThreadRows<Real> rows = call_.rows_of_thread(thread);
      pack(local, tile, count, rows);
      forward_rows(local, member, tile, count, rows, activations_of(member, tile, thread));
      Real* rewards = call_.at(buffers_.rewards, row_at(member, tile * rows_per_tile));
      Real* slopes = call_.at(buffers_.reward_slopes, row_at(member, tile * rows_per_tile));
      for (std::int64_t row = 0; row < count; ++row) rewards[row] = output_of(call_.architecture(), rows.raw[row] + rows.traces[row], slopes[row]);
    });
  }

  /// Scores, loss and the gradient per row of one member, as preference_loss on the member's own rows and pairs.
  void member_loss(std::int64_t member) {
    const LocalPairs& local = local_of(member);
    const std::int64_t pair_at = call_.pair_at(member);
    Batch batch;
    batch.num_steps = local.num_rows;
    batch.num_segments = 2 * local.num_pairs;
    batch.num_pairs = batch.num_batch_pairs = local.num_pairs;
    batch.begins = {local.begins, true};
    batch.lengths = {local.lengths, true};
    call_.gather_values(member, 0, local.num_pairs, batch);

    const PreferenceResult& result = call_.result;
    Real* scores = call_.at(buffers_.scores, 2 * pair_at);
    segment_scores(batch, call_.aggregation, call_.at(buffers_.rewards, row_at(member)), scores, call_.pool);
    BatchLossArgs<Real> args;
    args.batch = &batch;
    args.loss = call_.loss;
    args.reduction = {call_.options.reduction == Reduction::mean, call_.options.normalizer};
    args.tie_parameter = call_.tie_parameter_of(member);
    args.scores = scores;
    const auto output = [&](const TensorView& view, std::int64_t per_member) {
      return view.present() && view.data != nullptr ? static_cast<Real*>(view.data) + member * per_member : nullptr;
    };
    args.reduced_loss = output(result.loss, 1);
    args.loss_per_pair = output(result.loss_per_pair, local.num_pairs);
    args.logits = output(result.logits, local.num_pairs);
    args.metrics = result.metrics.present() ? static_cast<double*>(result.metrics.data) + member * num_metrics : nullptr;
    Real grad_tie = 0;
    args.grad_tie_parameter = result.grad_tie_parameter.present() ? &grad_tie : nullptr;
    args.grad_scores = call_.at(buffers_.grad_scores, 2 * pair_at);
    args.segment_counted = call_.at(buffers_.segment_counted, 2 * pair_at);
    args.grad_pairs = call_.at(buffers_.grad_pairs, 2 * pair_at);
    args.pair_counted = call_.at(buffers_.pair_counted, pair_at);
    args.slab_sums = call_.at(buffers_.slab_sums);
    batch_loss(args, call_.pool);
    if (args.grad_tie_parameter != nullptr) {
      Real* grads = static_cast<Real*>(result.grad_tie_parameter.data);
      if (call_.options.tie_parameter.size() > 1) grads[member] = grad_tie;
      else grads[0] = member == 0 ? grad_tie : grads[0] + grad_tie;
    }

    const SegmentOrder order = order_segments(batch, local.by_begin, local.reach);
    expand_gradient(batch, call_.aggregation, order, args.grad_scores, args.segment_counted, call_.at(buffers_.grad_rewards, row_at(member)), call_.pool);
    std::uint8_t* use = call_.at(buffers_.row_use, row_at(member));
    std::fill_n(use, local.num_rows, left_out);
    for (std::int64_t segment = 0; segment < batch.num_segments; ++segment)
      if (args.segment_counted[segment])
        for (std::int64_t row = batch.segment_begin(segment); row < batch.segment_end(segment); ++row) use[row] = std::max(use[row], unread);
    for (std::int64_t segment = 0; segment < batch.num_segments; ++segment) {
      if (!args.segment_counted[segment]) continue;
      const StepRange steps = read_steps(batch, segment, call_.aggregation.aggregation);
      std::fill(use + steps.begin, use + steps.end, read);
    }
  }

  void store_step_rewards() {
    if (!call_.step_rewards.present()) return;
    Real* out = static_cast<Real*>(call_.step_rewards.data);
    std::fill_n(out, call_.num_members() * call_.batch.num_steps, Real(0));
    for (std::int64_t member = 0; member < call_.num_members(); ++member) {
      const LocalPairs& local = local_of(member);
      for (std::int64_t row = 0; row < local.num_rows; ++row)
        if (*call_.at(buffers_.row_use, row_at(member, row)) != left_out)
          out[member * call_.batch.num_steps + local.steps[row]] = *call_.at(buffers_.rewards, row_at(member, row));
    }
  }

  void backward() {
    const bool features_too = call_.wants_feature_gradients();
    if (features_too)
      for (const TensorView* view : {&call_.gradients.features_first, &call_.gradients.features_second})
        if (view->present()) std::fill_n(static_cast<Real*>(view->data), view->size(), Real(0));
    SlabGradients<Real> slabs{call_.at(buffers_.slab_gradients), buffers_.max_slabs, {}, {}};
    for (std::int64_t member = 0; member < call_.num_members(); ++member) {
      slabs.num_slabs[static_cast<std::size_t>(member)] = std::min(buffers_.max_slabs, num_tiles(local_of(member).num_rows));
      slabs.scale[static_cast<std::size_t>(member)] = Real(1);
    }
    // Gradients of features are sums over members: members then take turns, in order.
    const std::int64_t members_at_once = features_too ? 1 : call_.num_members();
    for (std::int64_t first = 0; first < call_.num_members(); first += members_at_once)
      call_.pool.run(members_at_once * buffers_.max_slabs, [&](std::int64_t task, int thread) {
        backward_slab(first + task / buffers_.max_slabs, task % buffers_.max_slabs, slabs, features_too, thread);
      });
    if (call_.gradients.parameters.present())
      reduce_gradients(call_.architecture(), shape_, slabs, static_cast<Real*>(call_.gradients.parameters.data), call_.pool);
  }

  void backward_slab(std::int64_t member, std::int64_t slab, const SlabGradients<Real>& slabs, bool features_too, int thread) {
    const LocalPairs& local = local_of(member);
    const std::int64_t tiles = num_tiles(local.num_rows), num_slabs = slabs.num_slabs[static_cast<std::size_t>(member)];
    if (slab >= num_slabs) return;
    Real* grad = slabs.part(shape_, member, slab);
    Sums sums = Sums::overwrite;
    const ThreadRows<Real> rows = call_.rows_of_thread(thread);
    for (std::int64_t tile = tiles * slab / num_slabs; tile < tiles * (slab + 1) / num_slabs; ++tile) {
      const std::int64_t count = rows_of(local, tile);
      pack(local, tile, count, rows);
      const TileActivations<Real> activations = activations_of(member, tile, thread);
      if (!buffers_.stores_activations) forward_rows(local, member, tile, count, rows, activations);
      const std::int64_t first_row = row_at(member, tile * rows_per_tile);
      for (std::int64_t row = 0; row < count; ++row) {
        if (*call_.at(buffers_.row_use, first_row + row) == read) {
          rows.raw[row] = *call_.at(buffers_.grad_rewards, first_row + row) * *call_.at(buffers_.reward_slopes, first_row + row);
        } else {
          rows.raw[row] = 0;  // the features may be anything, and 0 * NaN must not reach the weights
          call_.network.clear(rows.features, activations, row);
        }
      }
      call_.network.backward(call_.packed(member), rows.features, count, activations, rows.raw, rows.scratch, sums, grad, features_too ? rows.grad_features : nullptr);
      sums = Sums::add;
      if (features_too) add_feature_gradients(local, tile, count, rows.grad_features);
    }
  }

  void add_feature_gradients(const LocalPairs& local, std::int64_t tile, std::int64_t count, const Real* grad_rows) const {
    const Features& features = call_.features;
    const float* std = features.std.present() ? static_cast<const float*>(features.std.data) : nullptr;
    std::int64_t column = 0;
    const ConstTensorView* parts[] = {&features.first, &features.second};
    const TensorView* outs[] = {&call_.gradients.features_first, &call_.gradients.features_second};
    for (int part = 0; part < 2; ++part) {
      if (!parts[part]->present()) continue;
      const std::int64_t columns = parts[part]->shape[1];
      if (outs[part]->present())
        for (std::int64_t row = 0; row < count; ++row) {
          Real* out = static_cast<Real*>(outs[part]->data) + local.steps[tile * rows_per_tile + row] * columns;
          for (std::int64_t i = 0; i < columns; ++i) {
            const Real grad = grad_rows[row * shape_.padded_width[0] + column + i];
            out[i] += std == nullptr ? grad : grad / static_cast<Real>(std[column + i]);
          }
        }
      column += columns;
    }
  }

  LossCall<Real>& call_;
  const Shape& shape_;
  const LossBuffers<Real>& buffers_;
};

}  // namespace

template <typename Real>
void run_steps_path(LossCall<Real>& call) {
  StepsPath<Real>(call).run();
}

template void run_steps_path<float>(LossCall<float>&);
template void run_steps_path<double>(LossCall<double>&);

}  // namespace segpref::cpu::mlp
