// What the host sees of the Plackett-Luce loss. Launchers enqueue on the stream, do not wait, and return the runtime's code.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/cuda/ranking_loss/params.hpp"

namespace segpref::cuda {

/// Blocks of launch_ranking_loss per member: rows of block_sums.
std::int64_t num_ranking_blocks(std::int64_t num_rankings);

/// No rankings: nothing is enqueued.
template <typename Real>
cudaError_t launch_ranking_loss(const RankingLossParams<Real>& params, cudaStream_t stream);

/// Runs for an empty batch too: its results are zeros.
template <typename Real>
cudaError_t launch_ranking_sums(const RankingSumsParams<Real>& params, cudaStream_t stream);

/// Keys and positions, unsorted. No entries: nothing is enqueued.
cudaError_t launch_ranking_keys(const RankingKeysParams& params, cudaStream_t stream);

}  // namespace segpref::cuda
