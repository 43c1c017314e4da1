// One training step of a narrow network, all but its last sums: features of whole pairs through all layers to rewards, scores and losses, and back.
//   reads    features once per member and pair; weights once per block; offsets, pairs, labels, weights and margins of the pairs
//   writes   losses and logits; sums over the block's pairs; the block's part of the gradients, the divisor of a mean not applied
//   on chip  weights, activations and gradients of pre-activations in shared memory; gradients of weights in registers
//   order    k in order, then as tensor cores do; tiles of a block in order. pair_sums_kernel and mlp_reduce_grad_kernel add up blocks. A rerun is
//            bit-identical, no atomics
//   left out a row whose gradient is 0 leaves no trace: it becomes zeros before anyone sums over rows
// Columns beyond a layer and rows beyond a segment are zeros, and are computed like all others.
#pragma once

#include "kernels/cuda/reward_mlp/chain_sums.cuh"
#include "kernels/cuda/reward_mlp/resident_pairs.cuh"
#include "kernels/cuda/reward_mlp/resident_rows.cuh"
#include "kernels/cuda/reward_mlp/resident_weight_grad.cuh"
#include "kernels/cuda/reward_mlp/units.cuh"

namespace segpref::cuda {

template <class Tile>
class MlpResident {
  using Operands = typename Tile::Operands;
  using Element = typename Tile::Element;
  using Pair = typename Operands::Pair;
  using Storage = typename Tile::SharedStorage;

 public:
  SEGPREF_DEVICE MlpResident(const MlpResidentParams& p, std::int64_t member, Storage& shared)
      : p_(p), member_(member), shared_(shared), rows_(p, member, shared), pairs_(p, member, shared), weight_grad_(p.shape, shared) {}

  SEGPREF_DEVICE void run() {
    std::int64_t tile = blockIdx.x;
    rows_.place(tile);  // a chain of loads: the weights come in its shadow
    rows_.number_rows();
    pairs_.begin();
    weight_grad_.begin();
    load_parameters();
    SEGPREF_UNROLL_BY(1)
    for (int num_pairs; (num_pairs = rows_.num_pairs(tile)) > 0; tile += p_.grid.num_blocks) {
      const int num_rows = rows_.num_rows(tile);
      __syncthreads();  // segments are placed, and everyone has left the tile before
      rows_.load_features();
      __syncthreads();
      forward(num_rows);
      pairs_.score(2 * num_pairs);
      __syncthreads();
      pairs_.judge_pairs(rows_.first_pair(tile), num_pairs);
      __syncthreads();
      if (p_.partial != nullptr) backward(num_rows);
      rows_.place(tile + p_.grid.num_blocks);
    }
    pairs_.store_sums();
    if (p_.partial != nullptr) weight_grad_.store(member_, p_.partial + blockIdx.x * p_.shape.num_parameters);
  }

 private:
  /// Weights as operands, zeros beyond a layer's units and inputs. A barrier follows.
  SEGPREF_DEVICE void load_parameters() const {
    const MlpShape& shape = p_.shape;
    const auto thread = static_cast<int>(threadIdx.x);
    const int input = thread % Tile::width;
    for (int layer = 0; layer < shape.num_hidden; ++layer) {
      const int num_in = shape.width[layer], num_out = shape.width[layer + 1];
      const float* const from = p_.parameters + shape.weight_of(layer, member_) + input;
      SEGPREF_UNROLL_BY(8)
      for (int unit = thread / Tile::width; unit < shape.padded_width[layer + 1]; unit += Tile::num_threads / Tile::width) {
        const Element weight = Operands::round(unit < num_out && input < num_in ? from[unit * num_in] : 0.0f);
        shared_.weights[layer][Tile::Layout::index(unit, input)] = weight;
      }
      if (thread < Tile::width) shared_.bias[layer][thread] = shape.has_bias && thread < num_out ? p_.parameters[shape.bias_of(layer, member_) + thread] : 0.0f;
    }
    const int last = shape.num_hidden;
    if (thread < Tile::width) shared_.weight_out[thread] = thread < shape.width[last] ? p_.parameters[shape.weight_of(last, member_) + thread] : 0.0f;
    if (thread == 0) shared_.bias_out = shape.has_bias ? p_.parameters[shape.bias_of(last, member_)] : 0.0f;
  }

