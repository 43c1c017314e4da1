// Gradients of the head: for every member, the sum over segments of grad_score * sum of the segment, times the member's scale.
//   reads   sums of segments with a gradient once per 8 members: 4 bytes a column, a 256th of the bytes of segments of 512 bf16 rows
//   writes  at most 64 slices of segments, each a row per member; then the gradients
//   flops   2 per segment, column and member
//   order   segments of a slice in their order, then slices; slices depend on the number of segments alone
//   left-out pairs   a gradient of 0 meets no sum: what is not finite there leaves no trace; nor does an empty segment's, whose sum is never written
// Nothing was measured on a GPU.
#pragma once

#include "kernels/cuda/primitives/shared_memory.cuh"
#include "kernels/cuda/primitives/warp.cuh"
#include "kernels/cuda/reward_linear/config.cuh"
#include "kernels/cuda/reward_linear/params.hpp"

namespace segpref::cuda {

template <class Tile, typename Real>
struct GradHeadStorage {
  Real grads[Tile::segments_at_once][Tile::members_at_once];
  bool has_gradient[Tile::segments_at_once];  ///< any of the members
};

/// Gradients of the next segments, 0 for those that are behind the end, or empty. One thread per gradient.
template <class Tile, typename Real>
SEGPREF_DEVICE void load_gradients(const GradHeadParams<Real>& p, std::int64_t first_segment, std::int64_t first_member, std::int64_t end, GradHeadStorage<Tile, Real>& shared) {
  const int thread = static_cast<int>(threadIdx.x), s = thread / Tile::members_at_once, m = thread % Tile::members_at_once;
  const std::int64_t segment = first_segment + s, member = first_member + m;
  const bool is_read = segment < end && member < p.num_members && p.segments.length_of(segment) > 0;
  const Real grad = is_read ? p.grad_scores[member * p.num_graded + segment] : Real(0);
  shared.grads[s][m] = grad;
  const unsigned votes = __ballot_sync(all_lanes, grad != Real(0));  // a NaN counts
  if (m == 0) shared.has_gradient[s] = (votes >> lane_of_thread() & ((1u << Tile::members_at_once) - 1u)) != 0;
}

/// Grid (blocks of columns, slices, groups of members). Column feature_dim is the bias.
template <class Tile, typename Real>
__global__ void __launch_bounds__(Tile::num_threads) grad_head_slices_kernel(const __grid_constant__ GradHeadParams<Real> p) {
  using Storage = GradHeadStorage<Tile, Real>;
  SEGPREF_SHARED(Storage, shared);
  // Place: a column, a slice of the segments, some members
  const std::int64_t column = std::int64_t{blockIdx.x} * Tile::num_threads + threadIdx.x, num_columns = p.feature_dim + 1, stride = stride_of_sums(p.feature_dim);
  const std::int64_t slice = blockIdx.y, first_member = std::int64_t{blockIdx.z} * Tile::members_at_once, per_slice = Tile::segments_per_slice(p.num_graded);
  const std::int64_t begin = slice * per_slice, end = smaller(begin + per_slice, p.num_graded);
  const bool is_present = column < num_columns;

  Real totals[Tile::members_at_once] = {};
  for (std::int64_t segment = begin; segment < end; segment += Tile::segments_at_once) {
    __syncthreads();  // the gradients before have been read
    load_gradients(p, segment, first_member, end, shared);
    __syncthreads();
    SEGPREF_UNROLL_BY(1)
    for (int first = 0; first < Tile::segments_at_once; first += Tile::sums_in_flight) {
      Real sums[Tile::sums_in_flight];
      SEGPREF_UNROLL
      for (int s = 0; s < Tile::sums_in_flight; ++s) sums[s] = is_present && shared.has_gradient[first + s] ? p.sums[(segment + first + s) * stride + column] : Real(0);
      SEGPREF_UNROLL
      for (int s = 0; s < Tile::sums_in_flight; ++s)
        SEGPREF_UNROLL
        for (int m = 0; m < Tile::members_at_once; ++m) {
          const Real grad = shared.grads[first + s][m];
          totals[m] = grad != Real(0) ? multiply_add(grad, sums[s], totals[m]) : totals[m];
        }
    }
  }
  if (!is_present) return;
  SEGPREF_UNROLL
  for (int m = 0; m < Tile::members_at_once; ++m)
    if (first_member + m < p.num_members) p.slice_sums[(slice * p.num_members + first_member + m) * num_columns + column] = totals[m];
}

/// The sum of a column's slices, scaled.
template <class Tile, typename Real>
SEGPREF_DEVICE Real sum_of_slices(const GradHeadParams<Real>& p, std::int64_t member, std::int64_t column) {
  const std::int64_t num_columns = p.feature_dim + 1, num_slices = Tile::num_slices(p.num_graded);
  Real sum = 0;
  SEGPREF_UNROLL_BY(4)
  for (std::int64_t slice = 0; slice < num_slices; ++slice) sum += p.slice_sums[(slice * p.num_members + member) * num_columns + column];
  return p.grad_scale == nullptr ? sum : sum * p.grad_scale[member];
}

/// Grid (blocks of columns, members).
template <class Tile, typename Real>
__global__ void __launch_bounds__(Tile::num_threads) grad_head_kernel(const __grid_constant__ GradHeadParams<Real> p) {
  const std::int64_t column = std::int64_t{blockIdx.x} * Tile::num_threads + threadIdx.x, member = blockIdx.y;
  if (column < p.feature_dim && p.grad_weight != nullptr) p.grad_weight[member * p.feature_dim + column] = sum_of_slices<Tile>(p, member, column);
  if (column != p.feature_dim || p.grad_bias == nullptr) return;
  if (p.bias_stride != 0) {
    p.grad_bias[member * p.bias_stride] = sum_of_slices<Tile>(p, member, column);
  } else if (member == 0) {  // one bias for all members, added in their order
    Real sum = 0;
    for (std::int64_t m = 0; m < p.num_members; ++m) sum += sum_of_slices<Tile>(p, m, column);
    p.grad_bias[0] = sum;
  }
}

}  // namespace segpref::cuda
