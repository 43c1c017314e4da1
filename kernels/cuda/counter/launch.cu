#include "kernels/cuda/counter/launch.hpp"

#include "kernels/cuda/counter/kernel.cuh"
#include "kernels/cuda/primitives/launch.hpp"

namespace segpref::cuda {

cudaError_t launch_advance_counter(std::int64_t* counter, cudaStream_t stream) {
  return launch_kernel(advance_counter_kernel<CounterTile>, 1, CounterTile::num_threads, 0, stream, counter);
}

}  // namespace segpref::cuda
