// Gradients of the features, summed over members: sum of scale * dZ[0] * W[0], one more product behind the backward kernel.
//   reads    dZ of the first layer and its weights, once per tile that needs them
//   writes   the gradients of the listed steps once, in f32; other steps are not touched
//   order    units in order, then as tensor cores do; members in order, of one launch or of several: no atomics, no partial sums
//   left out rows with grad_raw 0: they are copied as zeros, so that a NaN in them leaves no trace
#pragma once

#include "kernels/cuda/primitives/async_copy.cuh"
#include "kernels/cuda/primitives/fast_divide.cuh"
#include "kernels/cuda/primitives/thread.cuh"
#include "kernels/cuda/reward_mlp/config.cuh"
#include "kernels/cuda/reward_mlp/params.hpp"

namespace segpref::cuda {

template <class Tile>
class GradFeatures {
  using Operands = typename Tile::Operands;
  using Element = typename Tile::Element;
  using Slab = typename Tile::Slab;

 public:
  SEGPREF_DEVICE GradFeatures(const MlpGradFeaturesParams& p, Slab* slabs, std::int64_t num_rows)
      : p_(p), slabs_(slabs), first_row_(std::int64_t{blockIdx.x} * Tile::rows), first_column_(static_cast<int>(blockIdx.y) * Tile::columns),
        num_rows_(static_cast<int>(smaller(num_rows - first_row_, std::int64_t{Tile::rows}))),
        warp_row_(warp_of_thread() / Tile::warps_along_columns * Tile::row_tiles * SumsTile::side),
        warp_column_(warp_of_thread() % Tile::warps_along_columns * Tile::column_tiles * SumsTile::side) {}

  SEGPREF_DEVICE void run() {
    const int slabs_per_member = p_.shape.padded_width[1] / Tile::slab, num_slabs = slabs_per_member * p_.num_members();
    SEGPREF_UNROLL
    for (int i = 0; i < Tile::stages - 1; ++i) copy_slab(i, num_slabs, slabs_per_member);
    SEGPREF_UNROLL_BY(1)
    for (int i = 0; i < num_slabs; ++i) {
      async_copy_wait<Tile::stages - 2>();
      __syncthreads();  // slab i has arrived for everyone, and everyone has left the buffer that is filled now
      copy_slab(i + Tile::stages - 1, num_slabs, slabs_per_member);
      add_slab(slabs_[i % Tile::stages]);
      if ((i + 1) % slabs_per_member == 0) add_member(p_.first_member() + i / slabs_per_member);
    }
    async_copy_wait<0>();
    store();
  }

 private:
  SEGPREF_DEVICE void copy_slab(int slab, int num_slabs, int slabs_per_member) const {
    if (slab < num_slabs) {
      const std::int64_t member = p_.first_member() + slab / slabs_per_member;
      const int first_unit = slab % slabs_per_member * Tile::slab, num_units = p_.shape.padded_width[1], num_columns = p_.shape.padded_width[0];
      Slab& to = slabs_[slab % Tile::stages];
      const float* const grad_raw = p_.grad_raw + member * p_.rows.row_capacity + first_row_;
      const Element* const grads = static_cast<const Element*>(p_.grad_hidden) + p_.shape.activations_of(0, member, p_.rows.row_capacity) + first_row_ * num_units + first_unit;
      constexpr int copies_per_row = Tile::slab / Tile::elements_per_copy;
      SEGPREF_UNROLL
      for (int i = static_cast<int>(threadIdx.x); i < Tile::rows * copies_per_row; i += Tile::num_threads) {
        const int row = i / copies_per_row, unit = i % copies_per_row * Tile::elements_per_copy;
        async_copy_16(to.grads + Tile::GradLayout::index(row, unit), grads + row * num_units + unit, row < num_rows_ && grad_raw[row] != 0);
      }
      const Element* const weights = static_cast<const Element*>(p_.packed) + member * p_.shape.packed_size + p_.shape.packed[0] + std::int64_t{first_unit} * num_columns + first_column_;
      constexpr int copies_per_unit = Tile::columns / Tile::elements_per_copy;
      SEGPREF_UNROLL
      for (int i = static_cast<int>(threadIdx.x); i < Tile::slab * copies_per_unit; i += Tile::num_threads) {
        const int unit = i / copies_per_unit, column = i % copies_per_unit * Tile::elements_per_copy;
        async_copy_16(to.weights + Tile::WeightLayout::index(unit, column), weights + unit * num_columns + column, first_column_ + column < num_columns);
      }
    }
    async_copy_commit();  // an empty group at the end keeps the count of groups
  }