  /// Whether the warp has rows of the tile that anyone needs.
  static SEGPREF_DEVICE bool has_rows(int num_rows) { return warp_of_thread() / Tile::warps_along_columns * SumsTile::side < num_rows; }
  SEGPREF_DEVICE bool is_last(int layer) const { return layer + 1 == p_.shape.num_hidden; }

  // ---- forward ----

  SEGPREF_DEVICE void forward(int num_rows) const {
    SEGPREF_UNROLL_BY(1)
    for (int layer = 0; layer < p_.shape.num_hidden; ++layer) {
      if (has_rows(num_rows)) {
        ChainSums<Tile> sums(opaque_lane());
        sums.clear();
        SEGPREF_UNROLL_BY(1)
        for (int k = 0; k < p_.shape.padded_width[layer]; k += Tile::slab)
          sums.template multiply_add<true>(shared_.tiles[layer], k, shared_.weights[layer] + k, p_.shape.padded_width[layer + 1]);
        finish_layer(layer, sums);
      }
      __syncthreads();  // the layer's activations are there
    }
  }

  /// Sums become activations, and parts of raw outputs behind the last layer.
  SEGPREF_DEVICE void finish_layer(int layer, ChainSums<Tile>& sums) const {
    float even_part = 0.0f, odd_part = 0.0f;  // of the thread's two rows, whose pairs take turns
    const auto finish = [&](int row, int column, float2 h, int index) {
      const Pair pair = Operands::round_pair(h.x, h.y);
      *reinterpret_cast<Pair*>(shared_.tiles[layer + 1] + Tile::Layout::index(row, column)) = pair;
      if (!is_last(layer)) return;
      const float2 weight = *reinterpret_cast<const float2*>(&shared_.weight_out[column]);
      const float part = multiply_add(h.y, weight.y, multiply_add(h.x, weight.x, index % 2 == 0 ? even_part : odd_part));
      even_part = index % 2 == 0 ? part : even_part;
      odd_part = index % 2 == 0 ? odd_part : part;
    };
    const auto with_bias = [&](int column, float x, float y) {
      const float2 bias = *reinterpret_cast<const float2*>(&shared_.bias[layer][column]);
      return float2{x + bias.x, y + bias.y};
    };
    if constexpr (Tile::are_bits) {
      sums.for_each_pair([&](int row, int column, float& x, float& y, int index) {
        const float2 z = with_bias(column, x, y);
        finish(row, column, float2{leaky(z.x, p_.formula.leaky_slope), leaky(z.y, p_.formula.leaky_slope)}, index);
      });
    } else {
      const std::uint64_t stream = math::dropout_stream(p_.formula.dropout_call, static_cast<std::uint64_t>(member_), static_cast<std::uint64_t>(layer));
      sums.spend_each_pair([&](int row, int column, float x, float y, int index) {
        const UnitPair units = unit_pair(p_.formula, stream, shared_.steps[row], column, with_bias(column, x, y));
        const Pair slopes = Operands::round_pair(units.slopes.x, units.slopes.y);
        shared_.slopes[layer][index][threadIdx.x] = slopes;
        finish(row, column, units.values, index);
      });
    }
    if (!is_last(layer)) return;
    even_part = warp_sum_in_groups<4>(even_part);  // four lanes have parts of the same rows
    odd_part = warp_sum_in_groups<4>(odd_part);
    if (lane_of_thread() % 4 != 0) return;
    float* const parts = shared_.reward_parts[warp_of_thread() % Tile::warps_along_columns];
    parts[sums.row_of_slot(0)] = even_part;
    parts[sums.row_of_slot(1)] = odd_part;
  }

  // ---- backward ----

