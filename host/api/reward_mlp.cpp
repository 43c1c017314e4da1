#include "segpref/reward_mlp.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "host/plan/owned_workspace.hpp"
#include "host/plan/workspace_layout.hpp"
#include "host/validate/batch.hpp"
#include "host/validate/mlp.hpp"
#include "host/validate/tensor.hpp"
#include "kernels/cpu/batch_loss.hpp"
#include "kernels/cpu/reward_mlp/activations.hpp"
#include "kernels/cpu/reward_mlp/feature_rows.hpp"
#include "kernels/cpu/reward_mlp/local_pairs.hpp"
#include "kernels/cpu/reward_mlp/network.hpp"
#include "kernels/cpu/segment_reduce.hpp"

namespace segpref {
namespace {

using cpu::mlp::LocalPairs;
using cpu::mlp::rows_per_tile;
using cpu::mlp::Shape;
using cpu::mlp::TileActivations;

/// Weight gradients are added up in this many parts per member, each over consecutive tiles, whatever the number of threads.
constexpr std::int64_t max_slabs = 12;
/// Activations of all rows are kept from the forward to the backward pass up to this size; beyond it they are computed again.
constexpr std::int64_t max_stored_bytes = std::int64_t{1} << 30;

constexpr std::int64_t num_tiles(std::int64_t rows) { return (rows + rows_per_tile - 1) / rows_per_tile; }

/// What a plan books, in elements. Everything is a function of architecture and capacity.
template <typename Real>
struct Buffers {
  std::int64_t row_capacity = 0, pair_capacity = 0;
  bool stores_activations = false;
  Booked<Real> packed;                                  // [num_members, packed_size]
  Booked<Real> slab_gradients;                          // [num_members, max_slabs, grad_size]
  Booked<std::int64_t> steps;                           // [num_members, rows]
  Booked<Real> rewards, reward_slopes, grad_rewards;    // [num_members, rows]
  Booked<std::int64_t> begins, lengths, by_begin, reach;  // [num_members, 2 * pairs]
  Booked<Real> scores, grad_scores;                     // [num_members, 2 * pairs]
  Booked<std::uint8_t> segment_counted, live_rows, pair_counted;
  Booked<Real> grad_pairs, labels, weights, margins;    // [num_members, pairs] (grad_pairs twice)
  Booked<cpu::PairSums> slab_sums;
  Booked<Real> discount_powers;                         // [num_steps]
  Booked<Real> thread_rows, thread_scratch, thread_raw, thread_grad_rows;  // per thread
  Booked<Real> activations, slopes;                     // per tile of a member, or per thread
};

template <typename Real>
Buffers<Real> book(const RewardArchitecture& architecture, const PreferenceCapacity& capacity, int num_threads, WorkspaceLayout& layout) {
  const Shape shape(architecture);
  const auto times = [](std::int64_t a, std::int64_t b) { return validation::product("workspace", a, b); };
  Buffers<Real> b;
  b.row_capacity = capacity.num_batch_steps > 0 ? std::min(capacity.num_batch_steps, capacity.num_steps) : capacity.num_steps;
  b.pair_capacity = capacity.num_batch_pairs > 0 ? capacity.num_batch_pairs : capacity.num_pairs;
  const std::int64_t members = architecture.num_members;
  const std::int64_t rows = times(members, b.row_capacity), pairs = times(members, b.pair_capacity), segments = times(2, pairs);
  b.packed = layout.book<Real>(times(members, shape.packed_size));
  b.slab_gradients = layout.book<Real>(times(members * max_slabs, shape.grad_size));
  b.steps = layout.book<std::int64_t>(rows);
  b.rewards = layout.book<Real>(rows);
  b.reward_slopes = layout.book<Real>(rows);
  b.grad_rewards = layout.book<Real>(rows);
  b.begins = layout.book<std::int64_t>(segments);
  b.lengths = layout.book<std::int64_t>(segments);
  b.by_begin = layout.book<std::int64_t>(segments);
  b.reach = layout.book<std::int64_t>(segments);
  b.scores = layout.book<Real>(segments);
  b.grad_scores = layout.book<Real>(segments);
  b.segment_counted = layout.book<std::uint8_t>(segments);
  b.live_rows = layout.book<std::uint8_t>(rows);
  b.pair_counted = layout.book<std::uint8_t>(pairs);
  b.grad_pairs = layout.book<Real>(segments);
  b.labels = layout.book<Real>(pairs);
  b.weights = layout.book<Real>(pairs);
  b.margins = layout.book<Real>(pairs);
  b.slab_sums = layout.book<cpu::PairSums>(members * std::max<std::int64_t>(1, cpu::num_pair_slabs(b.pair_capacity)));
  b.discount_powers = layout.book<Real>(capacity.num_steps);
  b.thread_rows = layout.book<Real>(num_threads * rows_per_tile * shape.padded_width[0]);
  b.thread_scratch = layout.book<Real>(num_threads * 2 * rows_per_tile * shape.widest);
  b.thread_raw = layout.book<Real>(num_threads * rows_per_tile);
  b.thread_grad_rows = layout.book<Real>(num_threads * rows_per_tile * shape.padded_width[0]);
  const std::int64_t tile_size = rows_per_tile * shape.activation_width;
  const std::int64_t all_tiles = times(members, num_tiles(b.row_capacity));
  const std::int64_t arrays = shape.needs_slopes ? 2 : 1;
  b.stores_activations = times(times(all_tiles, std::max<std::int64_t>(tile_size, 1)), arrays * static_cast<std::int64_t>(sizeof(Real))) <= max_stored_bytes;
  const std::int64_t kept_tiles = b.stores_activations ? all_tiles : num_threads;
  b.activations = layout.book<Real>(times(kept_tiles, tile_size));
  b.slopes = layout.book<Real>(shape.needs_slopes ? times(kept_tiles, tile_size) : 0);
  return b;
}

/// One call on one type of parameters.
template <typename Real>
class MlpStep {
 public:
  MlpStep(const Context& context, const MlpLossPlan& plan, const Real* parameters, const Features& features, const cpu::Batch& batch,
          const cpu::LossParams& loss, const PreferenceOptions& options, const PreferenceResult& result, const MlpGradients& gradients,
          const DropoutState& dropout, const TensorView& step_rewards, Workspace workspace)
      : pool_(context.pool()), architecture_(plan.architecture()), shape_(architecture_), parameters_(parameters), features_(features), batch_(batch),
        loss_(loss), options_(options), result_(result), gradients_(gradients), dropout_(dropout), step_rewards_(step_rewards), workspace_(workspace) {
    WorkspaceLayout layout;
    buffers_ = book<Real>(architecture_, plan.capacity(), plan.num_threads(), layout);
    check_workspace(workspace, layout.total_bytes());
    if (context.num_threads() > plan.num_threads())
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("the context has {} threads; the plan was made for {}", context.num_threads(), plan.num_threads()));
  }

