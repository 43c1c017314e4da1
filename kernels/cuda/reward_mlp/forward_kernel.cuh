// Forward pass of one member on a tile of rows: features through all hidden layers to rewards.
//   reads    features once per member; weights once per tile, from the second-level cache; biases
//   writes   rewards; for training also inputs and activations as operands, slopes (a bit per unit of relu and leaky_relu), raw outputs
//   on chip  one tile of activations, overwritten layer by layer; sums of the next layer in registers; weights in a ring
//   order    k in order, then as tensor cores do; the output: columns of a thread, four lanes, warps. A rerun is bit-identical
//   padding  rows beyond the end and columns beyond a layer are zeros, and are computed like all others
// Features wider than the tile pass through it in several parts: the first layer's sums stay in registers meanwhile.
#pragma once

#include "kernels/cuda/primitives/warp.cuh"
#include "kernels/cuda/reward_mlp/chain_storage.cuh"
#include "kernels/cuda/reward_mlp/chain_sums.cuh"
#include "kernels/cuda/reward_mlp/feature_rows.cuh"
#include "kernels/cuda/reward_mlp/kept_slopes.cuh"
#include "kernels/cuda/reward_mlp/units.cuh"
#include "kernels/cuda/reward_mlp/weight_slabs.cuh"

namespace segpref::cuda {

template <class Tile>
class MlpForward {
  using Operands = typename Tile::Operands;
  using Element = typename Tile::Element;
  using Pair = typename Operands::Pair;
  using Storage = typename Tile::SharedStorage;

 public:
  SEGPREF_DEVICE MlpForward(const MlpForwardParams& p, const TileRows& place, Storage& shared) : p_(p), place_(place), shared_(shared) {}

  SEGPREF_DEVICE void run() {
    WeightSlabs<Tile, true> slabs(p_.shape, p_.packed, place_.member, shared_);
    load_biases<Tile>(p_.shape, p_.parameters, place_.member, shared_);
    load_output_weights<Tile>(p_.shape, p_.parameters, place_.member, shared_);
    for (int layer = 0; layer < p_.shape.num_hidden; ++layer) {
      sums_.clear();
      if (layer == 0) multiply_features(slabs);
      else multiply_part(slabs, layer, p_.shape.padded_width[layer]);
      finish_layer(layer);
      __syncthreads();  // the layer's activations are there
      if (p_.kept.hidden != nullptr)
        store_rows<Tile>(shared_, place_.num_rows, p_.shape.padded_width[layer + 1],
                         static_cast<Element*>(p_.kept.hidden) + p_.shape.activations_of(layer, place_.member, p_.rows.row_capacity) + place_.first_row * p_.shape.padded_width[layer + 1]);
    }
    slabs.end();
    finish_row();
  }

 private:
  /// The first layer: features go through the tile in parts of its width.
  SEGPREF_DEVICE void multiply_features(WeightSlabs<Tile, true>& slabs) {
    const int padded_dim = p_.shape.padded_width[0];
    const bool keeps = p_.kept.inputs != nullptr && (p_.rows.per_member || place_.member == 0);
    Element* const kept = keeps ? static_cast<Element*>(p_.kept.inputs) + (p_.rows.list_of(place_.member) * p_.rows.row_capacity + place_.first_row) * padded_dim : nullptr;
    const FeatureLoader<Tile> features(p_.shape, p_.rows, place_, kept);
    for (int first_column = 0; first_column < padded_dim; first_column += Tile::width) {
      const int num_columns = smaller(padded_dim - first_column, Tile::width);
      features.load(first_column, num_columns, shared_);
      multiply_part(slabs, 0, num_columns);
    }
  }

  /// sums += the tile's first columns * their weights. Afterwards the tile may be overwritten.
  SEGPREF_DEVICE void multiply_part(WeightSlabs<Tile, true>& slabs, int layer, int num_columns) {
    const int num_units = p_.shape.padded_width[layer + 1];
    SEGPREF_UNROLL_BY(1)
    for (int k = 0; k < num_columns; k += Tile::slab)
      SEGPREF_UNROLL
      for (int band = 0; band < Tile::bands; ++band) {
        if (band >= Tile::bands_of(num_units)) break;
        const Element* slab = slabs.take();
        sums_.template multiply_add<true>(shared_.tile, k, slab, num_units, band);
      }
    __syncthreads();
  }

  /// Sums become activations, which overwrite the tile. Units with a sign bit are short, and are written out for every pair of sums; others share a loop.
  SEGPREF_DEVICE void finish_layer(int layer) {
    if (p_.formula.has_bit_slopes()) finish_leaky_layer(layer);
    else finish_any_layer(layer);
  }

  SEGPREF_DEVICE KeptSlopes<Tile> slopes_of(int layer, bool are_bits) const { return {p_.shape, p_.kept.slopes, are_bits, p_.rows.row_capacity, place_.member, layer}; }

