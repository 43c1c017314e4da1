// Gradients of all weights and biases of a member, for one part of its rows: dW[layer] = dZ[layer]^T * inputs of the layer, and its sums over rows.
//   reads    dZ and inputs, once per tile of the gradient that needs them
//   writes   partial [num_splits, num_parameters]: every element by exactly one block, 0 where a part has no rows
//   order    rows of a part in order, then as tensor cores do; mlp_reduce_grad_kernel adds the parts in order. No atomics
//   left out rows with grad_raw 0: they are copied as zeros, so that a NaN in them leaves no trace
// Biases cost no pass of their own: they are the product of dZ^T with a column of ones.
#pragma once

#include "kernels/cuda/primitives/async_copy.cuh"
#include "kernels/cuda/primitives/warp.cuh"
#include "kernels/cuda/reward_mlp/config.cuh"
#include "kernels/cuda/reward_mlp/params.hpp"
#include "kernels/cuda/reward_mlp/weight_sums.cuh"

namespace segpref::cuda {

/// The rows that one block adds up: whole slabs, shared out by their number alone.
struct RowPart {
  std::int64_t member, first, end;

  template <class Tile>
  static SEGPREF_DEVICE RowPart of_block(const MlpWeightGradParams& p) {
    const std::int64_t member = blockIdx.z, split = blockIdx.y, num_rows = p.rows.num_rows_of(member), num_slabs = (num_rows + Tile::slab - 1) / Tile::slab;
    return {member, num_slabs * split / p.num_splits * Tile::slab, smaller(num_slabs * (split + 1) / p.num_splits * Tile::slab, num_rows)};
  }
};

/// One tile of a hidden layer's gradient.
template <class Tile>
class HiddenWeightGrad {
  using Operands = typename Tile::Operands;
  using Element = typename Tile::Element;
  using Slab = typename Tile::Slab;

 public:
  SEGPREF_DEVICE HiddenWeightGrad(const MlpWeightGradParams& p, const RowPart& part, Slab* slabs, int layer, int first_out, int first_in)
      : p_(p), part_(part), slabs_(slabs), layer_(layer), first_out_(first_out), first_in_(first_in), num_out_columns_(p.shape.padded_width[layer + 1]),
        num_in_columns_(p.shape.padded_width[layer]),
        grads_(static_cast<const Element*>(p.grad_hidden) + p.shape.activations_of(layer, part.member, p.rows.row_capacity)),
        inputs_(layer == 0 ? static_cast<const Element*>(p.kept.inputs) + p.rows.list_of(part.member) * p.rows.row_capacity * num_in_columns_
                           : static_cast<const Element*>(p.kept.hidden) + p.shape.activations_of(layer - 1, part.member, p.rows.row_capacity)),
        warp_out_(warp_of_thread() / Tile::warps_along_in * Tile::out_tiles * SumsTile::side), warp_in_(warp_of_thread() % Tile::warps_along_in * Tile::in_tiles * SumsTile::side) {}

  /// @param partial  of the block's split
  SEGPREF_DEVICE void run(float* partial) {
    const auto num_slabs = static_cast<int>((part_.end - part_.first + Tile::slab - 1) / Tile::slab);
    SEGPREF_UNROLL
    for (int i = 0; i < Tile::stages - 1; ++i) copy_slab(i, num_slabs);
    SEGPREF_UNROLL_BY(1)
    for (int i = 0; i < num_slabs; ++i) {
      async_copy_wait<Tile::stages - 2>();
      __syncthreads();  // slab i has arrived for everyone, and everyone has left the buffer that is filled now
      copy_slab(i + Tile::stages - 1, num_slabs);
      add_slab(slabs_[i % Tile::stages]);
    }
    async_copy_wait<0>();
    sums_.store(p_.shape, part_.member, layer_, {first_out_ + warp_out_, first_in_ + warp_in_, sums_bias()}, partial);
  }

 private:
  SEGPREF_DEVICE bool sums_bias() const { return p_.shape.has_bias && first_in_ == 0 && warp_in_ == 0; }

  SEGPREF_DEVICE void copy_slab(int slab, int num_slabs) const {
    if (slab < num_slabs) {
      const std::int64_t first_row = part_.first + std::int64_t{slab} * Tile::slab, row = first_row + lane_of_thread();
      const bool counts = row < part_.end && p_.grad_raw[part_.member * p_.rows.row_capacity + row] != 0;
      const unsigned counted = __ballot_sync(all_lanes, counts);
      Slab& to = slabs_[slab % Tile::stages];
      copy_rows<typename Tile::OutLayout, Tile::out>(grads_, first_row, counted, first_out_, num_out_columns_, to.grads);
      copy_rows<typename Tile::InLayout, Tile::in>(inputs_, first_row, counted, first_in_, num_in_columns_, to.inputs);
    }
    async_copy_commit();  // an empty group at the end keeps the count of groups
  }

