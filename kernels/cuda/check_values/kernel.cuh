// Looks for the first value of a batch that breaks a rule: arrays along one axis of the grid, rules along the other.
//   reads   every checked array once per rule (a neighbour comes from the cache), coalesced, several loads in flight
//   order   the smallest of (rule, position): an integer minimum, the same whatever the blocks' order; a legal batch makes none
#pragma once

#include "kernels/cuda/check_values/params.hpp"
#include "kernels/cuda/primitives/thread.cuh"

namespace segpref::cuda {

/// Not measured on a GPU yet.
struct CheckValuesTile {
  static constexpr int num_threads = 256;
  static constexpr int loads = 4;          ///< positions that a thread looks at before it decides
  static constexpr int most_blocks = 512;  ///< per rule
};

/// The first position of first, first + stride, ... below end that breaks a rule, or -1.
template <class Tile>
struct StridedScan {
  std::int64_t first, end, stride;

  template <class IsBroken>
  SEGPREF_HOST_DEVICE std::int64_t operator()(const IsBroken& is_broken) const {
    for (std::int64_t i = first; i < end; i += Tile::loads * stride) {
      unsigned broken = 0;
      for (int load = 0; load < Tile::loads; ++load)  // unrolled by nvcc as it is; a pragma is nothing for the host's half of this function
        if (i + load * stride < end && is_broken(i + load * stride)) broken |= 1u << load;
      for (int load = 0; broken != 0; ++load, broken >>= 1)
        if ((broken & 1u) != 0) return i + load * stride;
    }
    return -1;
  }
};

/// blockIdx.y is the rule.
template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads) check_values_kernel(const __grid_constant__ CheckValuesParams p) {
  const kernels::ValueCheck& check = p.checks[blockIdx.y];
  const std::int64_t first = check.begin + std::int64_t{blockIdx.x} * Tile::num_threads + threadIdx.x;
  const std::int64_t position = kernels::scan_values(check, StridedScan<Tile>{first, check.end, std::int64_t{gridDim.x} * Tile::num_threads});
  if (position >= 0) atomicMin(p.first_offender, (static_cast<unsigned long long>(blockIdx.y) << offender_position_bits) + static_cast<unsigned long long>(position));
}

/// One thread: the values that a message names.
struct ReadOffenderTile {
  static constexpr int num_threads = 1;
};

template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads) read_offender_kernel(const __grid_constant__ ReadOffenderParams p) {
  const kernels::ValuesAt found = kernels::values_at(p.check, p.position);
  *p.values = found;
}

}  // namespace segpref::cuda
