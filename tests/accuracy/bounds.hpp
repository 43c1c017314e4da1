// How far a result may lie from the float64 oracle, for every operation and back end: one table, held by tests/accuracy and quoted by docs/ops.
//
// A bound is a number of ulps: epsilon (2^-23 in f32, 2^-52 in f64) times the natural size of the result, which is what one ulp of each step
// reward and of the result itself can change it by (tests/support/error_units.hpp). Results of 16 bits may be off by their own rounding too.
#pragma once

namespace segpref::testing {

struct Bounds {
  double scores;     ///< of the sum of |step reward| over the segment
  double logits;     ///< of the two sums over temperature
  double losses;     ///< per pair and reduced, and the sums of the metrics
  double gradients;  ///< of step rewards, tie parameter, weights, biases and features
};

inline constexpr Bounds preference_loss_bounds{4, 4, 6, 4};
inline constexpr Bounds linear_preference_loss_bounds{8, 8, 8, 16};
inline constexpr Bounds mlp_preference_loss_bounds{8, 8, 8, 8};

/// With operands of few bits: of 1 plus the result for losses, scores and rewards; of the whole gradient's length for gradients of
/// parameters and of features. Near a kink a rounding takes the other slope.
struct MlpRoundedBounds {
  double losses, scores, parameters, features, kinked_parameters, kinked_features;
};
inline constexpr MlpRoundedBounds mlp_bf16_bounds{5e-3, 3e-2, 2e-2, 3e-2, 5e-2, 1e-1};   ///< Compute::bf16: 8 bits
inline constexpr MlpRoundedBounds mlp_tf32_bounds{7e-4, 4e-3, 3e-3, 4e-3, 5e-2, 2e-1};   ///< Compute::tf32 and f16: 11 bits. A unit on the other side of its kink is rarer, not smaller

inline constexpr double predict_rewards_bound = 8;    ///< of 1 + |reward|: members, mean and std
inline constexpr double query_scores_bound = 8;       ///< of 1: probabilities, variance and entropies
inline constexpr double adamw_bound = 4;              ///< of the parameter plus the step, each step; moments relative to their terms

}  // namespace segpref::testing