  void run() {
    gather();
    pack();
    forward();
    if (options_.discount != 1.0) {
      Real* powers = at(buffers_.discount_powers);
      cpu::discount_powers(options_.discount, cpu::longest_segment(batch_), powers);
      aggregation_.discount_powers = powers;
    }
    aggregation_.aggregation = options_.aggregation;
    for (std::int64_t member = 0; member < num_members(); ++member) member_loss(member);
    store_scores_and_rewards();
    if (wants_gradients()) backward();
  }

 private:
  template <typename T>
  T* at(const Booked<T>& booked, std::int64_t position = 0) const {
    T* begin = booked.in(workspace_);
    return begin == nullptr ? nullptr : begin + position;
  }
  std::int64_t num_members() const { return architecture_.num_members; }
  std::int64_t row_at(std::int64_t member, std::int64_t row = 0) const { return member * buffers_.row_capacity + row; }
  bool wants_gradients() const {
    return gradients_.parameters.present() || gradients_.features_first.present() || gradients_.features_second.present();
  }

  /// Which rows each member needs; the only thing that can still fail, before anything is written.
  void gather() {
    const bool all_pairs = result_.logits.present();
    for (std::int64_t member = 0; member < num_members(); ++member) {
      LocalPairs& local = local_[static_cast<std::size_t>(member)];
      const std::int64_t segment_at = member * 2 * buffers_.pair_capacity;
      local.steps = at(buffers_.steps, row_at(member));
      local.begins = at(buffers_.begins, segment_at);
      local.lengths = at(buffers_.lengths, segment_at);
      local.by_begin = at(buffers_.by_begin, segment_at);
      local.reach = at(buffers_.reach, segment_at);
      const std::int64_t needed = cpu::mlp::gather_pairs(batch_, member, all_pairs, buffers_.row_capacity, local);
      if (needed > buffers_.row_capacity)
        throw Error(ErrorCode::invalid_argument, fmt::format("the pairs of this call cover more than {} steps (num_batch_steps of the plan)", buffers_.row_capacity));
      most_rows_ = std::max(most_rows_, local.num_rows);
    }
  }

