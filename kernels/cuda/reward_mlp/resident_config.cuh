// The tile of the resident kernel: whole pairs of segments, on which one block goes forward and backward without leaving the chip.
#pragma once

#include "kernels/cuda/preference_loss/params.hpp"
#include "kernels/cuda/reward_mlp/config.cuh"
#include "kernels/math/objective_constants.hpp"

namespace segpref::cuda {

/// The thread in its block, opaque as opaque_lane() is: the kernel has many phases and no registers to keep one's addresses through the others.
SEGPREF_DEVICE int opaque_thread() { return warp_of_thread() * threads_per_warp + opaque_lane(); }

/// Weights, and the rows' activations of all layers, lie in shared memory; gradients of weights in registers. A warp owns 16 rows by half of the
/// columns forward and backward, and 16 units by half of the inputs of each layer's gradient.
/// @param most_layers      hidden layers that there is room for
/// @param with_bit_slopes  slopes are told by the signs of activations; else they are operands, and take room beside them
template <class OperandsType, int most_layers, bool with_bit_slopes>
struct ResidentTile {
  using Operands = OperandsType;
  using Element = typename Operands::Element;
  static constexpr int most_hidden = most_layers;
  static constexpr bool are_bits = with_bit_slopes;
  static constexpr int width = 64, rows = 64, num_warps = 8, num_threads = num_warps * threads_per_warp;
  static constexpr int least_blocks = most_hidden <= 2 && sizeof(Element) == 2 ? 2 : 1;  ///< per multiprocessor: as many as registers hold

  // Forward and backward, as ChainSums wants them. Slabs are columns or rows of weights that stay where they are.
  static constexpr int warps_along_rows = 4, warps_along_columns = num_warps / warps_along_rows, slab = column_padding;
  static constexpr int row_tiles = rows / SumsTile::side / warps_along_rows, column_tiles = width / SumsTile::side / warps_along_columns;
  static constexpr int bands = 1, band_width = width, tiles_per_band = column_tiles;
  static constexpr int pairs_per_thread = row_tiles * column_tiles * SumsTile::pairs;
  static_assert(row_tiles == 1, "a thread has parts of two rows");
  using Layout = typename Operands::template Layout<width>;
  using ForwardSlab = Layout;
  using BackwardSlab = Layout;

  // Gradients of weights
  static constexpr int warps_along_out = 4, warps_along_in = num_warps / warps_along_out;
  static constexpr int out_tiles = width / SumsTile::side / warps_along_out, in_tiles = width / SumsTile::side / warps_along_in;
  static constexpr int row_lanes = num_threads / width;  ///< of the output layer's gradient: a thread adds up some rows of one column

  // Segments: a slot each, two to a pair
  static constexpr int most_slots = rows, most_pairs = rows / 2;
  static_assert(most_pairs <= threads_per_warp, "a lane judges a pair, and a lane has a step of a segment");

  struct SharedStorage {
    alignas(16) Element weights[most_hidden][width * Layout::stride];    // [unit][input]
    alignas(16) Element tiles[most_hidden + 1][rows * Layout::stride];   // features, then activations of each layer, which gradients of pre-activations replace
    alignas(8) typename Operands::Pair slopes[are_bits ? 1 : most_hidden][are_bits ? 1 : pairs_per_thread][are_bits ? 1 : num_threads];  // in the order of the sums
    alignas(8) float bias[most_hidden][width];                           // zero beyond a layer's width, so that no epilogue asks
    alignas(8) float weight_out[width];
    float bias_out;
    // Pairs of the tile
    math::ObjectiveConstants constants;
    double pair_sums[num_pair_sums][threads_per_warp];                   // of all the block's tiles, a lane each
    double labels[most_pairs], weights_of_pairs[most_pairs], margins[most_pairs];
    // Segments of the tile
    std::int64_t slot_begin[most_slots];                                 // its first step
    int slot_length[most_slots];                                         // 0: empty, or there is none
    float slot_trace[most_slots];                                        // 0, or NaN for a segment that is longer than its rows
    float scores[most_slots], grad_scores[most_slots];
    // Rows of the tile
    int slot_of_row[rows], step_in_slot[rows];                           // always the same ones
    std::int64_t steps[rows];
    float row_trace[rows];                                               // 0, or NaN for a row with a feature that is not finite
    float reward_parts[warps_along_columns][rows];
    float output_slopes[rows];                                           // d(reward)/d(raw)
    float grad_raw[rows];                                                // 0: the row leaves no trace
    // The output layer's gradient, of all the block's tiles: a thread each
    float column_sums[row_lanes][width];
    float grad_raw_sums[rows];
  };
};

}  // namespace segpref::cuda
