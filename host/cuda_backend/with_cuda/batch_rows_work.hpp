// The distinct steps that a batch's pairs use, as rows in the plan's workspace (kernels/cuda/batch_rows): for models whose work per step is much.
#pragma once

#include <cuda_runtime_api.h>

#include "host/cuda_backend/with_cuda/segment_work.hpp"
#include "kernels/cuda/batch_rows/params.hpp"

namespace segpref::cuda_backend {

struct BatchRowsBuffers {
  std::int64_t row_capacity = 0;  ///< of a list
  // [sides of all members]
  Booked<std::uint64_t> keys, sorted_begins;
  Booked<std::uint32_t> sides, by_begin;
  Booked<std::int64_t> lengths, sorted_ends, reach, fresh, rows_through, row_begins, row_lengths, sorted_row_begins, sorted_row_ends, row_reach;
  Booked<std::int64_t> steps;                 ///< [num_members, row_capacity]
  Booked<std::int64_t> num_needed, num_rows;  ///< [num_members]
  Booked<std::byte> storage;
};

/// Steps that the pairs of a call cover, per list of pairs: what a plan was promised, and at least 1.
std::int64_t row_capacity(const PreferenceCapacity& capacity);

/// For one list of pairs per member. The current device is the plan's.
/// @throws Error(unsupported) for more rows than are counted
BatchRowsBuffers book_batch_rows(const PreferenceCapacity& capacity, WorkspaceLayout& layout);

/// One call's rows. Everything is enqueued on the stream.
class BatchRowsWork {
 public:
  /// @param all_pairs  those of weight 0 too
  /// @param rewards    [num_members, row_capacity], of the rows
  BatchRowsWork(const kernels::Batch& batch, bool all_pairs, const BatchRowsBuffers& buffers, float* rewards, Workspace workspace, cudaStream_t stream);

  std::int64_t num_lists() const { return params_.num_lists; }
  std::int64_t row_capacity() const { return params_.row_capacity; }
  const std::int64_t* steps() const { return params_.steps; }
  const std::int64_t* num_rows() const { return params_.num_rows; }

  void make() const;
  /// Waits. @throws Error(invalid_argument) where a list takes more rows than there is room for; without this check its loss is NaN and its gradients are 0
  void check_capacity() const;
  /// The sides as windows into the rows, for SegmentWork: its scores are those of sides, its steps are rows.
  kernels::Batch windows() const;
  WindowOrder order() const { return {params_.by_begin, params_.sorted_row_begins, params_.sorted_row_ends, params_.row_reach}; }

  /// @param scores  [num_members, num_segments], 0 where no pair has the segment
  void store_scores(const float* side_scores, float* scores) const;
  /// @param pair_counted  [num_members, num_batch_pairs]    @param step_rewards  [num_members, num_steps], 0 for steps in no counted pair
  void store_rewards(const std::uint8_t* pair_counted, float* step_rewards) const;

 private:
  cuda::BatchRowsParams params_;
  std::uint64_t* sorted_begins_;
  std::uint32_t* by_begin_;
  std::int64_t *reach_, *rows_through_;
  std::byte* storage_;
  std::size_t storage_bytes_;
  cudaStream_t stream_;
};

}  // namespace segpref::cuda_backend
