// The rows of a batch: every distinct step that a pair uses once, in order; every side of a pair a window into them; and results back to segments and steps.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <set>

#include "kernels/cuda/batch_rows/make_rows_kernels.cuh"
#include "kernels/cuda/batch_rows/store_kernels.cuh"
#include "tests/simt/support/device_batch.hpp"
#include "tests/support/problems.hpp"

namespace segpref::cuda {
namespace {

using simt::Buffer;
using testing::ProblemShape;
using Tile = BatchRowsTile;

std::size_t size(std::int64_t count) { return static_cast<std::size_t>(count); }
unsigned blocks_for(std::int64_t count) { return static_cast<unsigned>((count + Tile::num_threads - 1) / Tile::num_threads); }

/// A problem's rows, made by the kernels, with the sort and the scans of the host in the place of the device's.
class Rows {
 public:
  /// @param spare  rows that no list takes; negative: so many are missing
  Rows(const ProblemShape& shape, std::int64_t spare, bool all_pairs) : problem(shape, 5), device_(problem.batch(), shape.num_members, problem.reference.num_steps) {
    p.batch = device_.batch;
    p.num_lists = p.batch.pair_order_member_stride > 0 ? shape.num_members : 1;
    p.all_pairs = all_pairs;
    std::size_t most = 0;
    for (std::int64_t list = 0; list < p.num_lists; ++list) most = std::max(most, expected_steps(list).size());
    p.row_capacity = std::max<std::int64_t>(1, static_cast<std::int64_t>(most) + spare);
    rewards = std::vector<float>(size(shape.num_members * p.row_capacity), 0.5f);
    make();
  }

  /// Whether the pair at a position of a list uses its steps.
  bool is_used(std::int64_t list, std::int64_t pair) const {
    const auto& weights = problem.reference.weights;
    const auto weighted = [&](std::int64_t member) { return weights[size(member)][size(pair)] > 0; };
    if (p.all_pairs) return true;
    if (p.num_lists > 1) return weighted(list);
    for (std::size_t member = 0; member < weights.size(); ++member)
      if (weighted(static_cast<std::int64_t>(member))) return true;
    return false;
  }
  reference::Segment segment_of(std::int64_t list, std::int64_t side) const { return problem.reference.segments[size(segment_idx(list, side))]; }
  std::int64_t segment_idx(std::int64_t list, std::int64_t side) const {
    const reference::Pair& pair = problem.reference.pairs[size(pair_idx(list, side))];
    return side % 2 == 0 ? pair.first : pair.second;
  }
  std::int64_t pair_idx(std::int64_t list, std::int64_t side) const { return problem.reference.pair_order[size(list)][size(side / 2)]; }
  std::set<std::int64_t> expected_steps(std::int64_t list) const {
    std::set<std::int64_t> steps;
    for (std::int64_t side = 0; side < p.sides_per_list(); ++side)
      for (std::int64_t step = segment_of(list, side).begin; is_used(list, pair_idx(list, side)) && step < segment_of(list, side).end; ++step) steps.insert(step);
    return steps;
  }

  testing::Problem<float> problem;
  BatchRowsParams p;
  std::vector<std::int64_t> row_begins, row_lengths, sorted_begins, sorted_ends, reach, num_needed, num_rows;
  std::vector<std::uint32_t> by_begin;
  std::vector<float> rewards;
  std::vector<std::int64_t> steps_of(std::int64_t list) const {
    const auto first = steps.begin() + list * p.row_capacity, end = first + num_rows[size(list)];
    EXPECT_TRUE(std::all_of(end, first + p.row_capacity, [](std::int64_t step) { return step == unwritten; })) << "a row that does not exist was written";
    return {first, end};
  }
  std::vector<std::int64_t> steps;  ///< [num_lists, row_capacity]

 private:
  void launch(void (*kernel)(BatchRowsParams)) const { simt::launch(kernel, dim3(blocks_for(p.num_sides())), Tile::num_threads, 0, p); }

