// What the host sees of the resident path: a training step of a narrow network in three launches.
#pragma once

#include <cuda_runtime_api.h>

#include <string>

#include "kernels/cuda/reward_mlp/launch.hpp"
#include "kernels/cuda/reward_mlp/resident_params.hpp"

namespace segpref::cuda {

/// What a plan knows of its runs.
struct MlpResidentCapacity {
  MlpPrecision precision = MlpPrecision::f32;
  MlpShape shape;
  bool has_bit_slopes = true;          ///< MlpFormula::has_bit_slopes
  std::int64_t num_batch_pairs = 0;    ///< at most
  std::int64_t max_segment_steps = 0;  ///< 0: unknown
  std::int64_t shared_memory_per_block = 163 * 1024;  ///< of the device; that of sm_80
  bool wants_scores = false;           ///< of all segments: a block knows its own pairs' alone
  bool wants_grad_features = false;
};

/// Why runs of this capacity cannot take the resident path, as one sentence; empty: they can.
std::string why_not_resident(const MlpResidentCapacity& capacity);

/// Of a capacity that fits.
MlpResidentGrid mlp_resident_grid(const MlpResidentCapacity& capacity, int num_multiprocessors);

/// Enqueues the resident kernel, what its blocks' sums mean, and the sum of the blocks' gradients where they are wanted. The rules of launch.hpp hold.
cudaError_t launch_mlp_resident(MlpPrecision precision, const MlpResidentParams& params, cudaStream_t stream);

}  // namespace segpref::cuda
