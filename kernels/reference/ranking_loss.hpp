// The oracle of the Plackett-Luce ranking loss: float64, one plain loop per formula of docs/ops/ranking_loss.md. Input is assumed to be legal.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "kernels/reference/preference_loss.hpp"
#include "kernels/reference/segment_reduce.hpp"

namespace segpref::reference {

struct RankingProblem {
  std::int64_t num_members = 1, num_steps = 0;
  std::vector<Segment> segments;
  std::vector<std::vector<std::int64_t>> rankings;  ///< [num_rankings]: segment indices, best first
  std::vector<std::vector<double>> weights;         ///< [num_members][num_rankings]
  std::int64_t ranking_top = 0;                     ///< stages used per ranking; 0 means all

  Aggregate aggregation = Aggregate::sum;
  double discount = 1, temperature = 1;
  Reduce reduction = Reduce::mean;
  std::optional<double> normalizer;
  bool skip_nonfinite = false;
};

struct RankingMetrics {
  double weight_sum = 0, loss_sum = 0, num_skipped = 0;
};

struct RankingSolution {
  std::vector<double> loss;                               ///< [num_members]
  std::vector<std::vector<double>> loss_per_ranking;      ///< [num_members][num_rankings]
  std::vector<std::vector<double>> scores, grad_scores;   ///< [num_members][num_segments]
  std::vector<std::vector<double>> grad_step_rewards;     ///< [num_members][num_steps]
  std::vector<RankingMetrics> metrics;                    ///< [num_members]
};

/// @param step_rewards  [num_members][num_steps]
RankingSolution ranking_loss(const RankingProblem& problem, const std::vector<std::vector<double>>& step_rewards);

}  // namespace segpref::reference
