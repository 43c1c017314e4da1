// Slopes of a layer's units, kept in the order of the sums: the thread that made a value is the thread that needs its slope. No layout changes,
// everything is coalesced, and activations need not be read again.
#pragma once

#include "kernels/cuda/reward_mlp/config.cuh"

namespace segpref::cuda {

/// A bit per unit: its pre-activation was positive.
template <class Tile>
struct SlopeBits {
  std::uint32_t words[Tile::slope_words] = {};

  SEGPREF_DEVICE void set(int unit, bool is_positive) { words[unit / 32] |= static_cast<std::uint32_t>(is_positive) << unit % 32; }
  SEGPREF_DEVICE bool get(int unit) const { return (words[unit / 32] >> unit % 32 & 1u) != 0; }
};

/// Where the slopes of one tile's layer are kept: words or pairs of all threads side by side.
template <class Tile>
class KeptSlopes {
  using Pair = typename Tile::Operands::Pair;

 public:
  SEGPREF_DEVICE KeptSlopes(const MlpShape& shape, void* slopes, bool are_bits, std::int64_t row_capacity, std::int64_t member, int layer) {
    const std::int64_t tile = (member * shape.num_hidden + layer) * Tile::num_tiles(row_capacity) + blockIdx.x;
    begin_ = static_cast<unsigned char*>(slopes) + tile * Tile::slope_bytes(are_bits);
  }

  SEGPREF_DEVICE void store(const SlopeBits<Tile>& bits) const {
    SEGPREF_UNROLL
    for (int i = 0; i < Tile::slope_words; ++i) reinterpret_cast<std::uint32_t*>(begin_)[i * Tile::num_threads + threadIdx.x] = bits.words[i];
  }
  SEGPREF_DEVICE void load(SlopeBits<Tile>& bits) const {
    SEGPREF_UNROLL
    for (int i = 0; i < Tile::slope_words; ++i) bits.words[i] = reinterpret_cast<const std::uint32_t*>(begin_)[i * Tile::num_threads + threadIdx.x];
  }
  /// The slopes of pair `index`, as operands.
  SEGPREF_DEVICE Pair& pair(int index) const { return reinterpret_cast<Pair*>(begin_)[index * Tile::num_threads + threadIdx.x]; }

 private:
  unsigned char* begin_;
};

}  // namespace segpref::cuda
