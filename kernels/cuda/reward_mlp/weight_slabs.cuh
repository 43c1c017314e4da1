// Weights of all layers on their way through a ring of shared buffers. They do not depend on activations, so the ring runs across layers: while
// a layer is finished, slabs of the next one arrive.
#pragma once

#include "kernels/cuda/primitives/async_copy.cuh"
#include "kernels/cuda/reward_mlp/config.cuh"

namespace segpref::cuda {

/// Forward: layers from the first to the last, `slab` inputs of all units at a time. Backward: from the last to the second, `slab` units with all
/// inputs. "All" are taken in bands, one after the other. All threads come.
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
    int layer = is_forward ? 0 : shape_.num_hidden - 1, in_layer = index;
    Element* const to = shared_.slabs[index % Tile::stages];
    if constexpr (is_forward) {
      for (; layer < shape_.num_hidden && in_layer >= num_slabs(layer, layer + 1); ++layer) in_layer -= num_slabs(layer, layer + 1);
      if (layer < shape_.num_hidden) copy_inputs(layer, first_of(in_layer, layer + 1), band_of(in_layer, layer + 1), to);
    } else {
      for (; layer > 0 && in_layer >= num_slabs(layer + 1, layer); --layer) in_layer -= num_slabs(layer + 1, layer);
      if (layer > 0) copy_units(layer, first_of(in_layer, layer), band_of(in_layer, layer), to);
    }
    async_copy_commit();  // an empty group at the end keeps the count of groups
  }

  // Of a product over the columns of one layer, whose results are the columns of another
  SEGPREF_DEVICE int num_slabs(int from, int to) const { return shape_.padded_width[from] / Tile::slab * Tile::bands_of(shape_.padded_width[to]); }
  SEGPREF_DEVICE int first_of(int slab, int to) const { return slab / Tile::bands_of(shape_.padded_width[to]) * Tile::slab; }
  SEGPREF_DEVICE int band_of(int slab, int to) const { return slab % Tile::bands_of(shape_.padded_width[to]) * Tile::band_width; }

  /// Inputs from `first` on of the units from `band` on.
  SEGPREF_DEVICE void copy_inputs(int layer, int first, int band, Element* to) const {
    constexpr int copies_per_row = Tile::slab / Tile::elements_per_copy;
    const int stride = shape_.padded_width[layer], num_units = shape_.padded_width[layer + 1] - band;
    const Element* from = packed_ + shape_.packed[layer] + std::int64_t{band} * stride + first;
    SEGPREF_UNROLL
    for (int i = static_cast<int>(threadIdx.x); i < Tile::band_width * copies_per_row; i += Tile::num_threads) {
      const int unit = i / copies_per_row, column = i % copies_per_row * Tile::elements_per_copy;
      async_copy_16(to + Tile::ForwardSlab::index(unit, column), from + unit * stride + column, unit < num_units);
    }
  }

  /// Units from `first` on with the inputs from `band` on.
  SEGPREF_DEVICE void copy_units(int layer, int first, int band, Element* to) const {
    constexpr int copies_per_row = Tile::band_width / Tile::elements_per_copy;
    const int stride = shape_.padded_width[layer], num_columns = stride - band;
    const Element* from = packed_ + shape_.packed[layer] + std::int64_t{first} * stride + band;
    SEGPREF_UNROLL
    for (int i = static_cast<int>(threadIdx.x); i < Tile::slab * copies_per_row; i += Tile::num_threads) {
      const int unit = i / copies_per_row, column = i % copies_per_row * Tile::elements_per_copy;
      async_copy_16(to + Tile::BackwardSlab::index(unit, column), from + unit * stride + column, column < num_columns);
    }
  }

  const MlpShape& shape_;
  const Element* packed_;
  Storage& shared_;
  int next_ = 0;  // the slab that is taken next
};

}  // namespace segpref::cuda
