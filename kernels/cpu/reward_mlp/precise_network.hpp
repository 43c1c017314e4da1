// The network in the precision that the caller chose: the same steps with the functions of network.hpp or of bf16_network.hpp.
#pragma once

#include <type_traits>

#include "kernels/cpu/reward_mlp/bf16_network.hpp"
#include "kernels/cpu/reward_mlp/network.hpp"

namespace segpref::cpu::mlp {

template <typename Real>
struct PreciseNetwork {
  const RewardArchitecture& architecture;
  Compute compute = Compute::standard;
  Shape shape{architecture};

  /// bf16 products exist for f32 parameters.
  bool is_bf16() const { return std::is_same_v<Real, float> && compute == Compute::bf16; }
  /// Elements of a stored row of activations, and of slopes where needed.
  std::int64_t stored_width() const { return shape.activation_width + (is_bf16() ? shape.padded_width[0] : 0); }
  /// Elements of the scratch of a tile.
  std::int64_t scratch_size(std::int64_t rows_per_tile) const { return 2 * rows_per_tile * shape.widest; }

  void pack(const Real* parameters, Real* packed, ThreadPool& pool) const {
    if constexpr (std::is_same_v<Real, float>) {
      if (is_bf16()) return pack_parameters_bf16(architecture, shape, parameters, packed, pool);
    }
    pack_parameters(architecture, shape, parameters, packed, pool);
  }

  /// Arguments as in network.hpp; rows, scratch and raw have room for an even number of rows.
  void forward(const Real* packed, Real* rows, const std::int64_t* steps, std::int64_t num_rows, std::int64_t member, const DropoutState& dropout,
               const TileActivations<Real>& tile, Real* scratch, Real* raw) const {
    if constexpr (std::is_same_v<Real, float>) {
      if (is_bf16()) return forward_tile_bf16(architecture, shape, packed, rows, steps, num_rows, member, dropout, tile, scratch, raw);
    }
    forward_tile(architecture, shape, packed, rows, steps, num_rows, member, dropout, tile, raw);
  }

  void backward(const Real* packed, const Real* rows, std::int64_t num_rows, const TileActivations<Real>& tile, Real* grad_raw, Real* scratch, Sums sums, Real* grad,
                Real* grad_rows) const {
    if constexpr (std::is_same_v<Real, float>) {
      if (is_bf16()) return backward_tile_bf16(architecture, shape, packed, num_rows, tile, grad_raw, scratch, sums, grad, grad_rows);
    }
    backward_tile(architecture, shape, packed, rows, num_rows, tile, grad_raw, scratch, sums, grad, grad_rows);
  }

  void clear(Real* rows, const TileActivations<Real>& tile, std::int64_t row) const {
    if constexpr (std::is_same_v<Real, float>) {
      if (is_bf16()) return clear_row_bf16(shape, tile, row);
    }
    clear_row(shape, rows, tile, row);
  }
};

}  // namespace segpref::cpu::mlp
