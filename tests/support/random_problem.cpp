#include "tests/support/random_problem.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace segpref::testing {
namespace {

using reference::Aggregate;
using reference::Reduce;
using reference::Ties;

ProblemShape draw_shape(Draw& draw, const SizeMenu& menu, Words& words) {
  ProblemShape shape;
  const auto flag = [&](int percent, const char* word) {
    const bool on = draw.chance(percent);
    if (on) words.push_back(word);
    return on;
  };
  shape.num_members = draw.one_of(menu.num_members);
  shape.num_pairs = draw.one_of(menu.num_pairs);
  shape.shared_segments = flag(40, "pairs");
  shape.num_segments = shape.shared_segments && draw.chance(50) ? 2 + draw.below(9) : 2 * shape.num_pairs + draw.below(3);
  if (shape.shared_segments && shape.num_segments == 0) shape.num_segments = 2;
  shape.windows = flag(35, "windows");
  if (shape.num_pairs > 0) {
    const std::int64_t order = draw.below(4);
    shape.own_order = order == 0;
    shape.shared_order = order == 1;
    if (order < 2) {
      shape.num_batch_pairs = draw.chance(50) ? 1 + draw.below(2 * shape.num_pairs) : shape.num_pairs;
      words.push_back(order == 0 ? "own-order" : "shared-order");
    }
  }
  shape.weights = flag(50, "weights");
  shape.shared_weights = shape.weights && flag(50, "weights-of-all");
  shape.wide_indices = flag(50, "i64");
  shape.narrow_reals = flag(30, "f32-labels");

  // A menu of lengths of its own for each case, within the budget of steps.
  const std::int64_t budget = menu.most_steps / std::max<std::int64_t>(1, shape.num_members * shape.num_segments);
  for (int i = 0; i < 4; ++i) {
    std::int64_t length = draw.one_of(menu.lengths);
    while (length > std::max<std::int64_t>(1, 2 * budget)) length /= 2;
    shape.lengths.push_back(length);
  }
  if (std::find(shape.lengths.begin(), shape.lengths.end(), 0) != shape.lengths.end()) words.push_back("empty-segments");
  words.push_back(fmt::format("members={} pairs={} segments={} batch={} lengths={}", shape.num_members, shape.num_pairs, shape.num_segments,
                              shape.num_batch_pairs, fmt::join(shape.lengths, "/")));
  return shape;
}

}  // namespace

std::string sentence(const Words& words) { return fmt::format("{}", fmt::join(words, " ")); }

template <typename Real>
Problem<Real> draw_problem(Draw& draw, const SizeMenu& menu, Words& words) {
  ProblemShape shape = draw_shape(draw, menu, words);
  const auto say = [&](const char* word, double value) { words.push_back(fmt::format("{}={:.9g}", word, value)); };

  const std::int64_t tie_model = draw.chance(30) ? 1 + draw.below(2) : 0;
  if (tie_model > 0) {
    shape.scalar_tie = draw.chance(50);
    words.push_back(tie_model == 1 ? "rao-kupper" : "davidson");
    words.push_back(shape.scalar_tie ? "scalar-tie" : "tie-per-member");
  } else {
    shape.margins = draw.chance(40);
    shape.shared_margins = shape.margins && draw.chance(50);
    if (shape.margins) words.push_back(shape.shared_margins ? "margins-of-all" : "margins");
  }

  Problem<Real> made(shape, draw.seed());
  reference::PreferenceProblem& problem = made.reference;
  problem.aggregation = static_cast<Aggregate>(draw.below(3));
  words.push_back(problem.aggregation == Aggregate::sum ? "sum-of-steps" : problem.aggregation == Aggregate::mean ? "mean-of-steps" : "last-step");
  if (problem.aggregation != Aggregate::last && draw.chance(40)) say("discount", problem.discount = draw.one_of<double>({0.5, 0.9, 0.99, draw.real(0.8, 1)}));
  if (draw.chance(50)) say("temperature", problem.temperature = draw.one_of<double>({0.25, 3, draw.real(0.3, 5)}));
  if (draw.chance(30)) say("clip", problem.clip = draw.real(0.2, 3));
  if (draw.chance(30)) say("lapse", problem.lapse = draw.one_of<double>({0.01, 0.1, draw.real(0, 0.9)}));
  if (draw.chance(30)) say("centering", problem.centering = draw.one_of<double>({0.001, 0.05}));
  if (tie_model > 0) {
    problem.ties = static_cast<Ties>(tie_model);
    const auto parameter = [&] { return tie_model == 1 ? draw.narrow(0.25, 2) : draw.narrow(-2, 2); };
    problem.tie_parameter.assign(static_cast<std::size_t>(problem.num_members), parameter());
    if (!shape.scalar_tie)
      for (double& value : problem.tie_parameter) value = parameter();
    say("tie", problem.tie_parameter[0]);
  } else if (draw.chance(40)) {
    say("smoothing", problem.smoothing = draw.one_of<double>({0.1, 1, draw.real(0, 1)}));
  }
  problem.reduction = static_cast<Reduce>(draw.one_of<int>({0, 0, 1, 2}));
  words.push_back(problem.reduction == Reduce::mean ? "mean" : problem.reduction == Reduce::sum ? "sum" : "no-reduction");
  if (problem.reduction == Reduce::mean && draw.chance(40)) {
    problem.normalizer = draw.real(0.5, 50);
    say("normalizer", *problem.normalizer);
  }
  problem.skip_nonfinite = draw.chance(40);
  if (problem.skip_nonfinite) words.push_back("skip");
  made.refresh();
  return made;
}

template Problem<float> draw_problem<float>(Draw&, const SizeMenu&, Words&);
template Problem<double> draw_problem<double>(Draw&, const SizeMenu&, Words&);

template <typename Real>
PreferenceCapacity draw_capacity(Draw& draw, const Problem<Real>& problem, DType dtype) {
  const auto room = [&](std::int64_t needed) { return needed + (draw.chance(50) ? draw.below(50) : 0); };
  PreferenceCapacity capacity;
  capacity.num_members = std::min<std::int64_t>(32, room(problem.reference.num_members));
  capacity.num_steps = room(problem.reference.num_steps);
  // Back ends may serve plans of small batches in another way than plans of large ones.
  capacity.num_segments = room(static_cast<std::int64_t>(problem.reference.segments.size())) + (draw.chance(50) ? 2000 : 0);
  capacity.num_pairs = room(static_cast<std::int64_t>(problem.reference.pairs.size()));
  capacity.num_batch_pairs = room(problem.num_batch_pairs());
  capacity.dtype = dtype;
  if (draw.chance(50)) {
    std::int64_t longest = 1;  // 0 would promise nothing
    for (const reference::Segment& segment : problem.reference.segments) longest = std::max(longest, segment.end - segment.begin);
    capacity.max_segment_steps = room(longest);
  }
  return capacity;
}

template PreferenceCapacity draw_capacity(Draw&, const Problem<float>&, DType);
template PreferenceCapacity draw_capacity(Draw&, const Problem<double>&, DType);

void keep_clip_away(reference::PreferenceProblem& problem, const std::vector<std::vector<double>>& step_rewards, double distance) {
  if (std::isinf(problem.clip)) return;
  const auto logits = reference::preference_loss(problem, step_rewards).logits;
  const auto too_near = [&] {
    for (const auto& row : logits)
      for (double logit : row)
        if (std::fabs(std::fabs(logit) - problem.clip) < distance) return true;
    return false;
  };
  while (too_near()) problem.clip += 2.5 * distance;
}

}  // namespace segpref::testing