  void pack() {
    pool_.run(num_members(), [&](std::int64_t member, int) {
      cpu::mlp::pack_parameters(architecture_, shape_, parameters_, member, at(buffers_.packed, member * shape_.packed_size));
    });
  }

  /// Where a tile's activations are: its own place when they are kept, else the thread's.
  TileActivations<Real> activations_of(std::int64_t member, std::int64_t tile, int thread) const {
    const std::int64_t place = buffers_.stores_activations ? member * num_tiles(buffers_.row_capacity) + tile : thread;
    const std::int64_t position = place * rows_per_tile * shape_.activation_width;
    return {at(buffers_.activations, position), shape_.needs_slopes ? at(buffers_.slopes, position) : nullptr};
  }

  Real* packed_rows(const LocalPairs& local, std::int64_t tile, std::int64_t count, int thread) const {
    Real* rows = at(buffers_.thread_rows, thread * rows_per_tile * shape_.padded_width[0]);
    for (std::int64_t row = 0; row < count; ++row)
      cpu::mlp::pack_row(features_, local.steps[tile * rows_per_tile + row], shape_.padded_width[0], rows + row * shape_.padded_width[0]);
    return rows;
  }

  static std::int64_t rows_of(const LocalPairs& local, std::int64_t tile) { return std::min(rows_per_tile, local.num_rows - tile * rows_per_tile); }

  void forward() {
    const std::int64_t tiles = num_tiles(most_rows_);
    pool_.run(num_members() * tiles, [&](std::int64_t task, int thread) {
      const std::int64_t member = task / tiles, tile = task % tiles;
      const LocalPairs& local = local_[static_cast<std::size_t>(member)];
      const std::int64_t count = rows_of(local, tile);
      if (count <= 0) return;
      Real* raw = at(buffers_.thread_raw, thread * rows_per_tile);
      cpu::mlp::forward_tile(architecture_, shape_, at(buffers_.packed, member * shape_.packed_size), packed_rows(local, tile, count, thread),
                             local.steps + tile * rows_per_tile, count, member, dropout_, activations_of(member, tile, thread), raw);
      Real* rewards = at(buffers_.rewards, row_at(member, tile * rows_per_tile));
      Real* slopes = at(buffers_.reward_slopes, row_at(member, tile * rows_per_tile));
      for (std::int64_t row = 0; row < count; ++row) rewards[row] = cpu::mlp::output_of(architecture_, raw[row], slopes[row]);
    });
  }

