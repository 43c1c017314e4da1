// Tiles of adamw. The kernel is bound by memory: 28 bytes per f32 parameter; a thread moves 16 bytes of each f32 array.
#pragma once

namespace segpref::cuda {

template <typename Real>
struct AlignedAdamWTile {  // every array begins at a multiple of 16 bytes
  static constexpr int num_threads = 256;
  static constexpr int elements_per_thread = sizeof(Real) == 4 ? 4 : 1;  // two f64 at once spill on sm_100, where division is a call
};

template <typename Real>
struct UnalignedAdamWTile {
  static constexpr int num_threads = 256;
  static constexpr int elements_per_thread = 1;
};

}  // namespace segpref::cuda
