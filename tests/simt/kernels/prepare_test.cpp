// The kernels that prepare others' work: powers of the discount, keys of windows before they are sorted, their ends afterwards.
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/cuda/segment_reduce/prepare_kernels.cuh"
#include "tests/simt/support/kernel_test.hpp"

namespace segpref::cuda {
namespace {

using simt::Buffer;
using Tile = PrepareTile;
constexpr std::int64_t counts[] = {1, Tile::num_threads - 1, Tile::num_threads, Tile::num_threads + 1, 3 * Tile::num_threads + 5};

unsigned blocks_for(std::int64_t count) { return static_cast<unsigned>((count + Tile::num_threads - 1) / Tile::num_threads); }

/// @param bound  relative: a power of t has as many roundings as t has bits, and one of its own
template <typename Real>
void check_powers(double discount, double bound) {
  for (const std::int64_t count : counts) {
    const Buffer<Real> powers(static_cast<std::size_t>(count));
    simt::launch(discount_powers_kernel<Real>, dim3(blocks_for(count)), Tile::num_threads, 0, DiscountPowersParams<Real>{count, DiscountPowers::of(discount), powers.get()});
    const std::vector<Real> got = powers.to_host();
    for (std::size_t t = 0; t < got.size(); ++t) {
      const auto want = static_cast<double>(std::pow(static_cast<long double>(discount), static_cast<long double>(t)));
      ASSERT_NEAR(static_cast<double>(got[t]), want, bound * want) << "discount^" << t;
    }
  }
}

TEST(DiscountPowers, F32) { check_powers<float>(0.99, 0x1p-23); }
TEST(DiscountPowers, F64) { check_powers<double>(0.999, 12 * 0x1p-53); }
TEST(DiscountPowers, OfOneAreOne) { check_powers<double>(1.0, 0.0); }

template <typename Index>
void check_windows() {
  for (const std::int64_t count : counts) {
    std::vector<Index> begins, lengths;
    std::vector<std::uint64_t> sorted_begins;
    std::vector<std::uint32_t> by_begin;
    for (std::int64_t w = 0; w < count; ++w) {  // the last begins first
      begins.push_back(static_cast<Index>(3 * (count - 1 - w)));
      lengths.push_back(static_cast<Index>(w % 5));
      sorted_begins.push_back(static_cast<std::uint64_t>(3 * w));
      by_begin.push_back(static_cast<std::uint32_t>(count - 1 - w));
    }
    const auto size = static_cast<std::size_t>(count);
    const Buffer<Index> d_begins(begins), d_lengths(lengths);
    const Buffer<std::uint64_t> keys(size), d_sorted_begins(sorted_begins);
    const Buffer<std::uint32_t> windows(size), d_by_begin(by_begin);
    const Buffer<std::int64_t> ends(size);
    WindowOrderParams p;
    p.num_segments = count;
    p.begins = {d_begins.get(), sizeof(Index) == 8};
    p.lengths = {d_lengths.get(), sizeof(Index) == 8};
    p.keys = keys.get();
    p.windows = windows.get();
    p.sorted_begins = d_sorted_begins.get();
    p.by_begin = d_by_begin.get();
    p.ends = ends.get();
    simt::launch(window_keys_kernel<Tile>, dim3(blocks_for(count)), Tile::num_threads, 0, p);
    simt::launch(window_ends_kernel<Tile>, dim3(blocks_for(count)), Tile::num_threads, 0, p);
    for (std::size_t w = 0; w < size; ++w) {
      ASSERT_EQ(keys.to_host()[w], static_cast<std::uint64_t>(begins[w]));
      ASSERT_EQ(windows.to_host()[w], w);
      ASSERT_EQ(ends.to_host()[w], static_cast<std::int64_t>(sorted_begins[w]) + lengths[by_begin[w]]);
    }
  }
}

TEST(WindowOrder, NarrowIndices) { check_windows<std::int32_t>(); }
TEST(WindowOrder, WideIndices) { check_windows<std::int64_t>(); }

}  // namespace
}  // namespace segpref::cuda
