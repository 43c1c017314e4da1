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
      : shape_(shape), packed_(static_cast<const Element*>(packed) + member * shape.packed_size), shared_(shared), layer_(is_forward ? 0 : shape.num_hidden - 1) {
    SEGPREF_UNROLL
    for (int i = 0; i < Tile::stages - 1; ++i) copy_next(i);
  }

  /// The next slab. Its barrier also publishes whatever threads wrote into shared memory before.
  SEGPREF_DEVICE const Element* take() {
    async_copy_wait<Tile::stages - 2>();
    __syncthreads();  // the slab has arrived for everyone, and everyone has left the buffer that is filled now
    const int stage = stage_;
    copy_next(stage == 0 ? Tile::stages - 1 : stage - 1);
    stage_ = stage + 1 == Tile::stages ? 0 : stage + 1;
    return shared_.slabs[stage];
  }

  /// After the last slab.
  SEGPREF_DEVICE void end() { async_copy_wait<0>(); }

 private:
  SEGPREF_DEVICE void copy_next(int stage) {
    if (is_forward ? layer_ < shape_.num_hidden : layer_ > 0) {
      if constexpr (is_forward) copy_inputs(shared_.slabs[stage]);
      else copy_units(shared_.slabs[stage]);
      first_ += Tile::slab;
      if (first_ >= shape_.padded_width[is_forward ? layer_ : layer_ + 1]) layer_ += is_forward ? 1 : -1, first_ = 0;
    }
    async_copy_commit();  // an empty group at the end keeps the count of groups
  }

  SEGPREF_DEVICE void copy_inputs(Element* to) const {
    constexpr int copies_per_row = Tile::slab / Tile::elements_per_copy;
    const int stride = shape_.padded_width[layer_], num_units = shape_.padded_width[layer_ + 1];
    const Element* from = packed_ + shape_.packed[layer_] + first_;
    SEGPREF_UNROLL
    for (int i = static_cast<int>(threadIdx.x); i < Tile::width * copies_per_row; i += Tile::num_threads) {
      const int unit = i / copies_per_row, column = i % copies_per_row * Tile::elements_per_copy;
      async_copy_16(to + Tile::ForwardSlab::index(unit, column), from + unit * stride + column, unit < num_units);
    }
  }

  SEGPREF_DEVICE void copy_units(Element* to) const {
    constexpr int copies_per_row = Tile::width / Tile::elements_per_copy;
    const int stride = shape_.padded_width[layer_];
    const Element* from = packed_ + shape_.packed[layer_] + std::int64_t{first_} * stride;
    SEGPREF_UNROLL
    for (int i = static_cast<int>(threadIdx.x); i < Tile::slab * copies_per_row; i += Tile::num_threads) {
      const int unit = i / copies_per_row, column = i % copies_per_row * Tile::elements_per_copy;
      async_copy_16(to + Tile::BackwardSlab::index(unit, column), from + unit * stride + column, column < stride);
    }
  }

  const MlpShape& shape_;
  const Element* packed_;
  Storage& shared_;
  int layer_, first_ = 0;  // what is copied next
  int stage_ = 0;          // what is taken next
};

}  // namespace segpref::cuda
