// Seeded random rankings over every option, on every back end, against the float64 oracle. A failure prints the seed and every choice of its case.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "kernels/cpu/ranking_loss.hpp"
#include "kernels/reference/ranking_loss.hpp"
#include "segpref/ranking_loss.hpp"
#include "tests/support/backend.hpp"
#include "tests/support/compare.hpp"
#include "tests/support/draw.hpp"
#include "tests/support/host_tensor.hpp"

namespace segpref {
namespace {

using testing::Backend;
using testing::Draw;
using testing::HostTensor;

using Rows = std::vector<std::vector<double>>;
using Words = std::vector<std::string>;

/// What outputs hold before a call: whatever is left of it afterwards was not written.
constexpr double dirt = 777;
/// |Step rewards| of a segment add up to no more than this, so that one bound fits all lengths.
constexpr double most_score = 7;

template <typename T>
T noted(Words& words, const char* name, T value) {
  words.push_back(fmt::format("{}={}", name, value));
  return value;
}
bool noted_chance(Draw& draw, Words& words, const char* name, int percent) {
  if (!draw.chance(percent)) return false;
  words.push_back(name);
  return true;
}

/// A random problem in the oracle's form, and the same as arrays.
struct Problem {
  reference::RankingProblem reference;
  Rows step_rewards;
  bool windows = false, own_weights = false, weighted = false, wide_indices = false;
  std::int64_t first_entry = 0, entries_behind = 0;  ///< entries that belong to no ranking
  std::vector<std::int64_t> offsets, begins, lengths, entries, ranking_offsets;
  std::vector<std::int32_t> narrow_offsets, narrow_begins, narrow_lengths, narrow_entries, narrow_ranking_offsets;
  HostTensor weights;

  Problem(Draw& draw, DType dtype, Words& words) {
    windows = noted_chance(draw, words, "windows", 40);
    wide_indices = noted_chance(draw, words, "i64", 50);
    reference.num_members = noted(words, "members", draw.one_of<std::int64_t>({1, 1, 2, 5}));
    const std::int64_t num_rankings = noted(words, "rankings", draw.one_of<std::int64_t>({0, 1, 2, 17, 63, 64, 65, 133, 257}));
    const std::int64_t most_entries = num_rankings > 17 ? 6 : cpu::max_ranking_entries;
    draw_segments(draw, noted(words, "segments", num_rankings > 0 ? draw.one_of<std::int64_t>({2, 9, 40, 100}) : draw.one_of<std::int64_t>({0, 1, 40})));
    draw_rankings(draw, num_rankings, most_entries, words);
    draw_options(draw, words);
    draw_weights(draw, dtype, words);
  }

  RankingBatch batch() const {
    RankingBatch b;
    const auto indices = [this](const auto& wide, const auto& narrow) { return wide_indices ? view(wide) : view(narrow); };
    if (windows) b.begins = indices(begins, narrow_begins), b.lengths = indices(lengths, narrow_lengths);
    else b.offsets = indices(offsets, narrow_offsets);
    b.rankings = indices(entries, narrow_entries);
    b.ranking_offsets = indices(ranking_offsets, narrow_ranking_offsets);
    b.weights = weights.view();
    b.ranking_top = reference.ranking_top;
    return b;
  }
  PreferenceOptions options() const {
    PreferenceOptions o;
    o.aggregation = static_cast<Aggregation>(reference.aggregation);
    o.discount = reference.discount;
    o.temperature = reference.temperature;
    o.reduction = static_cast<Reduction>(reference.reduction);
    o.normalizer = reference.normalizer;
    o.nonfinite = reference.skip_nonfinite ? NonFinite::skip : NonFinite::propagate;
    return o;
  }

