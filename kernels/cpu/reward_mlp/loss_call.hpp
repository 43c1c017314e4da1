// One call of mlp_preference_loss as its two paths see it: validated arguments, and the buffers booked in the workspace.
#pragma once

#include <array>
#include <cstddef>

#include "host/plan/workspace_layout.hpp"
#include "kernels/cpu/batch_loss.hpp"
#include "kernels/cpu/reward_mlp/feature_rows.hpp"
#include "kernels/cpu/reward_mlp/local_pairs.hpp"
#include "kernels/cpu/reward_mlp/precise_network.hpp"
#include "kernels/cpu/segment_reduce.hpp"

namespace segpref::cpu::mlp {

/// A group of whole pairs that follow each other through forward, loss and backward has about this many rows.
inline constexpr std::int64_t rows_per_group = 192;
/// A group holds at most this many: a longer pair takes the steps path.
inline constexpr std::int64_t max_group_rows = 1024;

constexpr std::int64_t num_tiles(std::int64_t rows) { return (rows + rows_per_tile - 1) / rows_per_tile; }

/// What a plan books, in elements. Everything is a function of architecture, capacity and number of threads.
template <typename Real>
struct LossBuffers {
  std::int64_t row_capacity = 0, pair_capacity = 0;
  std::int64_t max_slabs = 0;                             ///< parts of a member's weight gradient
  bool stores_activations = false;                        ///< steps path: kept between its two passes
  std::int64_t group_capacity = 0;                        ///< pairs path: rows of a group

  Booked<Real> packed;                                    ///< [num_members, packed_size]
  Booked<Real> slab_gradients;                            ///< [num_members, max_slabs, grad_size]
  Booked<Real> discount_powers;                           ///< [num_steps]
  Booked<Real> feature_scale;                             ///< [2, padded feature_dim]
  // per member and pair, or segment of a pair
  Booked<std::int64_t> begins, lengths, by_begin, reach;  ///< [num_members, 2 * pairs]
  Booked<Real> scores, grad_scores, grad_pairs;           ///< [num_members, 2 * pairs]
  Booked<Real> labels, weights, margins;                  ///< [num_members, pairs]
  Booked<std::uint8_t> segment_counted, pair_counted;
  Booked<PairSums> slab_sums;
  // steps path, per member and row
  Booked<std::int64_t> steps;                             ///< [num_members, rows]
  Booked<Real> rewards, reward_slopes, grad_rewards;      ///< [num_members, rows]
  Booked<std::uint8_t> row_use;
  // per thread, for a group of rows
  Booked<std::int64_t> thread_steps;
  Booked<Real> thread_features, thread_row_values, thread_grad_features, thread_scratch;
  // per thread, or per tile of a member where the steps path keeps them
  Booked<Real> activations, slopes;
};

template <typename Real>
LossBuffers<Real> book_loss(const PreciseNetwork<Real>& network, const PreferenceCapacity& capacity, int num_threads, WorkspaceLayout& layout);

/// A thread's rows on their way through the network: arrays of group_capacity rows.
template <typename Real>
struct ThreadRows {
  std::int64_t* steps;                                     ///< the step of each row
  Real* features;                                          ///< [rows, padded feature_dim]
  Real *traces, *raw, *rewards, *reward_slopes, *grad_rewards;  ///< traces: of pack_rows; raw: outputs, then their gradients
  Real* grad_features;                                     ///< [rows_per_tile, padded feature_dim]
  Real* scratch;                                           ///< of backward_tile
};

template <typename Real>
struct LossCall {
  ThreadPool& pool;
  PreciseNetwork<Real> network;
  const Real* parameters;
  const Features& features;
  const Batch& batch;
  const LossParams& loss;
  const PreferenceOptions& options;
  const PreferenceResult& result;
  const MlpGradients& gradients;
  const DropoutState& dropout;
  const TensorView& step_rewards;
  Workspace workspace;
  LossBuffers<Real> buffers;
  AggregationParams<Real> aggregation{};
  FeatureScale<Real> feature_scale{};
  std::array<LocalPairs, 32> local{};  ///< per member

  template <typename T>
  T* at(const Booked<T>& booked, std::int64_t position = 0) const {
    T* begin = booked.in(workspace);
    return begin == nullptr ? nullptr : begin + position;
  }
  const RewardArchitecture& architecture() const { return network.architecture; }
  const Shape& shape() const { return network.shape; }
  std::int64_t num_members() const { return architecture().num_members; }
  std::int64_t pair_at(std::int64_t member, std::int64_t pair = 0) const { return member * buffers.pair_capacity + pair; }
  const Real* packed(std::int64_t member) const { return at(buffers.packed, member * shape().packed_size); }
  bool wants_gradients() const { return gradients.parameters.present() || wants_feature_gradients(); }
  bool wants_feature_gradients() const { return gradients.features_first.present() || gradients.features_second.present(); }

  ThreadRows<Real> rows_of_thread(int thread) const;
  /// Labels, weights and margins of the member's pairs [begin, end), gathered into the buffers, as arrays that begin with pair `begin`.
  void gather_values(std::int64_t member, std::int64_t begin, std::int64_t end, Batch& to) const;
  /// The tie parameter of one member.
  RealArray tie_parameter_of(std::int64_t member) const;
  /// Scores of the segments that pairs use, 0 elsewhere, from the members' buffers.
  void store_scores() const;
};

/// The distinct steps of the batch's pairs as rows: forward of all, the loss, backward of all. Takes every call.
template <typename Real>
void run_steps_path(LossCall<Real>& call);

/// Groups of whole pairs: forward, loss and backward of one follow each other while its activations are in cache.
template <typename Real>
void run_pairs_path(LossCall<Real>& call);

/// Whether the pairs path does what this call asks: weight gradients and nothing per step, pairs of at most max_group_rows rows, and few
/// steps that stand in several pairs (they are computed once for each).
template <typename Real>
bool takes_pairs_path(const LossCall<Real>& call);

}  // namespace segpref::cpu::mlp
