// What the host sees of a batch's rows. Launchers enqueue on the stream, do not wait, and return the runtime's code; without pairs nothing is enqueued.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/cuda/batch_rows/params.hpp"

namespace segpref::cuda {

// In this order; what happens between them is said by the arrays.

cudaError_t launch_side_keys(const BatchRowsParams& params, cudaStream_t stream);
cudaError_t launch_side_ends(const BatchRowsParams& params, cudaStream_t stream);
cudaError_t launch_fresh_steps(const BatchRowsParams& params, cudaStream_t stream);
/// Windows and the steps of rows.
cudaError_t launch_batch_rows(const BatchRowsParams& params, cudaStream_t stream);

/// Scores of segments in no pair become 0.
cudaError_t launch_store_side_scores(const StoreSideScoresParams& params, cudaStream_t stream);
/// Rewards of steps in no counted pair become 0.
cudaError_t launch_store_row_rewards(const StoreRowRewardsParams& params, cudaStream_t stream);

}  // namespace segpref::cuda