  SEGPREF_DEVICE void finish_leaky_layer(int layer) {
    SlopeBits<Tile> bits;
    float parts[ChainSums<Tile>::row_slots] = {};
    sums_.for_each_pair([&](int row, int column, float& x, float& y, int index) {
      const float2 z = with_bias(layer, column, x, y);
      bits.set(2 * index, z.x > 0);
      bits.set(2 * index + 1, z.y > 0);
      float& part = parts[ChainSums<Tile>::row_slot(index)];
      part = finish_pair(layer, row, column, float2{leaky(z.x, p_.formula.leaky_slope), leaky(z.y, p_.formula.leaky_slope)}, part);
    });
    if (p_.kept.slopes != nullptr) slopes_of(layer, true).store(bits);  // found here: among the sums there is no register for the place
    if (!is_last(layer)) return;
    SEGPREF_UNROLL
    for (int slot = 0; slot < ChainSums<Tile>::row_slots; ++slot) store_reward_part(slot, parts[slot]);
  }

  SEGPREF_DEVICE void finish_any_layer(int layer) {
    const KeptSlopes<Tile> kept = slopes_of(layer, false);
    const std::uint64_t stream = math::dropout_stream(p_.formula.dropout_call, static_cast<std::uint64_t>(place_.member), static_cast<std::uint64_t>(layer));
    float even_part = 0.0f, odd_part = 0.0f;  // of two slots, whose pairs take turns
    sums_.spend_each_pair([&](int row, int column, float x, float y, int index) {
      const UnitPair units = unit_pair(p_.formula, stream, shared_.steps[row], column, with_bias(layer, column, x, y));
      if (p_.kept.slopes != nullptr) kept.pair(index) = Operands::round_pair(units.slopes.x, units.slopes.y);
      const float part = finish_pair(layer, row, column, units.values, index % 2 == 0 ? even_part : odd_part);
      even_part = index % 2 == 0 ? part : even_part;
      odd_part = index % 2 == 0 ? odd_part : part;
      if (!is_last(layer) || (index + 1) % ChainSums<Tile>::pairs_per_slots != 0) return;
      const int slot = ChainSums<Tile>::row_slot(index);  // the odd one
      store_reward_part(slot - 1, even_part);
      store_reward_part(slot, odd_part);
      even_part = odd_part = 0.0f;
    });
  }

  SEGPREF_DEVICE bool is_last(int layer) const { return layer + 1 == p_.shape.num_hidden; }

  SEGPREF_DEVICE float2 with_bias(int layer, int column, float x, float y) const {
    const float2 bias = *reinterpret_cast<const float2*>(&shared_.bias[layer][column]);
    return float2{x + bias.x, y + bias.y};
  }

  /// Writes two activations into the tile. Those of the last layer meet the output's weights before they are rounded: returns part + their product.
  SEGPREF_DEVICE float finish_pair(int layer, int row, int column, float2 h, float part) const {
    const Pair pair = Operands::round_pair(h.x, h.y);
    *reinterpret_cast<Pair*>(shared_.tile + Tile::Layout::index(row, column)) = pair;
    if (!is_last(layer)) return part;
    const float2 weight = *reinterpret_cast<const float2*>(&shared_.weight_out[column]);
    return multiply_add(h.y, weight.y, multiply_add(h.x, weight.x, part));
  }

  /// Four lanes have parts of the same row.
  SEGPREF_DEVICE void store_reward_part(int slot, float part) const {
    part = warp_sum_in_groups<4>(part);
    if (lane_of_thread() % 4 == 0) shared_.reward_parts[warp_of_thread() % Tile::warps_along_columns][sums_.row_of_slot(slot)] = part;
  }

  SEGPREF_DEVICE void finish_row() const {
    const int row = warp_of_thread() * threads_per_warp + opaque_lane();  // computed here: through all layers there is no register for it
    if (row >= place_.num_rows) return;
    const int last = p_.shape.num_hidden;
    float raw = shared_.row_values[row];
    if (p_.shape.has_bias) raw += p_.parameters[p_.shape.bias_of(last, place_.member)];
    SEGPREF_UNROLL
    for (int warp = 0; warp < Tile::warps_along_columns; ++warp) raw += shared_.reward_parts[warp][row];
    const std::int64_t at = place_.member * p_.rows.row_capacity + place_.first_row + row;
    if (p_.kept.raw != nullptr) p_.kept.raw[at] = raw;
    p_.rewards[at] = output_of(p_.formula, raw).value;
  }

  const MlpForwardParams& p_;
  const TileRows& place_;
  Storage& shared_;
  ChainSums<Tile> sums_;
};

/// Grid (tiles of row_capacity, members); dynamic shared memory: Tile::SharedStorage.
template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads, 1) mlp_forward_kernel(const __grid_constant__ MlpForwardParams p) {
  SEGPREF_DYNAMIC_SHARED(typename Tile::SharedStorage, shared);
  const TileRows place = TileRows::of_block<Tile>(p.rows);
  if (place.num_rows == 0) return;
  MlpForward<Tile> block(p, place, shared);
  block.run();
}

}  // namespace segpref::cuda