  /// Scores, loss and the gradient per row of one member, as preference_loss on the member's own rows and pairs.
  void member_loss(std::int64_t member) {
    const LocalPairs& local = local_[static_cast<std::size_t>(member)];
    const std::int64_t pair_at = member * buffers_.pair_capacity;
    Real *labels = at(buffers_.labels, pair_at), *weights = at(buffers_.weights, pair_at), *margins = at(buffers_.margins, pair_at);
    for (std::int64_t k = 0; k < local.num_pairs; ++k) {
      const std::int64_t pair = batch_.pair_at(member, k);
      labels[k] = static_cast<Real>(batch_.labels(0, pair));
      weights[k] = static_cast<Real>(batch_.weights(member, pair));
      margins[k] = static_cast<Real>(batch_.margins(member, pair));
    }
    constexpr bool wide = std::is_same_v<Real, double>;
    cpu::Batch batch;
    batch.num_steps = local.num_rows;
    batch.num_segments = 2 * local.num_pairs;
    batch.num_pairs = batch.num_batch_pairs = local.num_pairs;
    batch.begins = {local.begins, true};
    batch.lengths = {local.lengths, true};
    batch.labels = {labels, wide, 0, 0.0};
    batch.weights = {weights, wide, 0, 1.0};
    if (batch_.margins.present()) batch.margins = {margins, wide, 0, 0.0};

    Real* scores = at(buffers_.scores, 2 * pair_at);
    cpu::segment_scores(batch, aggregation_, at(buffers_.rewards, row_at(member)), scores, pool_);
    cpu::BatchLossArgs<Real> args;
    args.batch = &batch;
    args.loss = loss_;
    args.reduction = {options_.reduction == Reduction::mean, options_.normalizer};
    const ConstTensorView& tie = options_.tie_parameter;
    const bool own_tie = tie.size() > 1;
    if (tie.present())
      args.tie_parameter = {static_cast<const std::byte*>(tie.data) + (own_tie ? member * size_of(tie.dtype) : 0), tie.dtype == DType::f64, 0, 0.0};
    args.scores = scores;
    const auto output = [&](const TensorView& view, std::int64_t per_member) {
      return view.present() && view.data != nullptr ? static_cast<Real*>(view.data) + member * per_member : nullptr;
    };
    args.reduced_loss = output(result_.loss, 1);
    args.loss_per_pair = output(result_.loss_per_pair, local.num_pairs);
    args.logits = output(result_.logits, local.num_pairs);
    args.metrics = result_.metrics.present() ? static_cast<double*>(result_.metrics.data) + member * num_metrics : nullptr;
    Real grad_tie = 0;
    args.grad_tie_parameter = result_.grad_tie_parameter.present() ? &grad_tie : nullptr;
    args.grad_scores = at(buffers_.grad_scores, 2 * pair_at);
    args.segment_counted = at(buffers_.segment_counted, 2 * pair_at);
    args.grad_pairs = at(buffers_.grad_pairs, 2 * pair_at);
    args.pair_counted = at(buffers_.pair_counted, pair_at);
    args.slab_sums = at(buffers_.slab_sums);
    cpu::batch_loss(args, pool_);
    if (args.grad_tie_parameter != nullptr) {
      Real* grads = static_cast<Real*>(result_.grad_tie_parameter.data);
      if (own_tie) grads[member] = grad_tie;
      else grads[0] = member == 0 ? grad_tie : grads[0] + grad_tie;
    }

    const cpu::SegmentOrder order = cpu::order_segments(batch, local.by_begin, local.reach);
    Real* grad_rewards = at(buffers_.grad_rewards, row_at(member));
    cpu::expand_gradient(batch, aggregation_, order, args.grad_scores, args.segment_counted, grad_rewards, pool_);
    // Rows of left-out pairs only: their features may be anything, and 0 * NaN must not reach the weights.
    std::uint8_t* live = at(buffers_.live_rows, row_at(member));
    std::fill_n(live, local.num_rows, std::uint8_t{0});
    for (std::int64_t segment = 0; segment < batch.num_segments; ++segment)
      if (args.segment_counted[segment]) std::fill_n(live + local.begins[segment], local.lengths[segment], std::uint8_t{1});
  }

