// Tiles of adamw. The kernel is bound by memory: 28 bytes per f32 parameter; a thread moves 16 bytes of each array.
#pragma once

namespace segpref::cuda {

template <typename Real>
struct AlignedAdamWTile {  // every array begins at a multiple of 16 bytes
  static constexpr int num_threads = 256;
  static constexpr int elements_per_thread = 16 / static_cast<int>(sizeof(Real));
};

template <typename Real>
struct UnalignedAdamWTile {
  static constexpr int num_threads = 256;
  static constexpr int elements_per_thread = 1;
};

}  // namespace segpref::cuda
