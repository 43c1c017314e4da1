// What the host sees of query_scores.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/cuda/query_scores/params.hpp"

namespace segpref::cuda {

/// Enqueues on the stream, does not wait, returns the runtime's code. No pairs: nothing is enqueued.
template <typename Real>
cudaError_t launch_query_scores(const QueryScoresParams<Real>& params, cudaStream_t stream);

}  // namespace segpref::cuda