  void store_scores_and_rewards() {
    if (step_rewards_.present()) {
      Real* out = static_cast<Real*>(step_rewards_.data);
      std::fill_n(out, num_members() * batch_.num_steps, Real(0));
      for (std::int64_t member = 0; member < num_members(); ++member) {
        const LocalPairs& local = local_[static_cast<std::size_t>(member)];
        for (std::int64_t row = 0; row < local.num_rows; ++row)
          if (*at(buffers_.live_rows, row_at(member, row))) out[member * batch_.num_steps + local.steps[row]] = *at(buffers_.rewards, row_at(member, row));
      }
    }
    if (result_.scores.present()) {
      Real* out = static_cast<Real*>(result_.scores.data);
      std::fill_n(out, num_members() * batch_.num_segments, Real(0));
      for (std::int64_t member = 0; member < num_members(); ++member)
        for (std::int64_t k = 0; k < batch_.num_batch_pairs; ++k)
          for (int side = 0; side < 2; ++side) {
            const std::int64_t segment = batch_.segment_of(batch_.pair_at(member, k), side);
            const std::int64_t local_segment = member * 2 * buffers_.pair_capacity + 2 * k + side;
            if (*at(buffers_.lengths, local_segment) > 0) out[member * batch_.num_segments + segment] = *at(buffers_.scores, local_segment);
          }
    }
  }

  void backward() {
    const bool features_too = gradients_.features_first.present() || gradients_.features_second.present();
    if (features_too)
      for (const TensorView* view : {&gradients_.features_first, &gradients_.features_second})
        if (view->present()) std::fill_n(static_cast<Real*>(view->data), view->size(), Real(0));
    // Gradients of features are sums over members: members then take turns, in order.
    const std::int64_t members_at_once = features_too ? 1 : num_members();
    for (std::int64_t first = 0; first < num_members(); first += members_at_once)
      pool_.run(members_at_once * max_slabs, [&](std::int64_t task, int thread) { backward_slab(first + task / max_slabs, task % max_slabs, features_too, thread); });
    if (!gradients_.parameters.present()) return;
    Real* out = static_cast<Real*>(gradients_.parameters.data);
    for (std::int64_t member = 0; member < num_members(); ++member) {
      const std::int64_t tiles = num_tiles(local_[static_cast<std::size_t>(member)].num_rows);
      cpu::mlp::reduce_gradients(architecture_, shape_, at(buffers_.slab_gradients, member * max_slabs * shape_.grad_size), std::min(max_slabs, tiles), member, out,
                                 pool_);
    }
  }

  void backward_slab(std::int64_t member, std::int64_t slab, bool features_too, int thread) {
    const LocalPairs& local = local_[static_cast<std::size_t>(member)];
    const std::int64_t tiles = num_tiles(local.num_rows), slabs = std::min(max_slabs, tiles);
    if (slab >= slabs) return;
    Real* grad = at(buffers_.slab_gradients, (member * max_slabs + slab) * shape_.grad_size);
    std::fill_n(grad, shape_.grad_size, Real(0));
    const Real* packed = at(buffers_.packed, member * shape_.packed_size);
    Real* grad_rows = features_too ? at(buffers_.thread_grad_rows, thread * rows_per_tile * shape_.padded_width[0]) : nullptr;
    for (std::int64_t tile = tiles * slab / slabs; tile < tiles * (slab + 1) / slabs; ++tile) {
      const std::int64_t count = rows_of(local, tile);
      Real* rows = packed_rows(local, tile, count, thread);
      const TileActivations<Real> activations = activations_of(member, tile, thread);
      Real* raw = at(buffers_.thread_raw, thread * rows_per_tile);
      if (!buffers_.stores_activations)
        cpu::mlp::forward_tile(architecture_, shape_, packed, rows, local.steps + tile * rows_per_tile, count, member, dropout_, activations, raw);
      const std::int64_t first_row = row_at(member, tile * rows_per_tile);
      for (std::int64_t row = 0; row < count; ++row) {
        if (*at(buffers_.live_rows, first_row + row)) {
          raw[row] = *at(buffers_.grad_rewards, first_row + row) * *at(buffers_.reward_slopes, first_row + row);
        } else {
          raw[row] = 0;
          clear_row(rows, activations, row);
        }
      }
      cpu::mlp::backward_tile(architecture_, shape_, packed, rows, count, activations, raw, at(buffers_.thread_scratch, thread * 2 * rows_per_tile * shape_.widest),
                              grad, grad_rows);
      if (features_too) add_feature_gradients(local, tile, count, grad_rows);
    }
  }

