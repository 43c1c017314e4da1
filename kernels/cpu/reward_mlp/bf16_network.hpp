// The network of network.hpp with products of bf16 operands and f32 sums (Compute::bf16). Same arguments, other storage:
//   packed parameters  weights as pairs of bf16 along the inputs, transposed weights as pairs along the outputs; biases and the output layer in f32
//   activations        a stored row begins with the features; every layer holds its rows in both layouts of avx512_bf16.hpp
//   rows               an odd number is filled up with a row of zeros, so buffers have room for an even number
#pragma once

#include "kernels/cpu/reward_mlp/network.hpp"

namespace segpref::cpu::mlp {

/// Rounded to nearest even; NaN stays one.
void pack_parameters_bf16(const RewardArchitecture& architecture, const Shape& shape, const float* parameters, float* packed, ThreadPool& pool);

/// scratch holds [num_rows + 1, widest] elements. Writes a row of zeros after an odd number of rows.
void forward_tile_bf16(const RewardArchitecture& architecture, const Shape& shape, const float* packed, float* rows, const std::int64_t* steps,
                       std::int64_t num_rows, std::int64_t member, const DropoutState& dropout, const TileActivations<float>& tile, float* scratch, float* raw);

/// scratch holds 2 x (num_rows + 1) x widest elements. Writes a zero after an odd number of grad_raw.
void backward_tile_bf16(const RewardArchitecture& architecture, const Shape& shape, const float* packed, std::int64_t num_rows,
                        const TileActivations<float>& tile, float* grad_raw, float* scratch, Sums sums, float* grad, float* grad_rows);

void clear_row_bf16(const Shape& shape, const TileActivations<float>& tile, std::int64_t row);

}  // namespace segpref::cpu::mlp
