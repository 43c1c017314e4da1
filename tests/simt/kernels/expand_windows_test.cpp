// expand_windows_kernel against the oracle: overlapping, equal, empty and nested windows.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "kernels/cuda/segment_reduce/expand_windows_kernel.cuh"
#include "kernels/math/half.hpp"
#include "kernels/reference/segment_reduce.hpp"
#include "tests/simt/support/kernel_test.hpp"

namespace segpref::cuda {
namespace {

using simt::Buffer;

struct Case {
  Aggregation aggregation = Aggregation::sum;
  double discount = 1.0;
  std::int64_t num_members = 1, num_steps = 2 * ExpandWindowsTile::steps_per_block + 5, num_windows = 60, longest = 90;
};

template <typename Element>
void check(const Case& c, double relative, bool nested = false) {
  using Real = compute_t<Element>;
  std::mt19937 random(9);
  const auto below = [&](std::int64_t limit) { return std::uniform_int_distribution<std::int64_t>(0, limit - 1)(random); };
  std::vector<reference::Segment> windows;
  for (std::int64_t i = 0; i < c.num_windows; ++i) {
    const std::int64_t begin = i % 5 == 4 && i > 0 ? windows.back().begin : below(c.num_steps + 1);
    windows.push_back({begin, begin + below(std::min(c.longest, c.num_steps - begin) + 1)});
  }
  if (nested) windows[0] = {0, c.num_steps};

  const auto size = static_cast<std::size_t>(c.num_windows);
  std::vector<std::uint32_t> by_begin(size);
  std::iota(by_begin.begin(), by_begin.end(), 0u);
  std::stable_sort(by_begin.begin(), by_begin.end(), [&](std::uint32_t a, std::uint32_t b) { return windows[a].begin < windows[b].begin; });
  std::vector<std::int64_t> begins, ends, reach;
  for (std::uint32_t i : by_begin) {
    begins.push_back(windows[i].begin);
    ends.push_back(windows[i].end);
    reach.push_back(std::max(reach.empty() ? 0 : reach.back(), windows[i].end));
  }
  std::vector<Real> grad_scores;
  for (std::int64_t i = 0; i < c.num_members * c.num_windows; ++i) grad_scores.push_back(static_cast<Real>(std::uniform_real_distribution<float>(0.5f, 2)(random)));

  const Buffer<std::uint32_t> d_by_begin(by_begin);
  const Buffer<std::int64_t> d_begins(begins), d_ends(ends), d_reach(reach);
  const Buffer<Real> d_grad_scores(grad_scores);
  const Buffer<Element> d_grad_steps(static_cast<std::size_t>(c.num_members * c.num_steps));
  ExpandWindowsParams<Element, Real> p;
  p.num_members = c.num_members;
  p.num_steps = c.num_steps;
  p.num_segments = p.num_graded = c.num_windows;
  p.by_begin = d_by_begin.get();
  p.begins = d_begins.get();
  p.ends = d_ends.get();
  p.reach = d_reach.get();
  p.aggregation = c.aggregation;
  p.is_discounted = c.discount != 1.0;
  p.discount = DiscountPowers::of(c.discount);
  p.grad_scores = d_grad_scores.get();
  p.grad_steps = d_grad_steps.get();
  const auto blocks = static_cast<unsigned>((c.num_steps + ExpandWindowsTile::steps_per_block - 1) / ExpandWindowsTile::steps_per_block);
  simt::launch(expand_windows_kernel<Element, Real>, dim3(blocks, static_cast<unsigned>(c.num_members)), ExpandWindowsTile::num_threads, 0, p);

  const std::vector<Element> grad_steps = d_grad_steps.to_host();
  for (std::int64_t member = 0; member < c.num_members; ++member) {
    std::vector<double> expected(static_cast<std::size_t>(c.num_steps));
    for (std::size_t i = 0; i < size; ++i)
      reference::add_score_gradient(static_cast<reference::Aggregate>(c.aggregation), c.discount, windows[i],
                                    static_cast<double>(grad_scores[static_cast<std::size_t>(member) * size + i]), expected);
    for (std::int64_t step = 0; step < c.num_steps; ++step) {
      const double want = expected[static_cast<std::size_t>(step)], got = static_cast<double>(math::to_f32(grad_steps[static_cast<std::size_t>(member * c.num_steps + step)]));
      ASSERT_NEAR(got, want, relative * std::fabs(want)) << "member " << member << ", step " << step;
    }
  }
}

TEST(ExpandWindows, Sum) { check<float>({.num_members = 2}, 1e-6); }
TEST(ExpandWindows, OneLongWindowOverAll) { check<float>({}, 1e-6, true); }
TEST(ExpandWindows, Mean) { check<float>({.aggregation = Aggregation::mean}, 1e-6); }
TEST(ExpandWindows, Last) { check<float>({.aggregation = Aggregation::last}, 1e-6); }
TEST(ExpandWindows, DiscountedF64) { check<double>({.discount = 0.9}, 1e-13); }
TEST(ExpandWindows, Bf16) { check<bf16>({}, 0x1p-8); }
TEST(ExpandWindows, OneWindow) { check<float>({.num_steps = 40, .num_windows = 1}, 1e-6); }
TEST(ExpandWindows, NoWindows) { check<float>({.num_steps = 40, .num_windows = 0}, 1e-6); }

}  // namespace
}  // namespace segpref::cuda
