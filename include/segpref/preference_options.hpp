// What the comparisons of a call are, how they become a loss, and what is wanted back.
// Words and formulas: docs/ops/preference_loss.md.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "view.hpp"

namespace segpref {

enum class Aggregation : std::uint8_t { sum, mean, last };
enum class TieModel : std::uint8_t { none, rao_kupper, davidson };
enum class Reduction : std::uint8_t { mean, sum, none };
enum class NonFinite : std::uint8_t { propagate, skip };

/// The comparisons that one call uses. Integer arrays are i32 or i64. Labels, weights and margins are f32; f64 is also taken
/// where rewards or features are f64 (through an MLP: where its parameters are). All arrays are contiguous and on the device of the
/// rewards or features.
struct PreferenceBatch {
  ConstTensorView offsets;     ///< [num_segments + 1], non-decreasing, in [0, num_steps]: segment s is [offsets[s], offsets[s + 1])
  ConstTensorView begins;      ///< [num_segments], instead of offsets: windows that may overlap; needs lengths
  ConstTensorView lengths;     ///< [num_segments], >= 0
  ConstTensorView pairs;       ///< [num_pairs, 2] segment indices (first, second); absent: (0, 1), (2, 3), ...
  ConstTensorView pair_order;  ///< [num_batch_pairs] or [num_members, num_batch_pairs] pair indices; absent: every pair once
  ConstTensorView labels;      ///< [num_pairs] in [0, 1]: probability that the second segment is preferred
  ConstTensorView weights;     ///< [num_pairs] or [num_members, num_pairs], finite, >= 0; absent: 1
  ConstTensorView margins;     ///< [num_pairs] or [num_members, num_pairs], finite, >= 0, in logit units; absent: 0
};

/// How two scores become a loss. Every default leaves the plain Bradley-Terry cross-entropy.
struct PreferenceOptions {
  Aggregation aggregation = Aggregation::sum;
  double discount = 1.0;     ///< (0, 1], per step from the segment's first; must be 1 with Aggregation::last
  double temperature = 1.0;  ///< > 0, finite
  double clip = std::numeric_limits<double>::infinity();  ///< > 0: the logit is clipped to [-clip, clip]
  double smoothing = 0.0;    ///< [0, 1]: target = (1 - smoothing) * label + smoothing / 2
  double lapse = 0.0;        ///< [0, 1): the rater answers at random with this probability
  double centering = 0.0;    ///< >= 0: adds centering * (score_first + score_second)^2
  TieModel tie_model = TieModel::none;
  ConstTensorView tie_parameter;  ///< [1] or [num_members], f32, or f64 where labels may be: eta > 0 (rao_kupper) or log_nu (davidson)
  Reduction reduction = Reduction::mean;
  std::optional<double> normalizer;  ///< > 0: divisor of Reduction::mean instead of the batch's own sum of weights
  NonFinite nonfinite = NonFinite::propagate;
};

/// Sums over a batch, one row per member, in this order.
enum Metric : int {
  metric_weight_sum,     ///< sum of w
  metric_loss_sum,       ///< sum of w * loss, without the centring term
  metric_centering_sum,  ///< sum of w * centring term
  metric_num_judged,     ///< pairs with label != 0.5 and w > 0
  metric_num_correct,    ///< judged pairs whose logit has the label's sign; z = 0 is wrong
  metric_gap_sum,        ///< sum over judged pairs of (score_second - score_first) * sign(label - 0.5), unweighted
  metric_num_skipped,    ///< pairs left out by NonFinite::skip
  num_metrics
};

/// Where results go. An absent view is not computed. "real" is f64 when rewards or features are f64 (through an MLP: when its
/// parameters are), else f32.
struct PreferenceResult {
  TensorView loss;                ///< [num_members] real: reduced loss; must be absent with Reduction::none
  TensorView loss_per_pair;       ///< [num_members, num_batch_pairs] real: w * (loss + centring term); 0 for a left-out pair
  TensorView scores;              ///< [num_members, num_segments] real
  TensorView logits;              ///< [num_members, num_batch_pairs] real, before clipping
  TensorView metrics;             ///< [num_members, num_metrics] f64
  TensorView grad_tie_parameter;  ///< the shape of tie_parameter, real
};

}  // namespace segpref