  void make() {
    const std::size_t sides = size(p.num_sides());
    const Buffer<std::uint64_t> keys(sides);
    const Buffer<std::uint32_t> unsorted(sides);
    const Buffer<std::int64_t> lengths(sides), ends(sides), fresh(sides), begins_of_rows(sides), lengths_of_rows(sides), sorted_row_begins(sides), sorted_row_ends(sides), row_reach(sides);
    const Buffer<std::int64_t> needed(size(p.num_lists)), existing(size(p.num_lists));
    const Buffer<float> d_rewards(rewards);
    const Buffer<std::int64_t> d_steps(size(p.num_lists * p.row_capacity), unwritten);
    p.keys = keys.get(), p.sides = unsorted.get(), p.lengths = lengths.get();
    launch(side_keys_kernel<Tile>);

    by_begin = unsorted.to_host();
    const std::vector<std::uint64_t> found = keys.to_host();
    std::stable_sort(by_begin.begin(), by_begin.end(), [&](std::uint32_t a, std::uint32_t b) { return found[a] < found[b]; });
    std::vector<std::uint64_t> sorted;
    for (const std::uint32_t side : by_begin) sorted.push_back(found[side]);
    const Buffer<std::uint64_t> d_sorted(sorted);
    const Buffer<std::uint32_t> d_by_begin(by_begin);
    p.sorted_begins = d_sorted.get(), p.by_begin = d_by_begin.get(), p.sorted_ends = ends.get();
    launch(side_ends_kernel<Tile>);

    std::vector<std::int64_t> reached = ends.to_host();
    for (std::size_t i = 1; i < sides; ++i) reached[i] = std::max(reached[i], reached[i - 1]);
    const Buffer<std::int64_t> d_reach(reached);
    p.reach = d_reach.get(), p.fresh = fresh.get();
    launch(fresh_steps_kernel<Tile>);

    std::vector<std::int64_t> through = fresh.to_host();
    std::partial_sum(through.begin(), through.end(), through.begin());
    const Buffer<std::int64_t> d_through(through);
    p.rows_through = d_through.get();
    p.row_begins = begins_of_rows.get(), p.row_lengths = lengths_of_rows.get(), p.sorted_row_begins = sorted_row_begins.get(), p.sorted_row_ends = sorted_row_ends.get();
    p.row_reach = row_reach.get(), p.steps = d_steps.get(), p.num_needed = needed.get(), p.num_rows = existing.get(), p.rewards = d_rewards.get();
    launch(row_windows_kernel<Tile>);
    simt::launch(row_steps_kernel<Tile>, dim3(blocks_for(p.row_capacity), static_cast<unsigned>(p.num_lists)), Tile::num_threads, 0, p);
    row_begins = begins_of_rows.to_host(), row_lengths = lengths_of_rows.to_host(), sorted_begins = sorted_row_begins.to_host(), sorted_ends = sorted_row_ends.to_host();
    reach = row_reach.to_host(), num_needed = needed.to_host(), num_rows = existing.to_host(), rewards = d_rewards.to_host(), steps = d_steps.to_host();
  }

  static constexpr std::int64_t unwritten = -1;

