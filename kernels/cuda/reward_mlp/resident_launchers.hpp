// The launchers of the resident kernel in one precision. launch_resident_*.cu compile one each; launch_resident.cu picks.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/cuda/reward_mlp/resident_params.hpp"

namespace segpref::cuda {

template <class Operands>
struct MlpResidentLaunchers {
  /// Bytes of shared memory of the tile that a network takes; of one that no multiprocessor has room for, too.
  static std::size_t shared_bytes(int num_hidden, bool has_bit_slopes);
  static int blocks_per_multiprocessor(int num_hidden);
  /// The resident kernel alone.
  static cudaError_t step(const MlpResidentParams& params, cudaStream_t stream);
};

}  // namespace segpref::cuda
