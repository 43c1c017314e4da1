// Gradient of the features: row t is the sum over members of grad_step_rewards[member, t] * w of the member.
//   reads   gradients of steps once per block of columns, weights from the caches
//   writes  every element once, 16 bytes a thread where rows are aligned; 0 where no counted pair reaches
//   floor   num_steps * feature_dim elements written; 2 flops for each and member: bound by memory up to about 16 members
//   order   members in their order; a member whose gradient is 0 does not meet its weights, which may hold anything
// Nothing was measured on a GPU.
#pragma once

#include "kernels/cuda/primitives/shared_memory.cuh"
#include "kernels/cuda/reward_linear/columns.cuh"
#include "kernels/cuda/reward_linear/params.hpp"

namespace segpref::cuda {

/// Grid (blocks of columns x blocks of rows, columns first).
/// @param Columns  a FeatureTile; the aligned one needs grad_features and its rows at multiples of 16 bytes
template <class Columns, class Tile, typename Element, typename Real>
__global__ void __launch_bounds__(Columns::num_threads) grad_features_kernel(const __grid_constant__ GradFeaturesParams<Element, Real> p) {
  SEGPREF_SHARED(Real[Tile::max_members][Tile::rows_per_block], grads);
  // Place: a block of columns of a block of rows
  const auto column_blocks = static_cast<unsigned>(Columns::column_blocks(p.feature_dim));
  const ThreadColumns<Columns> columns(blockIdx.x % column_blocks, p.feature_dim);
  const std::int64_t first_row = std::int64_t{blockIdx.x / column_blocks} * Tile::rows_per_block;
  const auto num_rows = static_cast<int>(smaller<std::int64_t>(Tile::rows_per_block, p.num_steps - first_row));

  // Load the gradients of the rows
  for (auto i = static_cast<int>(threadIdx.x); i < p.num_members * Tile::rows_per_block; i += Columns::num_threads) {
    const int member = i / Tile::rows_per_block, row = i % Tile::rows_per_block;
    grads[member][row] = row < num_rows ? p.grad_step_rewards[member * p.num_steps + first_row + row] : Real(0);
  }
  __syncthreads();

  const bool is_aligned = rows_are_aligned(p.weight, p.feature_dim * static_cast<std::int64_t>(sizeof(Real)));
  for (int first = 0; first < num_rows; first += Tile::rows_at_once) {
    // Add up the members
    Real sums[Tile::rows_at_once][Columns::columns_per_thread] = {};
    for (int member = 0; member < p.num_members; ++member) {
      Real weight[Columns::columns_per_thread];
      load_reals<Columns>(columns, is_aligned, p.weight + member * p.feature_dim + columns.first, weight);
      SEGPREF_UNROLL
      for (int r = 0; r < Tile::rows_at_once; ++r) {
        const Real grad = grads[member][first + r];
        if (grad == Real(0)) continue;
        SEGPREF_UNROLL
        for (int c = 0; c < Columns::columns_per_thread; ++c) sums[r][c] = multiply_add(grad, weight[c], sums[r][c]);
      }
    }
    // Store
    SEGPREF_UNROLL
    for (int r = 0; r < Tile::rows_at_once; ++r) {
      if (first + r >= num_rows) break;
      RowPart<Columns, Element> out;
      out.set(sums[r]);
      out.store_present(columns, p.grad_features + (first_row + first + r) * p.feature_dim + columns.first);
    }
  }
}

}  // namespace segpref::cuda
