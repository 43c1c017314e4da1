// What the host sees of the checks of values. Launchers enqueue on the stream, do not wait, and return the runtime's code.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/cuda/check_values/params.hpp"

namespace segpref::cuda {

/// No positions to look at: nothing is enqueued.
cudaError_t launch_check_values(const CheckValuesParams& params, cudaStream_t stream);

cudaError_t launch_read_offender(const ReadOffenderParams& params, cudaStream_t stream);

}  // namespace segpref::cuda
