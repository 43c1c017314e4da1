// Random preference problems over every option of docs/ops/preference_loss.md, with the words that describe each.
#pragma once

#include <string>
#include <vector>

#include "segpref/plan.hpp"
#include "tests/support/draw.hpp"
#include "tests/support/problems.hpp"

namespace segpref::testing {

/// Sizes below, at and beyond a block of `tile`, where loops have their edges.
inline std::vector<std::int64_t> around(std::int64_t tile) { return {0, 1, tile - 1, tile, tile + 1, 3 * tile + 5}; }

/// What the sizes of a problem are drawn from.
struct SizeMenu {
  std::vector<std::int64_t> num_members, num_pairs, lengths;
  std::int64_t most_steps = 40000;  ///< of all members together: longer segments and more members are put back
};

/// Collects what was drawn: printed when a case fails, counted to prove that every option was met.
using Words = std::vector<std::string>;
std::string sentence(const Words& words);

template <typename Real>
Problem<Real> draw_problem(Draw& draw, const SizeMenu& menu, Words& words);

/// A capacity that holds the problem and, at random, more; every second one bounds the length of segments.
template <typename Real>
PreferenceCapacity draw_capacity(Draw& draw, const Problem<Real>& problem, DType dtype);

/// Moves the clip away from every logit of the oracle: a logit at the clip may fall on either side, with another gradient.
/// @param distance  kept between |logit| and clip
void keep_clip_away(reference::PreferenceProblem& problem, const std::vector<std::vector<double>>& step_rewards, double distance);

}  // namespace segpref::testing
