// What the host sees of an epoch's minibatches.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

#include "kernels/cuda/minibatch/params.hpp"

namespace segpref::cuda {

/// Bytes of storage that launch_epoch_order needs on the current device.
cudaError_t epoch_order_storage_bytes(std::int64_t num_lists, std::int64_t num_pairs, std::size_t& bytes);

// Each enqueues its kernels on the stream and returns the runtime's code; none waits. Without pairs nothing is enqueued. An epoch on the device is read, not
// advanced: that is for whoever knows that nobody needs it any more (kernels/cuda/counter).

cudaError_t launch_bootstrap_pairs(const BootstrapParams& params, cudaStream_t stream);
cudaError_t launch_epoch_order(const EpochOrderParams& params, void* storage, std::size_t storage_bytes, cudaStream_t stream);

}  // namespace segpref::cuda
