// An epoch of two lists: their draws, and, sorted here, their minibatches.
#include <algorithm>

#include "kernels/cuda/minibatch/kernels.cuh"
#include "tests/simt/seeded_bugs/driver.hpp"

using namespace segpref;

int main() {
  using Tile = cuda::MinibatchTile;
  return simt::run_over_seeds([] {
    constexpr std::int64_t num_pairs = 150, batch_pairs = 64, seed = 9, epoch = 3;
    constexpr std::size_t n = 2 * num_pairs;
    std::vector<std::int64_t> pairs;
    for (std::int64_t i = 0; i < num_pairs; ++i) pairs.push_back(7 * i);
    const simt::Buffer<std::uint64_t> keys(n), sorted_keys(n);
    const simt::Buffer<std::uint32_t> entries(n), sorted_entries(n);
    const simt::Buffer<std::int64_t> d_pairs(pairs), order(n);
    cuda::EpochOrderParams p;
    p.draws = {seed, epoch, nullptr};
    p.num_lists = 2;
    p.num_pairs = num_pairs;
    p.batch_pairs = batch_pairs;
    p.pairs = d_pairs.get();
    p.keys = keys.get();
    p.entries = entries.get();
    p.order = order.get();
    simt::launch(cuda::permutation_keys_kernel<Tile>, dim3(2), Tile::num_threads, 0, p);

    const std::vector<std::uint64_t> drawn = keys.to_host();
    std::vector<std::uint32_t> by_list = entries.to_host();
    std::sort(by_list.begin(), by_list.end(), [&](std::uint32_t a, std::uint32_t b) { return a / num_pairs != b / num_pairs ? a < b : drawn[a] < drawn[b]; });
    const simt::Buffer<std::uint32_t> d_by_list(by_list);
    simt::launch(cuda::minibatch_order_kernel<Tile>, dim3(2), Tile::num_threads, 0, p, d_by_list.get());

    std::vector<std::vector<std::int64_t>> lists;
    for (std::uint64_t list = 0; list < 2; ++list) {
      std::vector<std::pair<std::uint64_t, std::int64_t>> keyed;
      for (std::int64_t i = 0; i < num_pairs; ++i)
        keyed.emplace_back(math::random_bits64(seed, math::random_stream(math::RandomPurpose::permutation, epoch * 64 + list), static_cast<std::uint64_t>(i)), 7 * i);
      std::sort(keyed.begin(), keyed.end());
      lists.emplace_back();
      for (const auto& [draw, pair] : keyed) lists.back().push_back(pair);
    }
    std::vector<std::int64_t> expected;
    for (std::int64_t begin = 0; begin < num_pairs; begin += batch_pairs)
      for (const auto& list : lists) expected.insert(expected.end(), list.begin() + begin, list.begin() + std::min(begin + batch_pairs, num_pairs));
    return simt::compare(order.to_host(), expected);
  });
}
