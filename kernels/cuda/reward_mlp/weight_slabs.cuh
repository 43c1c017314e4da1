// Weights of all layers on their way through a ring of shared buffers. They do not depend on activations, so the ring runs across layers: while
// a layer is finished, slabs of the next one arrive.
#pragma once

#include "kernels/cuda/primitives/async_copy.cuh"
#include "kernels/cuda/reward_mlp/config.cuh"

namespace segpref::cuda {

/// Forward: layers from the first to the last, `slab` inputs of all units at a time. Backward: from the last to the second, `slab` units with all
/// inputs. All threads come.
template <class Tile, bool is_forward>
class WeightSlabs {
  using Element = typename Tile::Element;
  using Storage = typename Tile::SharedStorage;

 public:
  SEGPREF_DEVICE WeightSlabs(const MlpShape& shape, const void* packed, std::int64_t member, Storage& shared)
      : shape_(shape), packed_(static_cast<const Element*>(packed) + member * shape.packed_size), shared_(shared) {
    SEGPREF_UNROLL
    for (int i = 0; i < Tile::stages - 1; ++i) copy_slab(i);
  }

  /// The next slab. Its barrier also publishes whatever threads wrote into shared memory before.
  SEGPREF_DEVICE const Element* take() {
    async_copy_wait<Tile::stages - 2>();
    __syncthreads();  // the slab has arrived for everyone, and everyone has left the buffer that is filled now
    copy_slab(next_ + Tile::stages - 1);
    return shared_.slabs[next_++ % Tile::stages];
  }

  /// After the last slab.
  SEGPREF_DEVICE void end() { async_copy_wait<0>(); }

 private:
  /// Where a slab lies is found anew each time: sums leave no registers to remember it in.
  SEGPREF_DEVICE void copy_slab(int index) const {
    int layer = is_forward ? 0 : shape_.num_hidden - 1, first = index * Tile::slab;
    Element* const to = shared_.slabs[index % Tile::stages];
    if constexpr (is_forward) {
      while (layer < shape_.num_hidden && first >= shape_.padded_width[layer]) first -= shape_.padded_width[layer++];
      if (layer < shape_.num_hidden) copy_inputs(layer, first, to);
    } else {
      while (layer > 0 && first >= shape_.padded_width[layer + 1]) first -= shape_.padded_width[1 + layer--];
      if (layer > 0) copy_units(layer, first, to);
    }
    async_copy_commit();  // an empty group at the end keeps the count of groups
  }

  SEGPREF_DEVICE void copy_inputs(int layer, int first, Element* to) const {
    constexpr int copies_per_row = Tile::slab / Tile::elements_per_copy;
    const int stride = shape_.padded_width[layer], num_units = shape_.padded_width[layer + 1];
    const Element* from = packed_ + shape_.packed[layer] + first;
    SEGPREF_UNROLL
    for (int i = static_cast<int>(threadIdx.x); i < Tile::width * copies_per_row; i += Tile::num_threads) {
      const int unit = i / copies_per_row, column = i % copies_per_row * Tile::elements_per_copy;
      async_copy_16(to + Tile::ForwardSlab::index(unit, column), from + unit * stride + column, unit < num_units);
    }
  }

  SEGPREF_DEVICE void copy_units(int layer, int first, Element* to) const {
    constexpr int copies_per_row = Tile::width / Tile::elements_per_copy;
    const int stride = shape_.padded_width[layer];
    const Element* from = packed_ + shape_.packed[layer] + std::int64_t{first} * stride;
    SEGPREF_UNROLL
    for (int i = static_cast<int>(threadIdx.x); i < Tile::slab * copies_per_row; i += Tile::num_threads) {
      const int unit = i / copies_per_row, column = i % copies_per_row * Tile::elements_per_copy;
      async_copy_16(to + Tile::BackwardSlab::index(unit, column), from + unit * stride + column, column < stride);
    }
  }

  const MlpShape& shape_;
  const Element* packed_;
  Storage& shared_;
  int next_ = 0;  // the slab that is taken next
};

}  // namespace segpref::cuda
