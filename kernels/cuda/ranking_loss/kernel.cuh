// Plackett-Luce losses of rankings: one thread per ranking and member; rankings are few and short beside the steps behind them. Their gradients are
// added up by segment with the kernels of preference_loss/segment_entries.hpp, once the entries are sorted by the keys made here.
//   order   a block's sums as warp_sum adds them, then warp by warp; blocks by one warp per member
#pragma once

#include <cfloat>
#include <cmath>

#include "kernels/common/rankings.hpp"
#include "kernels/cuda/primitives/shared_memory.cuh"
#include "kernels/cuda/primitives/warp.cuh"
#include "kernels/cuda/ranking_loss/params.hpp"
#include "kernels/math/plackett_luce.hpp"

namespace segpref::cuda {

/// Not measured on a GPU yet. Scores and sums of up to 64 entries lie in local memory: small blocks spread over more multiprocessors.
struct RankingTile {
  static constexpr int num_threads = 64;
  static constexpr int least_blocks = 8;  ///< per multiprocessor; without it the compiler aims at full occupancy, and spills
  static constexpr int num_warps = num_threads / threads_per_warp;
};

/// Scores of one ranking over temperature, counted from the largest: differences are exact before they are scaled. False: one is not finite.
template <typename Real>
SEGPREF_DEVICE bool gather_scores(const RankingLossParams<Real>& p, std::int64_t member, std::int64_t begin, std::int64_t count, double* s) {
  constexpr double largest = DBL_MAX;
  const Real* scores = p.scores + member * p.num_segments;
  double top = -INFINITY;
  bool finite = true;
  for (std::int64_t k = 0; k < count; ++k) {
    s[k] = static_cast<double>(scores[p.entries[begin + k]]);
    finite = finite && ::fabs(s[k]) <= largest;
    top = s[k] > top ? s[k] : top;
  }
  for (std::int64_t k = 0; k < count; ++k) {
    s[k] = (s[k] - top) / p.temperature;
    finite = finite && ::fabs(s[k]) <= largest;
  }
  return finite;
}

template <typename Real>
__global__ void __launch_bounds__(RankingTile::num_threads, RankingTile::least_blocks) ranking_loss_kernel(const __grid_constant__ RankingLossParams<Real> p) {
  SEGPREF_SHARED(double[RankingTile::num_warps][num_ranking_sums], warp_sums);
  const std::int64_t member = blockIdx.y, ranking = std::int64_t{blockIdx.x} * RankingTile::num_threads + threadIdx.x;
  double sums[num_ranking_sums] = {};
  if (ranking < p.num_rankings) {
    // Load
    double s[kernels::max_ranking_entries], rest_tops[kernels::max_ranking_entries];
    const std::int64_t begin = p.offsets[ranking], count = p.offsets[ranking + 1] - begin;
    const double weight = p.weights(member, ranking);
    const bool finite = gather_scores(p, member, begin, count, s);
    const bool skipped = weight > 0.0 && !finite && p.skip_nonfinite, counted = weight > 0.0 && !skipped;
    // The objective
    double* grad = p.grad_entries == nullptr ? nullptr : p.grad_entries + member * p.num_entries + begin;
    const std::int64_t num_stages = p.top == 0 || p.top > count ? count : p.top;
    double loss = counted ? NAN : 0.0;
    if (counted && finite) loss = weight * math::plackett_luce(s, count, num_stages, rest_tops, grad);
    // Store
    if (grad != nullptr)
      for (std::int64_t k = 0; k < count; ++k) grad[k] = !counted ? 0.0 : finite ? weight * grad[k] / p.temperature : NAN;
    if (p.loss_per_ranking != nullptr) p.loss_per_ranking[member * p.num_rankings + ranking] = static_cast<Real>(loss);
    sums[0] = counted ? weight : 0.0;
    sums[1] = loss;
    sums[2] = skipped ? 1.0 : 0.0;
  }
  // Reduce: lanes to warps, warps to one row per block
  SEGPREF_UNROLL
  for (int i = 0; i < num_ranking_sums; ++i) {
    const double sum = warp_sum(sums[i]);
    if (lane_of_thread() == 0) warp_sums[warp_of_thread()][i] = sum;
  }
  __syncthreads();
  const int i = static_cast<int>(threadIdx.x);
  if (i >= num_ranking_sums) return;
  double sum = warp_sums[0][i];
  for (int warp = 1; warp < RankingTile::num_warps; ++warp) sum += warp_sums[warp][i];
  p.block_sums[(member * gridDim.x + blockIdx.x) * num_ranking_sums + i] = sum;
}

/// Not measured on a GPU yet.
struct RankingKeysTile {
  static constexpr int num_threads = 256;
};

/// One thread per entry.
template <class Tile>
__global__ void __launch_bounds__(Tile::num_threads) ranking_keys_kernel(const __grid_constant__ RankingKeysParams p) {
  const std::int64_t entry = std::int64_t{blockIdx.x} * Tile::num_threads + threadIdx.x;
  if (entry >= p.num_entries) return;
  const bool is_ranked = entry >= p.offsets[0] && entry < p.offsets[p.num_rankings];
  p.keys[entry] = static_cast<std::uint64_t>(is_ranked ? p.entries[entry] : p.num_segments);
  p.positions[entry] = static_cast<std::uint32_t>(entry);
}

/// One block of one warp per member.
template <typename Real>
__global__ void __launch_bounds__(threads_per_warp) ranking_sums_kernel(const __grid_constant__ RankingSumsParams<Real> p) {
  const std::int64_t member = blockIdx.x;
  double sums[num_ranking_sums] = {};
  for (std::int64_t block = lane_of_thread(); block < p.num_blocks; block += threads_per_warp) {
    SEGPREF_UNROLL
    for (int i = 0; i < num_ranking_sums; ++i) sums[i] += p.block_sums[(member * p.num_blocks + block) * num_ranking_sums + i];
  }
  SEGPREF_UNROLL
  for (int i = 0; i < num_ranking_sums; ++i) sums[i] = warp_sum(sums[i]);
  if (lane_of_thread() != 0) return;
  const double divisor = !p.is_mean ? 1.0 : p.normalizer != 0.0 ? p.normalizer : sums[0];
  const double scale = divisor == 0.0 ? 0.0 : 1.0 / divisor;
  if (p.reduced_loss != nullptr) p.reduced_loss[member] = static_cast<Real>(scale == 0.0 ? 0.0 : sums[1] * scale);
  if (p.metrics != nullptr) {
    SEGPREF_UNROLL
    for (int i = 0; i < num_ranking_sums; ++i) p.metrics[member * num_ranking_sums + i] = sums[i];
  }
  if (p.grad_scale != nullptr) p.grad_scale[member] = static_cast<Real>(scale);
}

}  // namespace segpref::cuda
