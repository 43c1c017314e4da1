// The kernels that draw an epoch's minibatches, each on its own: draws, lists, the place of every pair.
#include "kernels/cuda/minibatch/kernels.cuh"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/simt/support/kernel_test.hpp"

namespace segpref::simt {
namespace {

using Tile = cuda::MinibatchTile;
constexpr std::uint64_t seed = 0xfedcba9876543210ull;

std::size_t count(std::int64_t n) { return static_cast<std::size_t>(n); }
unsigned blocks(std::int64_t entries) { return static_cast<unsigned>((entries + Tile::num_threads - 1) / Tile::num_threads); }

/// Pairs whose numbers are not their positions.
std::vector<std::int64_t> some_pairs(std::int64_t n) {
  std::vector<std::int64_t> pairs(count(n));
  for (std::size_t i = 0; i < pairs.size(); ++i) pairs[i] = 1000000 + 3 * static_cast<std::int64_t>(i);
  return pairs;
}

TEST(BootstrapPairs, AreTheDrawsOfEachListsStream) {
  for (const bool is_told_on_device : {false, true})
    for (const std::int64_t n : {1, 255, 256, 257}) {
      const std::vector<std::int64_t> pairs = some_pairs(n);
      const Buffer<std::int64_t> d_pairs(pairs), drawn(count(3 * n)), epoch(1, 41);
      cuda::BootstrapParams p;
      p.draws = is_told_on_device ? cuda::EpochDraws{seed, 7, epoch.get()} : cuda::EpochDraws{seed, 41, nullptr};
      p.num_lists = 3;
      p.num_pairs = n;
      p.pairs = d_pairs.get();
      p.drawn = drawn.get();
      launch(cuda::bootstrap_pairs_kernel<Tile>, blocks(3 * n), Tile::num_threads, 0, p);
      const std::vector<std::int64_t> actual = drawn.to_host();
      for (std::int64_t entry = 0; entry < 3 * n; ++entry) {
        const std::uint64_t stream = math::random_stream(math::RandomPurpose::bootstrap, count(41 * 64 + entry / n));
        EXPECT_EQ(actual[count(entry)], pairs[math::random_below(seed, stream, count(entry % n), count(n))]) << entry;
      }
    }
}

/// What an epoch needs on the device.
struct Epoch {
  Epoch(std::int64_t num_lists, std::int64_t num_pairs, std::int64_t batch_pairs, const std::vector<std::int64_t>& pairs)
      : keys(count(num_lists * num_pairs)), sorted_keys(keys.size()), entries(keys.size()), sorted_entries(keys.size()), d_pairs(pairs), order(keys.size()) {
    params.draws = {seed, 41, nullptr};
    params.num_lists = num_lists;
    params.num_pairs = num_pairs;
    params.batch_pairs = batch_pairs;
    params.pairs = d_pairs.get();
    params.keys = keys.get();
    params.sorted_keys = sorted_keys.get();
    params.entries = entries.get();
    params.sorted_entries = sorted_entries.get();
    params.order = order.get();
  }
  unsigned num_blocks() const { return blocks(params.num_entries()); }

  Buffer<std::uint64_t> keys, sorted_keys;
  Buffer<std::uint32_t> entries, sorted_entries;
  Buffer<std::int64_t> d_pairs, order;
  cuda::EpochOrderParams params;
};

TEST(PermutationKeys, AreTheDrawsOfEachListsStream) {
  for (const std::int64_t n : {1, 128, 129}) {
    const Epoch epoch(2, n, 8, some_pairs(n));
    launch(cuda::permutation_keys_kernel<Tile>, epoch.num_blocks(), Tile::num_threads, 0, epoch.params);
    const std::vector<std::uint64_t> keys = epoch.keys.to_host();
    const std::vector<std::uint32_t> entries = epoch.entries.to_host();
    for (std::int64_t entry = 0; entry < 2 * n; ++entry) {
      const std::uint64_t stream = math::random_stream(math::RandomPurpose::permutation, count(41 * 64 + entry / n));
      EXPECT_EQ(keys[count(entry)], math::random_bits64(seed, stream, count(entry % n))) << entry;
      EXPECT_EQ(entries[count(entry)], entry);
    }
  }
}

TEST(ListKeys, AreTheListsOfTheEntriesInTheOrderOfTheDraws) {
  Epoch epoch(3, 100, 8, some_pairs(100));
  std::vector<std::uint32_t> sorted(300);
  for (std::size_t i = 0; i < sorted.size(); ++i) sorted[i] = static_cast<std::uint32_t>(i * 7 % 300);
  const Buffer<std::uint32_t> d_sorted(sorted);
  epoch.params.sorted_entries = d_sorted.get();
  launch(cuda::list_keys_kernel<Tile>, epoch.num_blocks(), Tile::num_threads, 0, epoch.params);
  const std::vector<std::uint64_t> lists = epoch.keys.to_host();
  for (std::size_t i = 0; i < lists.size(); ++i) EXPECT_EQ(lists[i], sorted[i] / 100) << i;
}

/// Every list in reverse: minibatch after minibatch holds, list after list, the pairs from behind.
void check_order(std::int64_t num_lists, std::int64_t num_pairs, std::int64_t batch_pairs, bool has_own_pairs) {
  const std::vector<std::int64_t> pairs = some_pairs(has_own_pairs ? num_lists * num_pairs : num_pairs);
  Epoch epoch(num_lists, num_pairs, batch_pairs, pairs);
  epoch.params.has_own_pairs = has_own_pairs;
  std::vector<std::uint32_t> sorted;
  for (std::int64_t list = 0; list < num_lists; ++list)
    for (std::int64_t i = num_pairs; i-- > 0;) sorted.push_back(static_cast<std::uint32_t>(list * num_pairs + i));
  const Buffer<std::uint32_t> d_sorted(sorted);
  launch(cuda::minibatch_order_kernel<Tile>, epoch.num_blocks(), Tile::num_threads, 0, epoch.params, d_sorted.get());

  std::vector<std::int64_t> expected;
  for (std::int64_t begin = 0; begin < num_pairs; begin += batch_pairs)
    for (std::int64_t list = 0; list < num_lists; ++list)
      for (std::int64_t i = begin; i < std::min(begin + batch_pairs, num_pairs); ++i) expected.push_back(pairs[count((has_own_pairs ? list * num_pairs : 0) + num_pairs - 1 - i)]);
  EXPECT_EQ(epoch.order.to_host(), expected) << num_lists << " lists of " << num_pairs << " pairs, " << batch_pairs << " at a time";
}

TEST(MinibatchOrder, IsMinibatchAfterMinibatch) {
  for (const bool has_own_pairs : {false, true}) {
    check_order(1, 1, 1, has_own_pairs);
    check_order(3, 10, 4, has_own_pairs);    // the last minibatch is smaller
    check_order(2, 12, 4, has_own_pairs);
    check_order(2, 5, 100, has_own_pairs);   // one minibatch
    check_order(3, 257, 64, has_own_pairs);  // beyond a block
  }
}

}  // namespace
}  // namespace segpref::simt
