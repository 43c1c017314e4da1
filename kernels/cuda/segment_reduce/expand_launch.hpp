// What the host sees of the expansion of gradients. Launchers enqueue on the stream, do not wait, and return the runtime's code; no steps:
// nothing is enqueued.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/cuda/segment_reduce/expand_params.hpp"

namespace segpref::cuda {

template <typename Element, typename Real>
cudaError_t launch_expand_gradient(const ExpandParams<Element, Real>& params, cudaStream_t stream);

template <typename Element, typename Real>
cudaError_t launch_expand_windows(const ExpandWindowsParams<Element, Real>& params, cudaStream_t stream);

}  // namespace segpref::cuda
