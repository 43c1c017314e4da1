// Two members' own pairs of overlapping windows, more rows than a block has threads: rows and windows, scores of segments, and a list that does not fit.
#include <algorithm>
#include <numeric>
#include <set>

#include "kernels/cuda/batch_rows/make_rows_kernels.cuh"
#include "kernels/cuda/batch_rows/store_kernels.cuh"
#include "tests/simt/seeded_bugs/driver.hpp"

using namespace segpref;
using simt::Buffer;
using simt::Finding;

namespace {

using Tile = cuda::BatchRowsTile;
using Indices = std::vector<std::int64_t>;

constexpr std::int64_t num_steps = 600, members = 2, in_batch = 2, sides_per_list = 2 * in_batch;
constexpr std::size_t num_sides = members * sides_per_list;
const Indices begins = {3, 10, 5, 300, 0, 290}, lengths = {10, 2, 0, 280, 2, 30}, order = {0, 1, 2, 3};
const std::vector<std::int32_t> pairs = {0, 1, 2, 3, 4, 5, 3, 5};

std::size_t segment_of(std::size_t side) { return static_cast<std::size_t>(pairs[side]); }

Finding run(std::int64_t row_capacity) {
  const Buffer<std::int64_t> d_begins(begins), d_lengths(lengths), d_order(order);
  const Buffer<std::int32_t> d_pairs(pairs);
  const Buffer<std::uint64_t> keys(num_sides);
  const Buffer<std::uint32_t> sides(num_sides);
  const Buffer<std::int64_t> in_steps(num_sides), ends(num_sides), fresh(num_sides), row_begins(num_sides), row_lengths(num_sides), sorted_row_begins(num_sides), sorted_row_ends(num_sides), row_reach(num_sides);
  const Buffer<std::int64_t> steps(static_cast<std::size_t>(members * row_capacity), -1), needed(members), num_rows(members);
  const Buffer<float> rewards(static_cast<std::size_t>(members * row_capacity), 0.0f);
  cuda::BatchRowsParams p;
  p.batch.num_members = members;
  p.batch.num_steps = num_steps;
  p.batch.num_segments = static_cast<std::int64_t>(begins.size());
  p.batch.num_pairs = 4;
  p.batch.num_batch_pairs = in_batch;
  p.batch.begins = {d_begins.get(), true};
  p.batch.lengths = {d_lengths.get(), true};
  p.batch.pairs = {d_pairs.get(), false};
  p.batch.pair_order = {d_order.get(), true};
  p.batch.pair_order_member_stride = in_batch;
  p.batch.weights.absent = 1.0;
  p.num_lists = members;
  p.row_capacity = row_capacity;
  p.keys = keys.get(), p.sides = sides.get(), p.lengths = in_steps.get();
  const auto launch = [&](void (*kernel)(cuda::BatchRowsParams)) { simt::launch(kernel, dim3(1), Tile::num_threads, 0, p); };
  launch(cuda::side_keys_kernel<Tile>);

  std::vector<std::uint32_t> by_begin = sides.to_host();
  const std::vector<std::uint64_t> found = keys.to_host();
  std::stable_sort(by_begin.begin(), by_begin.end(), [&](std::uint32_t a, std::uint32_t b) { return found[a] < found[b]; });
  std::vector<std::uint64_t> sorted;
  for (const std::uint32_t side : by_begin) sorted.push_back(found[side]);
  const Buffer<std::uint64_t> d_sorted(sorted);
  const Buffer<std::uint32_t> d_by_begin(by_begin);
  p.sorted_begins = d_sorted.get(), p.by_begin = d_by_begin.get(), p.sorted_ends = ends.get();
  launch(cuda::side_ends_kernel<Tile>);

  Indices reach = ends.to_host();
  for (std::size_t i = 1; i < num_sides; ++i) reach[i] = std::max(reach[i], reach[i - 1]);
  const Buffer<std::int64_t> d_reach(reach);
  p.reach = d_reach.get(), p.fresh = fresh.get();
  launch(cuda::fresh_steps_kernel<Tile>);
  Indices through = fresh.to_host();
  std::partial_sum(through.begin(), through.end(), through.begin());
  const Buffer<std::int64_t> d_through(through);
  p.rows_through = d_through.get();
  p.row_begins = row_begins.get(), p.row_lengths = row_lengths.get(), p.sorted_row_begins = sorted_row_begins.get(), p.sorted_row_ends = sorted_row_ends.get(), p.row_reach = row_reach.get();
  p.steps = steps.get(), p.num_needed = needed.get(), p.num_rows = num_rows.get(), p.rewards = rewards.get();
  launch(cuda::row_windows_kernel<Tile>);
  simt::launch(cuda::row_steps_kernel<Tile>, dim3(static_cast<unsigned>((row_capacity + Tile::num_threads - 1) / Tile::num_threads), members), Tile::num_threads, 0, p);

  Indices expected_steps(steps.size(), -1), expected_begins, expected_rows;
  for (std::int64_t list = 0; list < members; ++list) {
    std::set<std::int64_t> used;
    for (std::int64_t side = list * sides_per_list; side < (list + 1) * sides_per_list; ++side) {
      const std::size_t segment = segment_of(static_cast<std::size_t>(side));
      for (std::int64_t step = begins[segment]; step < begins[segment] + lengths[segment]; ++step) used.insert(step);
    }
    const bool fits = static_cast<std::int64_t>(used.size()) <= row_capacity;
    expected_rows.push_back(fits ? static_cast<std::int64_t>(used.size()) : 0);
    if (fits) std::copy(used.begin(), used.end(), expected_steps.begin() + list * row_capacity);
    for (std::int64_t side = list * sides_per_list; side < (list + 1) * sides_per_list; ++side) {
      const auto row = std::distance(used.begin(), used.lower_bound(begins[segment_of(static_cast<std::size_t>(side))]));
      expected_begins.push_back(list * row_capacity + (fits ? row : 0));
    }
  }
  Finding finding = simt::compare(num_rows.to_host(), expected_rows);
  if (finding.empty()) finding = simt::compare(steps.to_host(), expected_steps);
  if (finding.empty()) finding = simt::compare(row_begins.to_host(), expected_begins);
  if (!finding.empty()) return finding;

  // Segment 3 and segment 5 stand in two pairs each, segment 5 twice in one list
  std::vector<float> side_scores, scores(members * begins.size());
  for (std::size_t side = 0; side < num_sides; ++side) {
    side_scores.push_back(static_cast<float>(1 + segment_of(side)));
    scores[side / sides_per_list * begins.size() + segment_of(side)] = side_scores.back();
  }
  const Buffer<float> d_side_scores(side_scores);
  const Buffer<std::uint32_t> d_scores(scores.size(), 0u);
  simt::launch(cuda::store_side_scores_kernel<Tile>, dim3(1, members), Tile::num_threads, 0, cuda::StoreSideScoresParams{p.batch, d_side_scores.get(), d_scores.get()});
  std::vector<float> stored;
  for (const std::uint32_t bits : d_scores.to_host()) stored.push_back(__uint_as_float(bits));
  return simt::compare(stored, scores);
}

}  // namespace

int main() {
  return simt::run_over_seeds([] {
    const Finding finding = run(310);
    return finding.empty() ? run(100) : finding;
  });
}
