// What every operation on a device does with pairs: scores to losses and their sums, and gradients of pairs back to gradients of scores.
#pragma once

#include <cuda_runtime_api.h>

#include "host/cuda_backend/with_cuda/sorted_entries.hpp"
#include "kernels/cuda/preference_loss/params.hpp"
#include "segpref/preference_options.hpp"

namespace segpref::cuda_backend {

template <typename Real>
struct PairBuffers {
  Booked<Real> grad_pairs, grad_scale;
  Booked<double> block_sums;
  // Of scores by segment alone
  Booked<Real> grad_scores;
  SortedEntriesBuffers sides;  ///< of pairs
};

/// Pairs of a call, per member.
inline std::int64_t num_batch_pairs(const PreferenceCapacity& capacity) { return capacity.num_batch_pairs > 0 ? capacity.num_batch_pairs : capacity.num_pairs; }

/// The current device is the plan's.
/// @throws Error(unsupported) for more segments or sides of pairs than are sorted at once
template <typename Real>
PairBuffers<Real> book_pairs(const PreferenceCapacity& capacity, WorkspaceLayout& layout);
/// For side_losses alone, where segments without pairs take no room.
template <typename Real>
PairBuffers<Real> book_side_pairs(const PreferenceCapacity& capacity, WorkspaceLayout& layout);

/// Gradients of scores in device memory.
template <typename Real>
struct ScoreGradients {
  const Real* values = nullptr;  ///< [num_members, num_graded], without the divisor of a mean
  std::int64_t num_graded = 0;   ///< segments from here on have none
  const Real* scale = nullptr;   ///< [num_members], the factor of all
};

/// One call's pairs. Everything is enqueued on the stream.
template <typename Real>
struct PairWork {
  const kernels::Batch& batch;
  const kernels::LossParams& loss;
  const PreferenceOptions& options;  ///< reduction and tie parameter
  const PreferenceResult& result;
  const PairBuffers<Real>& buffers;
  Workspace workspace;
  cudaStream_t stream;

  /// What the caller asks of every pair, and of their sums; scores and scratch are for whoever launches to set.
  cuda::PairLossParams<Real> pair_params() const;
  cuda::PairSumsParams<Real> sums_params() const;

  /// Every wanted result but the scores. @param scores  [num_members, num_segments]
  void losses(const Real* scores, bool wants_gradients) const;
  /// The same for scores of the batch's sides. @param pair_counted  [num_members, num_batch_pairs], or null
  void side_losses(const Real* side_scores, bool wants_gradients, std::uint8_t* pair_counted) const;
  /// After losses(scores, true).
  ScoreGradients<Real> score_gradients() const;
  /// After side_losses(..., true): sides are graded one by one.
  ScoreGradients<Real> side_gradients() const { return {buffers.grad_pairs.in(workspace), 2 * batch.num_batch_pairs, buffers.grad_scale.in(workspace)}; }

 private:
  void launch_losses(cuda::PairLossParams<Real>& pairs, bool wants_gradients) const;
  /// A segment may stand in several pairs: their sides are sorted by segment, and added in the order of the batch.
  void add_up_pairs() const;
};

extern template struct PairWork<float>;
extern template struct PairWork<double>;

}  // namespace segpref::cuda_backend