  SEGPREF_DEVICE void backward(int num_rows) {
    pairs_.grade_rows();
    __syncthreads();
    weight_grad_.add_output(num_rows);
    clear_rows_left_out(num_rows);
    __syncthreads();  // the last activations are used: their gradients take their place

    ChainSums<Tile> sums(opaque_lane());
    sums.for_each_pair([&](int row, int column, float& x, float& y, int) {
      const float2 weight = *reinterpret_cast<const float2*>(&shared_.weight_out[column]);
      x = shared_.grad_raw[row] * weight.x;
      y = shared_.grad_raw[row] * weight.y;
    });
    int layer = p_.shape.num_hidden - 1;
    finish_grads(layer, num_rows, sums);
    __syncthreads();
    SEGPREF_UNROLL_BY(1)
    for (; layer > 0; --layer) {
      weight_grad_.add_hidden(layer, num_rows);
      sums.clear();
      if (has_rows(num_rows)) {
        SEGPREF_UNROLL_BY(1)
        for (int k = 0; k < p_.shape.padded_width[layer + 1]; k += Tile::slab)
          sums.template multiply_add<false>(shared_.tiles[layer + 1], k, shared_.weights[layer] + k * Tile::Layout::stride, p_.shape.padded_width[layer]);
      }
      __syncthreads();  // the layer's inputs are used: their gradients take their place
      finish_grads(layer - 1, num_rows, sums);
      __syncthreads();
    }
    weight_grad_.add_hidden(0, num_rows);
  }

  /// Rows without a gradient may hold NaN: what sums over rows must meet zeros.
  SEGPREF_DEVICE void clear_rows_left_out(int num_rows) const {
    const Pair zeros = Operands::round_pair(0.0f, 0.0f);
    const int column = 2 * opaque_lane();
    for (int row = warp_of_thread(); row < num_rows; row += Tile::num_warps) {
      if (shared_.grad_raw[row] != 0) continue;
      for (int layer = 0; layer < p_.shape.num_hidden; ++layer)
        *reinterpret_cast<Pair*>(shared_.tiles[layer] + Tile::Layout::index(row, column)) = zeros;
    }
  }

  /// Sums are gradients of the layer's activations: times slopes they are those of its pre-activations, and take the activations' place.
  SEGPREF_DEVICE void finish_grads(int layer, int num_rows, ChainSums<Tile>& sums) const {
    if (!has_rows(num_rows)) return;
    sums.for_each_pair([&](int row, int column, float& x, float& y, int index) {
      Pair* const at = reinterpret_cast<Pair*>(shared_.tiles[layer + 1] + Tile::Layout::index(row, column));
      float2 slope;
      if constexpr (Tile::are_bits) {
        const float2 h = Operands::widen_pair(*at);
        slope = float2{h.x > 0 ? 1.0f : p_.formula.leaky_slope, h.y > 0 ? 1.0f : p_.formula.leaky_slope};
      } else {
        slope = Operands::widen_pair(shared_.slopes[layer][index][threadIdx.x]);
      }
      const bool counts = shared_.grad_raw[row] != 0;  // slopes of a row left out may be NaN
      const Pair grads = Operands::round_pair(counts ? x * slope.x : 0.0f, counts ? y * slope.y : 0.0f);
      *at = grads;
    });
  }

  const MlpResidentParams& p_;
  std::int64_t member_;
  Storage& shared_;
  ResidentRows<Tile> rows_;
  ResidentPairs<Tile> pairs_;
  ResidentWeightGrad<Tile> weight_grad_;
};

/// Grid (grid.num_blocks, members); dynamic shared memory: Tile::SharedStorage.
template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads, Tile::least_blocks) mlp_resident_kernel(const __grid_constant__ MlpResidentParams p) {
  SEGPREF_DYNAMIC_SHARED(typename Tile::SharedStorage, shared);
  MlpResident<Tile> block(p, blockIdx.y, shared);
  block.run();
}

}  // namespace segpref::cuda
