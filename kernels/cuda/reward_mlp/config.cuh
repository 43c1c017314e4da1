// Tile numbers of the MLP's kernels. None was measured on a GPU: they come from counting registers and shared memory (docs/design/0007).
// Kernels say in their launch bounds that one block per multiprocessor is enough: else ptxas saves registers for several, and spills sums.
#pragma once

#include <type_traits>

#include "kernels/cuda/primitives/half_operands.cuh"
#include "kernels/cuda/primitives/tf32_operands.cuh"
#include "kernels/cuda/reward_mlp/shape.hpp"

namespace segpref::cuda {

/// Shared memory that one block may have on every device from sm_80 on.
inline constexpr int max_shared_bytes = 163 * 1024;

/// Rows of a tile and the widest layer that fits; how warps share out the tile; and the ring that weights stream through, in slabs. Where a slab of all
/// columns would be too large, each holds a band of them. Every warp has columns in every band, so that all have work in each slab.
struct ChainNumbers {
  int width, rows, num_warps, warps_along_rows, slab, stages, bands = 1;
};

/// A tile of rows on its way through all layers. Accumulators hold a whole layer, so that the next one overwrites the activations in place.
template <class OperandsType, ChainNumbers numbers>
struct ChainTile {
  using Operands = OperandsType;
  using Element = typename Operands::Element;
  static constexpr int width = numbers.width, rows = numbers.rows, slab = numbers.slab, stages = numbers.stages, bands = numbers.bands;
  static constexpr int num_warps = numbers.num_warps, num_threads = num_warps * threads_per_warp;
  static constexpr int warps_along_rows = numbers.warps_along_rows, warps_along_columns = num_warps / warps_along_rows;
  static constexpr int row_tiles = rows / SumsTile::side / warps_along_rows, column_tiles = width / SumsTile::side / warps_along_columns;  // of a warp
  static constexpr int band_width = width / bands, tiles_per_band = column_tiles / bands;  // along columns
  static constexpr int pairs_per_thread = row_tiles * column_tiles * SumsTile::pairs;
  static constexpr int slope_words = (2 * pairs_per_thread + 31) / 32;  // of a thread, a bit per unit
  static constexpr int elements_per_copy = 16 / static_cast<int>(sizeof(Element));
  static_assert(row_tiles * warps_along_rows * SumsTile::side == rows && column_tiles * warps_along_columns * SumsTile::side == width);
  static_assert(tiles_per_band * bands == column_tiles, "a warp has as many columns in every band");
  static_assert(rows <= num_threads, "a thread finishes a row");
  static_assert(slab % SumsTile::side == 0 && column_padding % slab == 0, "a padded layer is a whole number of slabs");

  using Layout = typename Operands::template Layout<width>;
  using ForwardSlab = typename Operands::template Layout<slab>;         ///< [band_width][slab]: some inputs of a band of units
  using BackwardSlab = typename Operands::template Layout<band_width>;  ///< [slab][band_width]: some units, a band of inputs
  static constexpr int forward_elements = band_width * ForwardSlab::stride, backward_elements = slab * BackwardSlab::stride;
  static constexpr int slab_elements = forward_elements > backward_elements ? forward_elements : backward_elements;

  struct SharedStorage {
    alignas(16) Element tile[rows * Layout::stride];
    alignas(16) Element slabs[stages][slab_elements];
    alignas(8) float bias[max_hidden_layers][width];    // zero beyond a layer's width, so that no epilogue asks
    alignas(8) float weight_out[width];
    std::int64_t steps[rows];                           // forward: the step of each row
    float reward_parts[warps_along_columns][rows];
    float row_values[rows];                             // forward: 0, or NaN for a row with a feature that is not finite; backward: grad_raw
  };
  static_assert(sizeof(SharedStorage) <= max_shared_bytes);

