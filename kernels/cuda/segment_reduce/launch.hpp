// What the host sees of segment_reduce's kernels.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/cuda/segment_reduce/params.hpp"

namespace segpref::cuda {

/// Enqueues the scores of all members and segments. Everything params points to is device memory of the stream's device, and stays until the
/// stream has passed. No segment and no member: nothing is enqueued. Returns the runtime's code; does not wait.
template <typename Element, typename Real, typename Index>
cudaError_t launch_segment_scores(const SegmentScoresParams<Element, Real, Index>& params, SegmentRegime regime, cudaStream_t stream);

}  // namespace segpref::cuda
