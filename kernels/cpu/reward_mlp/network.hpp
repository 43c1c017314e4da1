// One member of the ensemble on one tile of rows: forward, and backward into a gradient buffer in the kernels' own layout.
#pragma once

#include <array>

#include "host/parallel/thread_pool.hpp"
#include "kernels/cpu/reward_mlp/tile_kernels.hpp"
#include "segpref/reward_mlp.hpp"

namespace segpref::cpu::mlp {

inline constexpr int max_hidden = 4;

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

template <typename Real>
void pack_parameters(const RewardArchitecture& architecture, const Shape& shape, const Real* parameters, std::int64_t member, Real* packed);

/// Adds slab gradients in slab order and writes them to the public layout.
template <typename Real>
void reduce_gradients(const RewardArchitecture& architecture, const Shape& shape, const Real* slab_gradients, std::int64_t num_slabs,
                      std::int64_t member, Real* gradients, ThreadPool& pool);

/// Scratch of one thread, or of one stored tile: activations [num_hidden][rows_per_tile, padded width], slopes alike.
template <typename Real>
struct TileActivations {
  Real* activations = nullptr;
  Real* slopes = nullptr;  ///< null unless Shape::needs_slopes
};

/// Forward of num_rows packed rows. `steps` names the rows for dropout. Writes raw outputs.
template <typename Real>
void forward_tile(const RewardArchitecture& architecture, const Shape& shape, const Real* packed, const Real* rows, const std::int64_t* steps,
                  std::int64_t num_rows, std::int64_t member, const DropoutState& dropout, const TileActivations<Real>& tile, Real* raw);

/// Backward of the same tile. grad_raw [num_rows]; grad [grad_size] is added to; scratch holds 2 x rows_per_tile x widest elements;
/// grad_rows [rows_per_tile, padded feature_dim] may be null.
template <typename Real>
void backward_tile(const RewardArchitecture& architecture, const Shape& shape, const Real* packed, const Real* rows, std::int64_t num_rows,
                   const TileActivations<Real>& tile, const Real* grad_raw, Real* scratch, Real* grad, Real* grad_rows);

}  // namespace segpref::cpu::mlp
