#include "kernels/cuda/reward_mlp/launchers.cuh"

namespace segpref::cuda {

template struct MlpLaunchers<Bf16Operands>;

}  // namespace segpref::cuda
