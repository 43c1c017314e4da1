// Numbers that live on the device from one call to the next: the step of an optimiser, the epoch of a training run. A kernel that uses one only reads it;
// this one, behind it on the stream, advances it, so that a graph counts on at every replay.
#pragma once

#include <cstdint>

#include "kernels/cuda/primitives/compiler.cuh"

namespace segpref::cuda {

struct CounterTile {
  static constexpr int num_threads = 1;
};

template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads) advance_counter_kernel(std::int64_t* counter) {
  ++*counter;
}

}  // namespace segpref::cuda