 private:
  void draw_segments(Draw& draw, std::int64_t num_segments) {
    std::int64_t end = draw.below(3);  // rows before the first segment and behind the last belong to none
    for (std::int64_t s = 0; s < num_segments; ++s) {
      const auto length = draw.one_of<std::int64_t>({0, 1, 2, 3, 7, 8, 31, 32, 33, 100});
      reference.segments.push_back({end, end + length});
      end += length;
    }
    reference.num_steps = end + draw.below(3);
    if (windows)
      for (reference::Segment& segment : reference.segments) {
        const std::int64_t length = segment.end - segment.begin;
        segment.begin = draw.below(reference.num_steps - length + 1);
        segment.end = segment.begin + length;
      }
    for (const reference::Segment& segment : reference.segments) {
      begins.push_back(segment.begin);
      lengths.push_back(segment.end - segment.begin);
      offsets.push_back(segment.begin);
    }
    offsets.push_back(end);
    copy(offsets, narrow_offsets);
    copy(begins, narrow_begins);
    copy(lengths, narrow_lengths);
    // The longest segment has 100 steps.
    for (std::int64_t e = 0; e < reference.num_members; ++e) {
      step_rewards.emplace_back();
      for (std::int64_t t = 0; t < reference.num_steps; ++t) step_rewards.back().push_back(draw.narrow(-most_score / 100, most_score / 100));
    }
  }
  void draw_rankings(Draw& draw, std::int64_t num_rankings, std::int64_t most_entries, Words& words) {
    const auto num_segments = static_cast<std::int64_t>(reference.segments.size());
    if (num_segments > 0 && noted_chance(draw, words, "entries-of-no-ranking", 30)) first_entry = draw.below(4), entries_behind = draw.below(4);
    for (std::int64_t i = 0; i < first_entry; ++i) entries.push_back(draw.below(num_segments));
    ranking_offsets.push_back(first_entry);
    for (std::int64_t r = 0; r < num_rankings; ++r) {
      reference.rankings.emplace_back();
      const std::int64_t count = draw.chance(5) ? most_entries : 2 + draw.below(most_entries - 1);
      for (std::int64_t k = 0; k < count; ++k) reference.rankings.back().push_back(draw.below(num_segments));
      entries.insert(entries.end(), reference.rankings.back().begin(), reference.rankings.back().end());
      ranking_offsets.push_back(static_cast<std::int64_t>(entries.size()));
    }
    for (std::int64_t i = 0; i < entries_behind; ++i) entries.push_back(draw.below(num_segments));
    copy(entries, narrow_entries);
    copy(ranking_offsets, narrow_ranking_offsets);
    if (noted_chance(draw, words, "top", 30)) reference.ranking_top = draw.one_of<std::int64_t>({1, 2, 3, 1000});
  }
  void draw_options(Draw& draw, Words& words) {
    const int aggregation = static_cast<int>(draw.below(3));
    reference.aggregation = static_cast<reference::Aggregate>(aggregation);
    words.push_back(std::vector{"sum-of-steps", "mean-of-steps", "last-step"}[static_cast<std::size_t>(aggregation)]);
    if (reference.aggregation != reference::Aggregate::last && noted_chance(draw, words, "discount", 30)) reference.discount = draw.one_of<double>({0.5, 0.97});
    if (noted_chance(draw, words, "temperature", 30)) reference.temperature = draw.one_of<double>({0.5, 2});
    const int reduction = static_cast<int>(draw.below(3));
    reference.reduction = static_cast<reference::Reduce>(reduction);
    if (reference.reduction == reference::Reduce::mean && noted_chance(draw, words, "normalizer", 30)) reference.normalizer = 12.5;
    words.push_back(std::vector{"mean", "sum", "no-reduction"}[static_cast<std::size_t>(reduction)]);
    reference.skip_nonfinite = noted_chance(draw, words, "skip", 40);
  }
  void draw_weights(Draw& draw, DType dtype, Words& words) {
    weighted = noted_chance(draw, words, "weights", 60);
    own_weights = weighted && noted_chance(draw, words, "weights-of-all", 50);
    const auto num_rankings = static_cast<std::int64_t>(reference.rankings.size());
    const bool wide = dtype == DType::f64 && draw.chance(50);
    if (weighted)
      weights = HostTensor(wide ? DType::f64 : DType::f32, own_weights ? std::vector<std::int64_t>{reference.num_members, num_rankings} : std::vector<std::int64_t>{num_rankings});
    for (std::int64_t i = 0; i < weights.size(); ++i) weights.set(i, draw.chance(20) ? 0 : draw.narrow(0, 2));
    for (std::int64_t e = 0; e < reference.num_members; ++e) {
      reference.weights.emplace_back();
      for (std::int64_t r = 0; r < num_rankings; ++r) reference.weights.back().push_back(weighted ? weights[(own_weights ? e * num_rankings : 0) + r] : 1.0);
    }
  }
  static void copy(const std::vector<std::int64_t>& from, std::vector<std::int32_t>& to) { to.assign(from.begin(), from.end()); }
};

/// A few rewards that are no numbers; returns nothing that a test could rely on: many cases have none.
void spoil(Draw& draw, HostTensor& rewards, Words& words) {
  if (rewards.size() == 0 || !noted_chance(draw, words, "nonfinite", 30)) return;
  const double infinity = std::numeric_limits<double>::infinity();
  for (std::int64_t n = 1 + draw.below(3); n > 0; --n) rewards.set(draw.below(rewards.size()), draw.one_of<double>({std::nan(""), infinity, -infinity}));
}

RankingBatch inputs(Backend& backend, RankingBatch batch) {
  for (ConstTensorView* view : {&batch.offsets, &batch.begins, &batch.lengths, &batch.rankings, &batch.ranking_offsets, &batch.weights}) *view = backend.input(*view);
  return batch;
}

RankingCapacity capacity_of(Draw& draw, const Problem& problem, DType dtype, Device device) {
  RankingCapacity capacity;
  capacity.num_members = problem.reference.num_members;
  capacity.num_steps = problem.reference.num_steps + draw.below(3);
  capacity.num_segments = static_cast<std::int64_t>(problem.reference.segments.size()) + draw.below(3);
  capacity.num_rankings = static_cast<std::int64_t>(problem.reference.rankings.size()) + draw.below(3);
  capacity.num_entries = static_cast<std::int64_t>(problem.entries.size()) + draw.below(3);
  capacity.dtype = dtype;
  capacity.max_segment_steps = draw.chance(50) ? 100 : 0;
  capacity.device = device;
  return capacity;
}

/// |Gradients| of the segments that hold a step, added up: where windows overlap the gradients themselves may cancel.
std::vector<double> sizes_of_gradients(const reference::RankingProblem& problem, const Rows& grad_scores) {
  Rows sizes(grad_scores.size(), std::vector<double>(static_cast<std::size_t>(problem.num_steps)));
  for (std::size_t e = 0; e < sizes.size(); ++e)
    for (std::size_t s = 0; s < problem.segments.size(); ++s)
      if (std::isfinite(grad_scores[e][s])) reference::add_score_gradient(problem.aggregation, problem.discount, problem.segments[s], std::fabs(grad_scores[e][s]), sizes[e]);
  return testing::flatten(sizes);
}

void ranking_case(Backend& backend, std::uint64_t seed, DType dtype) {
  Draw draw(seed);
  Words words;
  Problem problem(draw, dtype, words);
  const std::int64_t members = problem.reference.num_members, steps = problem.reference.num_steps, rankings = static_cast<std::int64_t>(problem.reference.rankings.size());
  const auto segments = static_cast<std::int64_t>(problem.reference.segments.size());
  HostTensor rewards(dtype, {members, steps});
  const auto at = [&](std::int64_t i) -> double& { return problem.step_rewards[static_cast<std::size_t>(i / steps)][static_cast<std::size_t>(i % steps)]; };
  for (std::int64_t i = 0; i < rewards.size(); ++i) rewards.set(i, at(i));
  spoil(draw, rewards, words);
  for (std::int64_t i = 0; i < rewards.size(); ++i) at(i) = rewards[i];
  SCOPED_TRACE(fmt::format("{} seed {}: {} {}", backend.name(), seed, name_of(dtype), fmt::join(words, " ")));

  const DType real = dtype == DType::f64 ? DType::f64 : DType::f32;
  const auto maybe = [&](HostTensor made) { return draw.chance(85) ? made : HostTensor(); };
  const bool is_reduced = problem.reference.reduction != reference::Reduce::none;
  HostTensor loss = is_reduced ? maybe({real, {members}, dirt}) : HostTensor(), loss_per_ranking = maybe({real, {members, rankings}, dirt});
  HostTensor scores = maybe({real, {members, segments}, dirt}), metrics = maybe({DType::f64, {members, num_ranking_metrics}, dirt}), grad = maybe({dtype, {members, steps}, dirt});
  const RankingLossPlan plan(capacity_of(draw, problem, dtype, backend.device()));
  const RankingResult result{backend.output(loss.view()), backend.output(loss_per_ranking.view()), backend.output(scores.view()), backend.output(metrics.view())};
  ranking_loss(backend.context(draw.one_of<int>({1, 2, 3})), plan, backend.input(std::as_const(rewards).view()), inputs(backend, problem.batch()), problem.options(), result,
               backend.output(grad.view()), backend.workspace(plan.workspace_bytes()));
  backend.finish();

  // Losses are up to 64 stages of O(log 64), and gradients sums of what segments got, from scores that are f32 sums for f32 rewards.
  const double ulp = real == DType::f64 ? 0x1p-52 : 0x1p-23;
  const double rounding = dtype == DType::bf16 ? 0x1p-8 : dtype == DType::f16 ? 0x1p-11 : 0, smallest_half = dtype == DType::f16 ? 0x1p-25 : 0;
  const reference::RankingSolution expected = reference::ranking_loss(problem.reference, problem.step_rewards);
  const auto check = [&](const char* name, const HostTensor& actual, const std::vector<double>& values, const std::vector<double>& allowed) {
    if (!actual.present()) return;
    ASSERT_EQ(actual.size(), static_cast<std::int64_t>(values.size())) << name;
    std::vector<double> numbers;
    for (std::int64_t i = 0; i < actual.size(); ++i) numbers.push_back(actual[i]);
    EXPECT_TRUE(testing::is_within(numbers.data(), values, allowed)) << name;
    EXPECT_TRUE(actual.guards_intact()) << name << ": something was written outside of it";
  };
  const auto allowed_for = [&](const std::vector<double>& sizes) {
    std::vector<double> allowed;
    for (double size : sizes) allowed.push_back(60 * ulp * (std::fabs(size) + 1));
    return allowed;
  };
  const auto check_values = [&](const char* name, const HostTensor& actual, const std::vector<double>& values) { check(name, actual, values, allowed_for(values)); };
  check_values("loss", loss, expected.loss);
  check_values("loss_per_ranking", loss_per_ranking, testing::flatten(expected.loss_per_ranking));
  check_values("scores", scores, testing::flatten(expected.scores));
  std::vector<double> sums;
  for (const reference::RankingMetrics& m : expected.metrics) sums.insert(sums.end(), {m.weight_sum, m.loss_sum, m.num_skipped});
  check_values("metrics", metrics, sums);
  const std::vector<double> gradients = testing::flatten(expected.grad_step_rewards);
  std::vector<double> allowed = allowed_for(sizes_of_gradients(problem.reference, expected.grad_scores));
  for (std::size_t i = 0; i < allowed.size(); ++i) allowed[i] += rounding * std::fabs(gradients[i]) + smallest_half;  // of the value that is stored
  check("grad_step_rewards", grad, gradients, allowed);
}

/// Element types, and blocks of seeds of each.
class RankingConformance : public ::testing::TestWithParam<std::tuple<DType, int>> {};

constexpr int num_blocks = 4;
std::uint64_t cases_per_block() { return std::getenv("SEGPREF_LONG_TESTS") != nullptr ? 150 : 8; }

TEST_P(RankingConformance, AgreesWithTheOracle) {
  const auto [dtype, block] = GetParam();
  for (Backend* backend : testing::backends())
    for (std::uint64_t i = 0; i < cases_per_block(); ++i) {
      ranking_case(*backend, 1000000 * static_cast<std::uint64_t>(dtype) + 1000 * static_cast<std::uint64_t>(block) + i, dtype);
      if (HasFatalFailure() || HasNonfatalFailure()) break;  // the first case that fails says enough
    }
}

INSTANTIATE_TEST_SUITE_P(Random, RankingConformance, ::testing::Combine(::testing::Values(DType::f32, DType::f64, DType::bf16, DType::f16), ::testing::Range(0, num_blocks)),
                         [](const auto& info) { return fmt::format("{}Block{}", name_of(std::get<0>(info.param)), std::get<1>(info.param)); });

// The suite proves nothing about an option that its seeds never draw.
TEST(RankingConformanceCases, EveryOptionIsDrawn) {
  std::set<std::string> met;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Draw draw(seed);
    Words words;
    const Problem problem(draw, DType::f64, words);
    for (const std::string& word : words) met.insert(word);
  }
  for (const char* word : {"windows", "i64", "rankings=0", "rankings=257", "segments=0", "entries-of-no-ranking", "top", "weights", "weights-of-all", "sum-of-steps", "mean-of-steps",
                           "last-step", "discount", "temperature", "mean", "sum", "no-reduction", "normalizer", "skip"})
    EXPECT_TRUE(met.contains(word)) << word;
}

}  // namespace
}  // namespace segpref
