// What an ensemble thinks of candidate pairs: one thread per pair, members in their order. Formula: kernels/math/query_score.hpp.
#pragma once

#include "kernels/cuda/primitives/thread.cuh"
#include "kernels/cuda/query_scores/params.hpp"
#include "kernels/math/query_score.hpp"

namespace segpref::cuda {

/// Not measured on a GPU yet.
struct QueryScoresTile {
  static constexpr int num_threads = 128;
};

/// The logit of a pair in one member's eyes.
template <typename Real>
struct LogitOfMember {
  const Real *first, *second;  ///< scores of member 0; members are num_segments apart
  std::int64_t num_segments;
  double temperature;

  SEGPREF_HOST_DEVICE double operator()(std::int64_t member) const {
    return (static_cast<double>(second[member * num_segments]) - static_cast<double>(first[member * num_segments])) / temperature;
  }
};

template <typename Real>
__global__ void __launch_bounds__(QueryScoresTile::num_threads) query_scores_kernel(const __grid_constant__ QueryScoresParams<Real> p) {
  const std::int64_t pair = std::int64_t{blockIdx.x} * QueryScoresTile::num_threads + threadIdx.x;
  if (pair >= p.num_pairs) return;
  const LogitOfMember<Real> logit_of{p.scores + p.pairs[2 * pair], p.scores + p.pairs[2 * pair + 1], p.num_segments, p.temperature};
  const math::QueryScore score = math::query_score(p.num_members, logit_of);
  if (p.mean_probability != nullptr) p.mean_probability[pair] = static_cast<Real>(score.mean_probability);
  if (p.disagreement != nullptr) p.disagreement[pair] = static_cast<Real>(score.disagreement);
  if (p.entropy_of_mean != nullptr) p.entropy_of_mean[pair] = static_cast<Real>(score.entropy_of_mean);
  if (p.mean_entropy != nullptr) p.mean_entropy[pair] = static_cast<Real>(score.mean_entropy);
}

}  // namespace segpref::cuda
