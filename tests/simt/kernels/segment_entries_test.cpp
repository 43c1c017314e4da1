// Gradients of shared segments: every entry is added once, to its segment, whatever the order of pairs.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "kernels/cuda/preference_loss/segment_entries_kernels.cuh"
#include "tests/simt/support/device_batch.hpp"
#include "tests/support/compare.hpp"
#include "tests/support/problems.hpp"

namespace segpref::cuda {
namespace {

using simt::Buffer;
using testing::ProblemShape;

unsigned blocks_of(std::int64_t count, std::int64_t per_block) { return static_cast<unsigned>((count + per_block - 1) / per_block); }

void check(ProblemShape shape) {
  shape.lengths = {1};
  const testing::Problem<float> problem(shape, 11);
  const simt::DeviceBatch device(problem.batch(), shape.num_members, problem.reference.num_steps);
  const std::int64_t members = shape.num_members, in_batch = device.batch.num_batch_pairs, segments = device.batch.num_segments;
  const auto size = [](std::int64_t count) { return static_cast<std::size_t>(count); };

  SegmentEntriesParams e;
  e.batch = device.batch;
  e.num_lists = device.batch.pair_order_member_stride > 0 ? members : 1;
  const Buffer<std::uint64_t> d_keys(size(e.num_entries()));
  const Buffer<std::uint32_t> d_entries(size(e.num_entries())), d_first(size(e.num_keys() + 1));
  e.keys = d_keys.get();
  e.entries = d_entries.get();
  if (e.num_entries() > 0) simt::launch(segment_keys_kernel<SegmentEntriesTile>, dim3(blocks_of(e.num_entries(), SegmentEntriesTile::num_threads)), SegmentEntriesTile::num_threads, 0, e);

  // A stable sort by key, in the place of the device's.
  const std::vector<std::uint64_t> keys = d_keys.to_host();
  const std::vector<std::uint32_t> entries = d_entries.to_host();
  std::vector<std::size_t> by_key(keys.size());
  std::iota(by_key.begin(), by_key.end(), std::size_t{0});
  std::stable_sort(by_key.begin(), by_key.end(), [&](std::size_t a, std::size_t b) { return keys[a] < keys[b]; });
  std::vector<std::uint64_t> sorted_keys;
  std::vector<std::uint32_t> sorted_entries;
  for (std::size_t i : by_key) sorted_keys.push_back(keys[i]), sorted_entries.push_back(entries[i]);
  const Buffer<std::uint64_t> d_sorted_keys(sorted_keys);
  const Buffer<std::uint32_t> d_sorted_entries(sorted_entries);

  simt::launch(first_entries_kernel<SegmentEntriesTile>, dim3(blocks_of(e.num_keys() + 1, SegmentEntriesTile::num_threads)), SegmentEntriesTile::num_threads, 0, d_sorted_keys.get(), e.num_entries(),
               e.num_keys(), d_first.get());
  std::vector<double> grad_pairs;
  for (std::int64_t i = 0; i < 2 * members * in_batch; ++i) grad_pairs.push_back(1.0 / static_cast<double>(i + 3));
  const Buffer<double> d_grad_pairs(grad_pairs), d_grad_scores(size(members * segments));
  GatherGradientsParams<double, double> g;
  g.num_members = members;
  g.num_segments = segments;
  g.num_entries = 2 * in_batch;
  g.num_lists = e.num_lists;
  g.sorted_entries = d_sorted_entries.get();
  g.first_entries = d_first.get();
  g.grad_entries = d_grad_pairs.get();
  g.grad_scores = d_grad_scores.get();
  simt::launch(gather_gradients_kernel<SegmentEntriesTile, double, double>, dim3(blocks_of(segments, SegmentEntriesTile::segments_per_block), static_cast<unsigned>(members)), SegmentEntriesTile::num_threads, 0, g);

  std::vector<double> expected(size(members * segments));
  for (std::int64_t member = 0; member < members; ++member)
    for (std::int64_t k = 0; k < in_batch; ++k) {
      const reference::Pair& pair = problem.reference.pairs[size(problem.reference.pair_order[size(member)][size(k)])];
      expected[size(member * segments + pair.first)] += grad_pairs[size(2 * (member * in_batch + k))];
      expected[size(member * segments + pair.second)] += grad_pairs[size(2 * (member * in_batch + k) + 1)];
    }
  EXPECT_TRUE(testing::is_close(d_grad_scores.to_host().data(), expected, {1e-13, 0}));
}

TEST(SegmentEntries, SharedSegments) { check({.num_members = 2, .num_segments = 40, .num_pairs = 300, .shared_segments = true, .wide_indices = false}); }
TEST(SegmentEntries, OneSegmentInManyPairs) { check({.num_members = 1, .num_segments = 2, .num_pairs = 1000, .shared_segments = true}); }
TEST(SegmentEntries, EveryMemberItsOwnOrder) { check({.num_members = 3, .num_segments = 33, .num_pairs = 50, .shared_segments = true, .own_order = true, .num_batch_pairs = 130}); }
TEST(SegmentEntries, OneOrderForAll) { check({.num_members = 3, .num_segments = 64, .num_pairs = 32, .num_batch_pairs = 20, .shared_order = true}); }
TEST(SegmentEntries, SegmentsOfNoPairAreZero) { check({.num_members = 1, .num_segments = 500, .num_pairs = 3, .shared_segments = true}); }
TEST(SegmentEntries, NoPairs) { check({.num_members = 2, .num_segments = 5, .num_pairs = 0, .shared_segments = true}); }

}  // namespace
}  // namespace segpref::cuda