  simt::DeviceBatch device_;
};

/// The windows in the order of their begins say the same as those by side.
void expect_sorted_windows(const Rows& rows) {
  std::int64_t most = 0;
  for (std::size_t i = 0; i < rows.by_begin.size(); ++i) {
    const std::size_t side = rows.by_begin[i];
    ASSERT_EQ(rows.sorted_begins[i], rows.row_begins[side]);
    ASSERT_EQ(rows.sorted_ends[i], rows.row_begins[side] + rows.row_lengths[side]);
    most = std::max(most, rows.sorted_ends[i]);
    ASSERT_GE(rows.reach[i], most) << "a window so far ends behind what is reached";
    if (i == 0) continue;
    ASSERT_GE(rows.sorted_begins[i], rows.sorted_begins[i - 1]);
    ASSERT_GE(rows.reach[i], rows.reach[i - 1]);
  }
}

void check(const ProblemShape& shape, bool all_pairs = false) {
  const Rows rows(shape, 3, all_pairs);
  const BatchRowsParams& p = rows.p;
  for (std::int64_t list = 0; list < p.num_lists; ++list) {
    const std::set<std::int64_t> expected = rows.expected_steps(list);
    const std::vector<std::int64_t> steps = rows.steps_of(list);
    ASSERT_EQ(steps, std::vector<std::int64_t>(expected.begin(), expected.end())) << "list " << list;
    ASSERT_EQ(rows.num_needed[size(list)], static_cast<std::int64_t>(expected.size()));
    for (std::int64_t side = 0; side < p.sides_per_list(); ++side) {
      const std::size_t at = size(list * p.sides_per_list() + side);
      const auto [begin, end] = rows.segment_of(list, side);
      ASSERT_EQ(rows.row_lengths[at], rows.is_used(list, rows.pair_idx(list, side)) ? end - begin : 0);
      const std::int64_t first = rows.row_begins[at] - list * p.row_capacity;
      for (std::int64_t k = 0; k < rows.row_lengths[at]; ++k) ASSERT_EQ(steps[size(first + k)], begin + k) << "list " << list << ", side " << side;
    }
  }
  expect_sorted_windows(rows);
  EXPECT_EQ(std::count(rows.rewards.begin(), rows.rewards.end(), 0.5f), static_cast<std::ptrdiff_t>(rows.rewards.size())) << "rewards are not touched";
}

TEST(BatchRows, NeighbouringSegments) { check({.num_members = 2, .num_segments = 20, .num_pairs = 10}); }
TEST(BatchRows, OverlappingWindowsInSharedPairs) { check({.num_segments = 40, .num_pairs = 200, .max_length = 30, .windows = true, .shared_segments = true, .wide_indices = false}); }
TEST(BatchRows, EveryMemberItsOwnOrder) {
  check({.num_members = 3, .num_segments = 33, .num_pairs = 50, .windows = true, .shared_segments = true, .own_order = true, .weights = true, .num_batch_pairs = 70});
}
TEST(BatchRows, OneOrderForAll) { check({.num_members = 3, .num_segments = 64, .num_pairs = 32, .weights = true, .num_batch_pairs = 9, .shared_order = true}); }
TEST(BatchRows, PairsOfWeightZeroToo) { check({.num_members = 2, .num_segments = 64, .num_pairs = 32, .weights = true}, true); }
TEST(BatchRows, EmptySegments) { check({.num_segments = 30, .num_pairs = 15, .lengths = {0, 0, 1}}); }
TEST(BatchRows, NoSteps) { check({.num_members = 2, .num_segments = 6, .num_pairs = 3, .own_order = true, .lengths = {0}}); }
TEST(BatchRows, SegmentsLongerThanABlock) { check({.num_segments = 8, .num_pairs = 4, .windows = true, .lengths = {700, 3}}); }
TEST(BatchRows, SidesAroundABlock) {
  for (const std::int64_t pairs : {Tile::num_threads / 2 - 1, Tile::num_threads / 2, Tile::num_threads / 2 + 1}) check({.num_segments = 9, .num_pairs = pairs, .windows = true, .shared_segments = true});
}

TEST(BatchRows, AListThatDoesNotFitHasNoRowsAndARewardThatIsNotANumber) {
  const ProblemShape shape{.num_members = 3, .num_segments = 33, .num_pairs = 50, .windows = true, .shared_segments = true, .own_order = true, .num_batch_pairs = 7};
  const Rows rows(shape, -1, false);
  const BatchRowsParams& p = rows.p;
  bool some_fit = false, some_do_not = false;
  for (std::int64_t list = 0; list < p.num_lists; ++list) {
    const auto needed = static_cast<std::int64_t>(rows.expected_steps(list).size());
    const bool fits = needed <= p.row_capacity;
    (fits ? some_fit : some_do_not) = true;
    EXPECT_EQ(rows.num_needed[size(list)], needed);
    EXPECT_EQ(rows.num_rows[size(list)], fits ? needed : 0);
    EXPECT_EQ(std::isnan(rows.rewards[size(list * p.row_capacity)]), !fits);
    for (std::int64_t side = list * p.sides_per_list(); side < (list + 1) * p.sides_per_list(); ++side) {
      EXPECT_GE(rows.row_begins[size(side)], list * p.row_capacity);
      EXPECT_LE(rows.row_begins[size(side)] + rows.row_lengths[size(side)], (list + 1) * p.row_capacity) << "a window leads out of the list";
    }
  }
  EXPECT_TRUE(some_fit && some_do_not);
  expect_sorted_windows(rows);
}

/// Scores of segments, and rewards of steps in counted pairs: every third pair is left out.
void check_results(const ProblemShape& shape) {
  const Rows rows(shape, 2, true);
  const BatchRowsParams& p = rows.p;
  const std::int64_t members = shape.num_members, segments = p.batch.num_segments, steps = p.batch.num_steps, in_batch = p.batch.num_batch_pairs;
  std::vector<float> side_scores, scores(size(members * segments)), rewards(size(members * p.row_capacity), -1), step_rewards(size(members * steps));
  std::vector<std::uint8_t> counted;
  for (std::int64_t e = 0; e < members; ++e) {
    const std::int64_t list = p.num_lists == 1 ? 0 : e;
    const std::vector<std::int64_t> row_steps = rows.steps_of(list);
    const auto reward_of = [&](std::int64_t step) { return static_cast<float>(1 + step + 1000 * e); };
    for (std::size_t row = 0; row < row_steps.size(); ++row) rewards[size(e * p.row_capacity) + row] = reward_of(row_steps[row]);
    for (std::int64_t side = 0; side < 2 * in_batch; ++side) {
      const std::int64_t segment = rows.segment_idx(list, side);
      const bool is_left_out = side / 2 % 3 == 0;
      side_scores.push_back(side / 2 % 5 == 4 ? 0.0f : static_cast<float>(-7 * segment - e - 1));  // a pair of weight 0 may have used no step
      if (side / 2 % 5 != 4) scores[size(e * segments + segment)] = side_scores.back();
      if (side % 2 == 0) counted.push_back(is_left_out ? 0 : 1);
      const auto [begin, end] = rows.segment_of(list, side);
      for (std::int64_t step = begin; !is_left_out && step < end; ++step) step_rewards[size(e * steps + step)] = reward_of(step);
    }
  }
  const Buffer<float> d_side_scores(side_scores), d_rewards(rewards), d_step_rewards(step_rewards.size(), 0.0f);
  const Buffer<std::uint32_t> d_scores(scores.size(), 0u), d_by_begin(rows.by_begin);
  const Buffer<std::uint8_t> d_counted(counted);
  const Buffer<std::int64_t> num_rows(rows.num_rows), d_steps(rows.steps), sorted_begins(rows.sorted_begins), sorted_ends(rows.sorted_ends), reach(rows.reach);
  simt::launch(store_side_scores_kernel<Tile>, dim3(blocks_for(2 * in_batch), static_cast<unsigned>(members)), Tile::num_threads, 0, StoreSideScoresParams{p.batch, d_side_scores.get(), d_scores.get()});
  const std::vector<std::uint32_t> bits = d_scores.to_host();
  for (std::size_t i = 0; i < bits.size(); ++i) ASSERT_EQ(std::bit_cast<float>(bits[i]), scores[i]) << "score " << i;

  const StoreRowRewardsParams r{members,          steps, p.num_lists, p.sides_per_list(), p.row_capacity, num_rows.get(), d_steps.get(), d_by_begin.get(), sorted_begins.get(), sorted_ends.get(), reach.get(),
                                d_counted.get(), d_rewards.get(), d_step_rewards.get()};
  simt::launch(store_row_rewards_kernel<Tile>, dim3(blocks_for(p.row_capacity), static_cast<unsigned>(members)), Tile::num_threads, 0, r);
  EXPECT_EQ(d_step_rewards.to_host(), step_rewards);
}

TEST(BatchRows, ResultsOfSharedSegments) { check_results({.num_members = 2, .num_segments = 30, .num_pairs = 40, .windows = true, .shared_segments = true}); }
TEST(BatchRows, ResultsOfMembersWithTheirOwnOrder) { check_results({.num_members = 3, .num_segments = 30, .num_pairs = 40, .shared_segments = true, .own_order = true, .num_batch_pairs = 12}); }
TEST(BatchRows, ResultsOfMoreRowsThanABlock) { check_results({.num_segments = 6, .num_pairs = 3, .windows = true, .lengths = {300, 41}}); }

}  // namespace
}  // namespace segpref::cuda