  /// Warps whose rows or columns do not exist have nothing to do.
  SEGPREF_DEVICE void add_slab(const Slab& slab) {
    const int lane = lane_of_thread();
    if (warp_row_ >= num_rows_ || first_column_ + warp_column_ >= p_.shape.padded_width[0]) return;
    SEGPREF_UNROLL
    for (int k = 0; k < Tile::slab; k += SumsTile::side) {
      typename Operands::A a[Tile::row_tiles];
      SEGPREF_UNROLL
      for (int i = 0; i < Tile::row_tiles; ++i) Operands::template load_a<typename Tile::GradLayout>(a[i], slab.grads, warp_row_ + SumsTile::side * i, k, lane);
      SEGPREF_UNROLL
      for (int j = 0; j < Tile::column_tiles; ++j) {
        typename Operands::B b;
        Operands::template load_b<typename Tile::WeightLayout>(b, slab.weights, warp_column_ + SumsTile::side * j, k, lane);
        SEGPREF_UNROLL
        for (int i = 0; i < Tile::row_tiles; ++i) Operands::multiply_add(sums_[i][j], a[i], b);
      }
    }
  }

  SEGPREF_DEVICE void add_member(int member) {
    const float scale = p_.grad_scale == nullptr ? 1.0f : p_.grad_scale[member];
    SEGPREF_UNROLL
    for (int i = 0; i < Tile::row_tiles; ++i)
      SEGPREF_UNROLL
      for (int j = 0; j < Tile::column_tiles; ++j) {
        SEGPREF_UNROLL
        for (int v = 0; v < 2 * SumsTile::pairs; ++v) totals_[i][j].values[v] = multiply_add(scale, sums_[i][j].values[v], totals_[i][j].values[v]);
        sums_[i][j].clear();
      }
  }

  SEGPREF_DEVICE void store() const {
    const int lane = lane_of_thread();
    SEGPREF_UNROLL
    for (int i = 0; i < Tile::row_tiles; ++i)
      SEGPREF_UNROLL
      for (int half = 0; half < 2; ++half) {
        const int row = warp_row_ + SumsTile::side * i + SumsTile::row_of(lane, half);
        if (row >= num_rows_) continue;
        const std::int64_t step = p_.rows.step_of(p_.first_member(), first_row_ + row);
        SEGPREF_UNROLL
        for (int j = 0; j < Tile::column_tiles; ++j)
          SEGPREF_UNROLL
          for (int pair = half; pair < SumsTile::pairs; pair += 2)
            SEGPREF_UNROLL
            for (int k = 0; k < 2; ++k)
              store_element(step, first_column_ + warp_column_ + SumsTile::side * j + SumsTile::column_of(lane, pair) + k, totals_[i][j].values[2 * pair + k]);
      }
  }

  SEGPREF_DEVICE void store_element(std::int64_t step, int feature, float grad) const {
    const int dim = p_.shape.width[0], first_dim = p_.rows.first_dim;
    if (feature >= dim) return;
    if (p_.rows.std != nullptr) grad = fast_divide(grad, p_.rows.std[feature]);
    const bool is_first = feature < first_dim;
    float* const grads = is_first ? p_.grad_first : p_.grad_second;
    if (grads == nullptr) return;
    float& to = grads[is_first ? step * first_dim + feature : step * (dim - first_dim) + feature - first_dim];
    to = p_.only_member < 0 ? grad : to + grad;
  }

  const MlpGradFeaturesParams& p_;
  Slab* slabs_;
  std::int64_t first_row_;
  int first_column_, num_rows_, warp_row_, warp_column_;
  SumsTile sums_[Tile::row_tiles][Tile::column_tiles] = {}, totals_[Tile::row_tiles][Tile::column_tiles] = {};
};

/// Grid (tiles of row_capacity, tiles of feature_dim); dynamic shared memory: Tile::SharedStorage.
template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads, 1) mlp_grad_features_kernel(const __grid_constant__ MlpGradFeaturesParams p) {
  SEGPREF_DYNAMIC_SHARED(typename Tile::SharedStorage, shared);
  const std::int64_t num_rows = p.rows.num_rows_of(p.first_member());
  if (std::int64_t{blockIdx.x} * Tile::rows >= num_rows) return;
  GradFeatures<Tile> block(p, shared.slabs, num_rows);
  block.run();
}

}  // namespace segpref::cuda
