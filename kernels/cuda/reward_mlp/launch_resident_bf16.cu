#include "kernels/cuda/reward_mlp/resident_launchers.cuh"

namespace segpref::cuda {

template struct MlpResidentLaunchers<Bf16Operands>;

}  // namespace segpref::cuda
