#include "kernels/cuda/reward_mlp/resident_launchers.cuh"

namespace segpref::cuda {

template struct MlpResidentLaunchers<SplitTf32Operands>;

}  // namespace segpref::cuda