  void clear_row(Real* rows, const TileActivations<Real>& tile, std::int64_t row) const {
    std::fill_n(rows + row * shape_.padded_width[0], shape_.padded_width[0], Real(0));
    std::int64_t position = 0;
    for (int layer = 1; layer <= shape_.num_hidden; ++layer) {
      const std::int64_t width = shape_.padded_width[static_cast<std::size_t>(layer)];
      std::fill_n(tile.activations + position * rows_per_tile + row * width, width, Real(0));
      if (tile.slopes != nullptr) std::fill_n(tile.slopes + position * rows_per_tile + row * width, width, Real(0));
      position += width;
    }
  }

  void add_feature_gradients(const LocalPairs& local, std::int64_t tile, std::int64_t count, const Real* grad_rows) const {
    const float* std = features_.std.present() ? static_cast<const float*>(features_.std.data) : nullptr;
    std::int64_t column = 0;
    const ConstTensorView* parts[] = {&features_.first, &features_.second};
    const TensorView* outs[] = {&gradients_.features_first, &gradients_.features_second};
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

  ThreadPool& pool_;
  const RewardArchitecture& architecture_;
  Shape shape_;
  const Real* parameters_;
  const Features& features_;
  const cpu::Batch& batch_;
  const cpu::LossParams& loss_;
  const PreferenceOptions& options_;
  const PreferenceResult& result_;
  const MlpGradients& gradients_;
  const DropoutState& dropout_;
  const TensorView& step_rewards_;
  Workspace workspace_;
  Buffers<Real> buffers_;
  std::array<LocalPairs, 32> local_{};
  std::int64_t most_rows_ = 0;
  cpu::AggregationParams<Real> aggregation_;
};

}  // namespace

MlpLossPlan::MlpLossPlan(const RewardArchitecture& architecture, const PreferenceCapacity& capacity, int num_threads, Compute compute)
    : architecture_(architecture), capacity_(capacity), compute_(compute), num_threads_(num_threads) {
  validate(architecture);
  validation::capacity(capacity);
  validation::compute(compute);
  if (num_threads < 1 || num_threads > 1024)
    throw Error(ErrorCode::invalid_argument, fmt::format("num_threads = {} is outside [1, 1024]", num_threads));
  // Booked for the wider of the two types of parameters.
  WorkspaceLayout layout;
  if (capacity.dtype == DType::f64) book<double>(architecture_, capacity_, num_threads_, layout);
  else book<float>(architecture_, capacity_, num_threads_, layout);
  workspace_bytes_ = layout.total_bytes();
}

std::string MlpLossPlan::describe() const {
  WorkspaceLayout layout;
  const auto buffers = book<float>(architecture_, capacity_, num_threads_, layout);
  return fmt::format(
      "mlp_preference_loss: {} members, {} hidden layers; distinct steps of the pairs (up to {} per member) in tiles of {} rows; forward of all, then the loss, then "
      "backward in {} slabs per member; activations are {}; workspace {} bytes for {} threads",
      architecture_.num_members, architecture_.hidden.size(), buffers.row_capacity, rows_per_tile, max_slabs,
      buffers.stores_activations ? "kept between the two passes" : "computed again in the backward pass (keeping them would take more than 1 GiB)", workspace_bytes_,
      num_threads_);
}

void mlp_preference_loss(const Context& context, const MlpLossPlan& plan, ConstTensorView parameters, const Features& features, const PreferenceBatch& in,
                         const PreferenceOptions& options, const PreferenceResult& result, const MlpGradients& gradients, const DropoutState& dropout,
                         TensorView step_rewards, Workspace workspace) {
  const RewardArchitecture& architecture = plan.architecture();
  validation::parameters(architecture, parameters);
  const std::int64_t num_steps = validation::features(features, architecture.feature_dim);
  const bool wide = parameters.dtype == DType::f64;
  const DType real = parameters.dtype;
  const cpu::Batch batch = validation::preference_batch(in, options, architecture.num_members, num_steps, wide);
  const cpu::LossParams loss = validation::preference_options(options, batch, wide);
  validation::preference_result(result, options, batch, wide);
  if (gradients.parameters.present()) validation::tensor("gradients.parameters", gradients.parameters, {real}, {parameters.shape[0]}, "[num_parameters]");
  if (gradients.features_first.present())
    validation::tensor("gradients.features_first", gradients.features_first, {real}, {num_steps, features.first.shape[1]}, "the shape of features.first");
  if (gradients.features_second.present()) {
    if (!features.second.present()) throw Error(ErrorCode::invalid_argument, "gradients.features_second was asked for without features.second");
    validation::tensor("gradients.features_second", gradients.features_second, {real}, {num_steps, features.second.shape[1]}, "the shape of features.second");
  }
  if (step_rewards.present())
    validation::tensor("step_rewards", step_rewards, {real}, {architecture.num_members, num_steps}, "[num_members, num_steps]");
  PreferenceCapacity capacity = plan.capacity();
  capacity.num_members = architecture.num_members;
  validation::within_capacity(capacity, batch, wide ? DType::f64 : capacity.dtype == DType::f64 ? DType::f32 : capacity.dtype);

  if (wide)
    MlpStep<double>(context, plan, static_cast<const double*>(parameters.data), features, batch, loss, options, result, gradients, dropout, step_rewards, workspace).run();
  else
    MlpStep<float>(context, plan, static_cast<const float*>(parameters.data), features, batch, loss, options, result, gradients, dropout, step_rewards, workspace).run();
}

void mlp_preference_loss(const Context& context, const RewardArchitecture& architecture, ConstTensorView parameters, const Features& features,
                         const PreferenceBatch& batch, const PreferenceOptions& options, const PreferenceResult& result, const MlpGradients& gradients,
                         const DropoutState& dropout, TensorView step_rewards) {
  const auto extent = [](const ConstTensorView& view, int axis) { return view.rank > axis ? std::max<std::int64_t>(0, view.shape[axis]) : std::int64_t{0}; };
  PreferenceCapacity capacity;
  validation::parameters(architecture, parameters);
  capacity.num_members = architecture.num_members;
  capacity.num_steps = validation::features(features, architecture.feature_dim);
  capacity.num_segments = batch.offsets.present() ? std::max<std::int64_t>(0, extent(batch.offsets, 0) - 1) : extent(batch.begins, 0);
  capacity.num_pairs = extent(batch.labels, 0);
  capacity.num_batch_pairs = batch.pair_order.present() ? extent(batch.pair_order, batch.pair_order.rank - 1) : 0;
  capacity.dtype = parameters.dtype == DType::f64 ? DType::f64 : DType::f32;
  const MlpLossPlan plan(architecture, capacity, context.num_threads());
  const OwnedWorkspace workspace(plan.workspace_bytes());
  mlp_preference_loss(context, plan, parameters, features, batch, options, result, gradients, dropout, step_rewards, workspace.get());
}

}  // namespace segpref
