#include "kernels/cuda/reward_mlp/launchers.cuh"

namespace segpref::cuda {

template struct MlpLaunchers<F16Operands>;

}  // namespace segpref::cuda