  template <class Layout, int columns>
  SEGPREF_DEVICE void copy_rows(const Element* rows, std::int64_t first_row, unsigned counted, int first_column, int num_columns, Element* to) const {
    constexpr int copies_per_row = columns / Tile::elements_per_copy;
    const Element* from = rows + first_row * num_columns + first_column;
    SEGPREF_UNROLL
    for (int i = static_cast<int>(threadIdx.x); i < Tile::slab * copies_per_row; i += Tile::num_threads) {
      const int row = i / copies_per_row, column = i % copies_per_row * Tile::elements_per_copy;
      async_copy_16(to + Layout::index(row, column), from + row * num_columns + column, (counted >> row & 1u) != 0 && first_column + column < num_columns);
    }
  }

  SEGPREF_DEVICE void add_slab(const Slab& slab) {
    const int lane = lane_of_thread();
    if (first_out_ + warp_out_ >= num_out_columns_ || first_in_ + warp_in_ >= num_in_columns_) return;
    SEGPREF_UNROLL
    for (int k = 0; k < Tile::slab; k += SumsTile::side)
      sums_.template add<typename Tile::OutLayout, typename Tile::InLayout>(slab.grads, slab.inputs, k, warp_out_, warp_in_, sums_bias(), lane);
  }

  const MlpWeightGradParams& p_;
  const RowPart& part_;
  Slab* slabs_;
  int layer_, first_out_, first_in_, num_out_columns_, num_in_columns_;
  const Element *grads_, *inputs_;
  int warp_out_, warp_in_;
  WeightSums<Operands, Tile::out_tiles, Tile::in_tiles> sums_;
};

/// Some columns of the output layer's gradient: the sum of grad_raw * activations over rows. The first block brings the bias along.
template <class Tile>
SEGPREF_DEVICE void add_output_grad(const MlpWeightGradParams& p, const RowPart& part, float (&column_parts)[Tile::row_lanes][Tile::column_lanes], int first_column, float* partial) {
  using Element = typename Tile::Element;
  const int last = p.shape.num_hidden, lane = lane_of_thread(), warp = warp_of_thread(), stride = p.shape.padded_width[last];
  const float* const grad_raw = p.grad_raw + part.member * p.rows.row_capacity;
  const Element* const column = static_cast<const Element*>(p.kept.hidden) + p.shape.activations_of(last - 1, part.member, p.rows.row_capacity) + first_column + lane;
  float sum = 0.0f;
  SEGPREF_UNROLL_BY(4)
  for (std::int64_t row = part.first + warp; row < part.end; row += Tile::row_lanes) {
    const float grad = grad_raw[row];
    if (grad != 0) sum = multiply_add(grad, widen(column[row * stride]), sum);
  }
  column_parts[warp][lane] = sum;
  __syncthreads();
  if (warp == 0 && first_column + lane < p.shape.width[last]) {
    float total = 0.0f;
    SEGPREF_UNROLL
    for (int w = 0; w < Tile::row_lanes; ++w) total += column_parts[w][lane];
    partial[p.shape.weight_of(last, part.member) + first_column + lane] = total;
  }
  if (warp != 1 || first_column != 0 || !p.shape.has_bias) return;
  float bias = 0.0f;
  for (std::int64_t row = part.first + lane; row < part.end; row += threads_per_warp) bias += grad_raw[row];
  bias = warp_sum(bias);
  if (lane == 0) partial[p.shape.bias_of(last, part.member)] = bias;
}

/// Blocks of a member and part: tiles of all hidden layers, then columns of the output layer.
template <class Tile>
SEGPREF_HOST_DEVICE inline int weight_grad_blocks(const MlpShape& shape) {
  int blocks = (shape.padded_width[shape.num_hidden] + Tile::column_lanes - 1) / Tile::column_lanes;
  for (int layer = 0; layer < shape.num_hidden; ++layer)
    blocks += Tile::blocks_along_out(shape.padded_width[layer + 1]) * Tile::blocks_along_in(shape.padded_width[layer]);
  return blocks;
}

/// Grid (weight_grad_blocks, num_splits, members); dynamic shared memory: Tile::SharedStorage. The last layers, which tend to be large, come first.
template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads, 1) mlp_weight_grad_kernel(const __grid_constant__ MlpWeightGradParams p) {
  SEGPREF_DYNAMIC_SHARED(typename Tile::SharedStorage, shared);
  const RowPart part = RowPart::of_block<Tile>(p);
  float* const partial = p.partial + blockIdx.y * p.shape.num_parameters;
  auto block = static_cast<int>(blockIdx.x);
  for (int layer = p.shape.num_hidden - 1; layer >= 0; --layer) {
    const int along_in = Tile::blocks_along_in(p.shape.padded_width[layer]), num_blocks = Tile::blocks_along_out(p.shape.padded_width[layer + 1]) * along_in;
    if (block < num_blocks) {
      HiddenWeightGrad<Tile> tile(p, part, shared.slabs, layer, block / along_in * Tile::out, block % along_in * Tile::in);
      tile.run(partial);
      return;
    }
    block -= num_blocks;
  }
  add_output_grad<Tile>(p, part, shared.column_parts, block * Tile::column_lanes, partial);
}

}  // namespace segpref::cuda
