// The oracle of the preference loss: float64, one plain loop per formula of docs/ops/preference_loss.md, never tuned.
// It shares no code with the back ends. Input is assumed to be legal.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "kernels/reference/segment_reduce.hpp"

namespace segpref::reference {

enum class Ties { none, rao_kupper, davidson };
enum class Reduce { mean, sum, none };

struct Pair {
  std::int64_t first = 0, second = 0;
};

struct PreferenceProblem {
  std::int64_t num_members = 1, num_steps = 0;
  std::vector<Segment> segments;
  std::vector<Pair> pairs;
  std::vector<std::vector<std::int64_t>> pair_order;  ///< [num_members][num_batch_pairs]
  std::vector<double> labels;                         ///< [num_pairs]
  std::vector<std::vector<double>> weights, margins;  ///< [num_members][num_pairs]

  Aggregate aggregation = Aggregate::sum;
  double discount = 1, temperature = 1, clip = std::numeric_limits<double>::infinity(), smoothing = 0, lapse = 0, centering = 0;
  Ties ties = Ties::none;
  std::vector<double> tie_parameter;                  ///< [num_members]
  Reduce reduction = Reduce::mean;
  std::optional<double> normalizer;
  bool skip_nonfinite = false;
};

struct Metrics {
  double weight_sum = 0, loss_sum = 0, centering_sum = 0, num_judged = 0, num_correct = 0, gap_sum = 0, num_skipped = 0;
};

struct PreferenceSolution {
  std::vector<double> loss;                                            ///< [num_members]
  std::vector<std::vector<double>> loss_per_pair, logits;              ///< [num_members][num_batch_pairs]
  std::vector<std::vector<double>> scores, grad_scores;                ///< [num_members][num_segments]
  std::vector<std::vector<double>> grad_step_rewards;                  ///< [num_members][num_steps]
  std::vector<double> grad_tie_parameter;                              ///< [num_members]
  std::vector<Metrics> metrics;                                        ///< [num_members]
};

/// Loss of one pair as a function of its logit, with the derivatives with respect to logit and tie parameter.
struct PairLoss {
  double loss = 0, grad_logit = 0, grad_tie = 0;
};
PairLoss pair_loss(const PreferenceProblem& problem, double logit, double label, double margin, double tie_parameter);

/// @param step_rewards  [num_members][num_steps]
PreferenceSolution preference_loss(const PreferenceProblem& problem, const std::vector<std::vector<double>>& step_rewards);

}  // namespace segpref::reference