  /// Bytes of MlpKept::slopes for one tile of one layer.
  SEGPREF_HOST_DEVICE static constexpr std::int64_t slope_bytes(bool are_bits) {
    return std::int64_t{num_threads} * (are_bits ? slope_words * 4 : pairs_per_thread * static_cast<int>(sizeof(typename Operands::Pair)));
  }
  SEGPREF_HOST_DEVICE static constexpr std::int64_t num_tiles(std::int64_t row_capacity) { return (row_capacity + rows - 1) / rows; }
  /// Bands that a layer of so many columns has.
  SEGPREF_HOST_DEVICE static constexpr int bands_of(int num_columns) { return bands == 1 ? 1 : (num_columns + band_width - 1) / band_width; }
};

/// 128 sums per thread are the most that leave room for fragments of 16 bits; those of f32, in two parts, take four times the registers.
template <class Operands>
constexpr ChainNumbers chain_numbers(int width) {
  constexpr bool is_half = sizeof(typename Operands::Element) == 2;
  if (width == 64) return {64, 64, 4, 2, 32, 3};
  if (width == 128) return is_half ? ChainNumbers{128, 64, 4, 2, 32, 3} : ChainNumbers{128, 64, 8, 2, 32, 3};
  if (width == 256) return is_half ? ChainNumbers{256, 128, 8, 2, 32, 3} : ChainNumbers{256, 64, 8, 2, 32, 2};
  if (width == 512) return is_half ? ChainNumbers{512, 64, 8, 2, 32, 2} : ChainNumbers{512, 32, 8, 1, 16, 2};
  return is_half ? ChainNumbers{1024, 32, 8, 1, 16, 3, 2} : ChainNumbers{1024, 16, 8, 1, 16, 2, 2};
}
template <class Operands, int width>
using ChainTileFor = ChainTile<Operands, chain_numbers<Operands>(width)>;

/// A tile of one layer's weight gradient: `out` units by `in` inputs, summed over rows that stream through a ring of slabs.
template <class OperandsType, int out_size, int in_size, int warps, int warps_along_out_size, int ring_stages>
struct WeightGradTile {
  using Operands = OperandsType;
  using Element = typename Operands::Element;
  static constexpr int out = out_size, in = in_size, num_warps = warps, num_threads = warps * threads_per_warp, stages = ring_stages;
  static constexpr int slab = threads_per_warp;  ///< rows: a warp's vote says which of them count
  static constexpr int warps_along_out = warps_along_out_size, warps_along_in = warps / warps_along_out;
  static constexpr int out_tiles = out / SumsTile::side / warps_along_out, in_tiles = in / SumsTile::side / warps_along_in;  // of a warp
  static constexpr int elements_per_copy = 16 / static_cast<int>(sizeof(Element));
  static_assert(out_tiles * warps_along_out * SumsTile::side == out && in_tiles * warps_along_in * SumsTile::side == in);

  using OutLayout = typename Operands::template Layout<out>;
  using InLayout = typename Operands::template Layout<in>;
  struct Slab {
    alignas(16) Element grads[slab * OutLayout::stride];
    alignas(16) Element inputs[slab * InLayout::stride];
  };
  // The output layer's gradient: a thread adds up one column
  static constexpr int column_lanes = 32, row_lanes = num_threads / column_lanes;
  union SharedStorage {
    Slab slabs[stages];
    float column_parts[row_lanes][column_lanes];
  };
  static_assert(sizeof(SharedStorage) <= max_shared_bytes);

  SEGPREF_HOST_DEVICE static constexpr int blocks_along_out(int columns) { return (columns + out - 1) / out; }
  SEGPREF_HOST_DEVICE static constexpr int blocks_along_in(int columns) { return (columns + in - 1) / in; }
};

template <class Operands>
using SmallWeightGradTile = WeightGradTile<Operands, 64, 64, 4, 2, 3>;
template <class Operands>
using LargeWeightGradTile = std::conditional_t<sizeof(typename Operands::Element) == 2, WeightGradTile<Operands, 128, 128, 8, 4, 4>, WeightGradTile<Operands, 128, 64, 8, 4, 3>>;

/// A tile of the features' gradient: rows by columns, summed over units of all members that stream through a ring of slabs.
template <class OperandsType>
struct GradFeaturesTile {
  using Operands = OperandsType;
  using Element = typename Operands::Element;
  static constexpr int rows = 64, columns = 64, num_warps = 4, num_threads = num_warps * threads_per_warp, stages = 3, slab = column_padding;
  static constexpr int warps_along_rows = 2, warps_along_columns = num_warps / warps_along_rows;
  static constexpr int row_tiles = rows / SumsTile::side / warps_along_rows, column_tiles = columns / SumsTile::side / warps_along_columns;  // of a warp
  static constexpr int elements_per_copy = 16 / static_cast<int>(sizeof(Element));

  using GradLayout = typename Operands::template Layout<slab>;
  using WeightLayout = typename Operands::template Layout<columns>;
  struct Slab {
    alignas(16) Element grads[rows * GradLayout::stride];
    alignas(16) Element weights[slab * WeightLayout::stride];
  };
  struct SharedStorage {
    Slab slabs[stages];
  };
  static_assert(sizeof(SharedStorage) <= max_shared_bytes);
};

/// pack_weights_kernel, mlp_reduce_grad_kernel and mlp_prediction_kernel: a thread per element.
struct MlpElementsTile {
  static constexpr int num_threads = 256, slices = 1, columns = num_threads / slices;
};
/// mlp_reduce_grad_kernel for the many parts of the resident path: a warp per slice, so that loads of 64 parts are not one long chain.
struct MlpManyPartsTile {
  static constexpr int num_threads = 256, slices = 8, columns = num_threads / slices;
};

}  // namespace segpref::cuda
