// A reward MLP as the kernels see it: what the loss and predictions have in common.
#pragma once

#include "host/device/device.hpp"
#include "kernels/cuda/reward_mlp/launch.hpp"
#include "segpref/reward_mlp.hpp"

namespace segpref::cuda_backend {

struct MlpNetwork {
  cuda::MlpShape shape;
  cuda::MlpPrecision precision = cuda::MlpPrecision::f32;

  /// Bytes of the hidden weights as operands.
  std::int64_t packed_bytes() const { return shape.num_members * shape.packed_size * cuda::operand_bytes(precision); }
  const char* operand_words() const;  ///< "bf16"
};

/// @param real  of the parameters
/// @throws Error(unsupported) for what there is no kernel for, and for tiles that the device has no room for
MlpNetwork mlp_network(const RewardArchitecture& architecture, DType real, Compute compute, int device_index);

/// @throws Error(unsupported) where a block of the network's kernels takes more shared memory than the device gives it
void check_shared_memory(const MlpNetwork& network, const device::Description& description, int device_index);

/// Features in device memory. Every step is a row, until the caller says otherwise.
cuda::MlpRows feature_rows(const Features& features);

}  // namespace segpref::cuda_backend
