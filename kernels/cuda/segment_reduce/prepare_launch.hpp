// What the host sees of the preparing kernels. Launchers enqueue on the stream, do not wait, and return the runtime's code; nothing to do:
// nothing is enqueued.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/cuda/segment_reduce/prepare_params.hpp"

namespace segpref::cuda {

template <typename Real>
cudaError_t launch_discount_powers(const DiscountPowersParams<Real>& params, cudaStream_t stream);

/// Fills keys and windows.
cudaError_t launch_window_keys(const WindowOrderParams& params, cudaStream_t stream);
/// Fills ends from sorted_begins and by_begin.
cudaError_t launch_window_ends(const WindowOrderParams& params, cudaStream_t stream);

}  // namespace segpref::cuda
