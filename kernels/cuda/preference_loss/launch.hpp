// What the host sees of the pair stage. Every launcher enqueues on the stream, does not wait, and returns the runtime's code; where there is
// nothing to do, nothing is enqueued.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/cuda/preference_loss/params.hpp"
#include "kernels/cuda/preference_loss/segment_entries.hpp"

namespace segpref::cuda {

/// Blocks of launch_pair_loss per member: rows of block_sums.
std::int64_t num_pair_blocks(std::int64_t num_batch_pairs);

template <typename Real>
cudaError_t launch_pair_loss(const PairLossParams<Real>& params, cudaStream_t stream);

/// Runs for an empty batch too: its results are zeros.
template <typename Real>
cudaError_t launch_pair_sums(const PairSumsParams<Real>& params, cudaStream_t stream);

/// Keys and entries, unsorted.
cudaError_t launch_segment_keys(const SegmentEntriesParams& params, cudaStream_t stream);

/// @param sorted_keys    [num_entries]
/// @param first_entries  [num_keys + 1]
cudaError_t launch_first_entries(const std::uint64_t* sorted_keys, std::int64_t num_entries, std::int64_t num_keys, std::uint32_t* first_entries, cudaStream_t stream);

/// <f32, f32>, <f64, f64>, and <f64, f32> for rankings.
template <typename Source, typename Real>
cudaError_t launch_gather_gradients(const GatherGradientsParams<Source, Real>& params, cudaStream_t stream);

}  // namespace segpref::cuda
