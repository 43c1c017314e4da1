// Seeded random preference problems, as public views and as the oracle's problem at once.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "kernels/reference/preference_loss.hpp"
#include "segpref/preference_options.hpp"

namespace segpref::testing {

struct ProblemShape {
  std::int64_t num_members = 1, num_segments = 8, num_pairs = 4, max_length = 20;
  bool windows = false;         ///< overlapping windows instead of offsets
  bool shared_segments = false; ///< `pairs` given: a segment may stand in many pairs
  bool own_order = false;       ///< every member its own pair_order
  bool weights = false, margins = false;
  bool wide_indices = true;
  std::vector<std::int64_t> lengths = {};    ///< segment lengths are drawn from these instead of 0 to max_length
  std::int64_t num_batch_pairs = -1;         ///< with an order of its own or shared; -1: num_pairs
  bool shared_order = false;                 ///< one pair_order [num_batch_pairs] for all members
  bool shared_weights = false, shared_margins = false;  ///< [num_pairs] for all members
  bool scalar_tie = false;                   ///< tie_parameter [1]: set the same value for every member
  bool narrow_reals = false;                 ///< labels, weights, margins and tie parameter are f32 whatever Real is
};

/// Owns arrays of Real (labels, weights, margins, rewards) and indices, and yields both forms.
template <typename Real>
class Problem {
 public:
  Problem(const ProblemShape& shape, unsigned seed);

  PreferenceBatch batch() const;
  PreferenceOptions options() const;  ///< from `reference`: set the options there

  reference::PreferenceProblem reference;
  std::vector<std::vector<double>> step_rewards;  ///< [num_members][num_steps], exact in Real

  std::vector<Real> flat_rewards() const;
  const ProblemShape& shape() const { return shape_; }
  std::int64_t num_batch_pairs() const { return static_cast<std::int64_t>(reference.pair_order[0].size()); }
  /// Rebuilds the arrays after `reference` was changed by hand (labels, weights, margins, tie_parameter).
  void refresh();

 private:
  ProblemShape shape_;
  std::vector<std::int64_t> offsets_, begins_, lengths_, pairs_, order_;
  std::vector<std::int32_t> narrow_offsets_, narrow_begins_, narrow_lengths_, narrow_pairs_, narrow_order_;
  std::vector<Real> labels_, weights_, margins_, tie_parameter_;
  std::vector<float> narrow_labels_, narrow_weights_, narrow_margins_, narrow_tie_parameter_;
};

extern template class Problem<float>;
extern template class Problem<double>;

}  // namespace segpref::testing
