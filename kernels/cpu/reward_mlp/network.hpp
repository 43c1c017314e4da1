// One member of the ensemble on one tile of rows: forward, and backward into a gradient buffer in the kernels' own layout.
#pragma once

#include <array>

#include "host/parallel/thread_pool.hpp"
#include "kernels/cpu/reward_mlp/tile_kernels.hpp"
#include "segpref/reward_mlp.hpp"

namespace segpref::cpu::mlp {

inline constexpr int max_hidden = 4;

/// Most rows that go through the network together: packed weights are then read from the second-level cache rarely, and a tile's gradients stay in it.
/// Found with bench/mlp_bench.cpp; 104 and 208 are some percent slower.
inline constexpr std::int64_t rows_per_tile = 128;

/// Widths and positions. A packed member holds, per hidden layer: weight [in padded, out padded] for the forward pass, transposed weight
/// [out padded, in padded] for the backward pass, bias [out padded]; then the output's weight [in padded] and bias. A gradient buffer
/// holds the same without the transposed weights.
struct Shape {
  int num_hidden = 0;
  std::array<std::int64_t, max_hidden + 2> width{}, padded_width{};  ///< [0] features, then hidden layers
  std::array<std::int64_t, max_hidden + 1> packed_weight{}, packed_transposed{}, packed_bias{};  ///< last entry: output
  std::array<std::int64_t, max_hidden + 1> grad_weight{}, grad_bias{};
  std::array<std::int64_t, max_hidden + 1> public_weight{}, public_bias{};  ///< in the flat buffer, of member 0; bias -1: none
  std::int64_t packed_size = 0, grad_size = 0, num_parameters = 0;
  std::int64_t activation_width = 0;  ///< sum of padded hidden widths: elements of a stored row
  std::int64_t widest = 0;            ///< largest padded width, features included
  bool needs_slopes = false;          ///< derivatives cannot be had from activations: stored beside them

  explicit Shape(const RewardArchitecture& architecture);
};

/// All members, from the flat buffer to packed [num_members, packed_size].
template <typename Real>
void pack_parameters(const RewardArchitecture& architecture, const Shape& shape, const Real* parameters, Real* packed, ThreadPool& pool);

/// The weight gradients of a call: one part per slab of rows, whatever the number of threads.
template <typename Real>
struct SlabGradients {
  Real* parts = nullptr;           ///< [num_members, max_slabs, grad_size]
  std::int64_t max_slabs = 0;
  std::array<std::int64_t, 32> num_slabs{};  ///< parts of each member that were written; the sum of none is 0
  std::array<Real, 32> scale{};              ///< what a member's sum is multiplied with

  Real* part(const Shape& shape, std::int64_t member, std::int64_t slab) const { return parts + (member * max_slabs + slab) * shape.grad_size; }
};

/// Adds the parts of every member in slab order, into the first one, and writes them to the public layout.
template <typename Real>
void reduce_gradients(const RewardArchitecture& architecture, const Shape& shape, const SlabGradients<Real>& slabs, Real* gradients, ThreadPool& pool);

/// Activations of some rows: per hidden layer [capacity, padded width], slopes alike. A tile of rows begins at first_row.
template <typename Real>
struct TileActivations {
  Real* values = nullptr;
  Real* slopes = nullptr;  ///< null unless Shape::needs_slopes
  std::int64_t capacity = 0, first_row = 0;

  /// Rows of the layer whose width comes after `position` elements of a stored row.
  Real* layer(std::int64_t position, std::int64_t width) const { return values + position * capacity + first_row * width; }
  Real* layer_slopes(std::int64_t position, std::int64_t width) const {
    return slopes == nullptr ? nullptr : slopes + position * capacity + first_row * width;
  }
};

/// Sets a row that must leave no trace to 0: its features, activations and slopes. `row` counts from the tile's first.
template <typename Real>
void clear_row(const Shape& shape, Real* rows, const TileActivations<Real>& tile, std::int64_t row);

inline bool is_leaky(Activation activation) { return activation == Activation::relu || activation == Activation::leaky_relu; }

template <typename Real>
Real leaky_slope_of(const RewardArchitecture& architecture) {
  return architecture.activation == Activation::relu ? Real(0) : static_cast<Real>(architecture.leaky_slope);
}

/// Multiplies values and slopes of hidden layer `layer` with the mask: 0 or 1 / (1 - p), a pure function of (seed, call, member, layer, step, unit).
template <typename Real>
void apply_dropout(const RewardArchitecture& architecture, const DropoutState& dropout, std::int64_t member, int layer, std::int64_t width,
                   std::int64_t padded_width, const std::int64_t* steps, std::int64_t num_rows, Real* values, Real* slopes);

/// Forward of num_rows packed rows. `steps` names the rows for dropout. Writes raw outputs.
template <typename Real>
void forward_tile(const RewardArchitecture& architecture, const Shape& shape, const Real* packed, const Real* rows, const std::int64_t* steps,
                  std::int64_t num_rows, std::int64_t member, const DropoutState& dropout, const TileActivations<Real>& tile, Real* raw);

/// Backward of the same tile. grad_raw [num_rows]; grad [grad_size] is overwritten or added to; scratch holds 2 x num_rows x widest elements;
/// grad_rows [num_rows, padded feature_dim] may be null.
template <typename Real>
void backward_tile(const RewardArchitecture& architecture, const Shape& shape, const Real* packed, const Real* rows, std::int64_t num_rows,
                   const TileActivations<Real>& tile, const Real* grad_raw, Real* scratch, Sums sums, Real* grad, Real* grad_rows);

}  // namespace segpref::cpu::mlp
