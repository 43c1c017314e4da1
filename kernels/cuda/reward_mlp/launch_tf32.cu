#include "kernels/cuda/reward_mlp/launchers.cuh"

namespace segpref::cuda {

template struct MlpLaunchers<Tf32Operands>;

}  // namespace segpref::cuda
