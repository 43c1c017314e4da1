// Gradients of scores to gradients of steps: of adjacent segments in rows that are not aligned, then of windows that overlap.
#include "kernels/cuda/segment_reduce/expand_kernel.cuh"
#include "kernels/cuda/segment_reduce/expand_windows_kernel.cuh"
#include "tests/simt/seeded_bugs/driver.hpp"

using namespace segpref;

namespace {

constexpr std::int64_t members = 2, steps = 2125;  // two warps and a tail of each kernel; the second member's row begins inside a line
struct Range {
  std::int64_t begin, end;
};
const std::vector<Range> segments = {{5, 305}, {305, 305}, {305, 306}, {306, 1306}, {1306, 1309}, {1309, 2086}, {2086, 2123}};
const std::vector<Range> windows = {{0, 40}, {10, 900}, {10, 12}, {512, 1100}, {800, 800}, {1999, steps}};  // in the order of their begins

std::size_t count(std::int64_t n) { return static_cast<std::size_t>(n); }
float gradient_of(std::int64_t member, std::size_t segment) { return static_cast<float>(segment + 1) / 8 + static_cast<float>(member); }

std::vector<float> gradients_of(const std::vector<Range>& ranges) {
  std::vector<float> gradients;
  for (std::int64_t m = 0; m < members; ++m)
    for (std::size_t s = 0; s < ranges.size(); ++s) gradients.push_back(gradient_of(m, s));
  return gradients;
}

std::vector<float> expected_of(const std::vector<Range>& ranges) {
  std::vector<float> expected(count(members * steps));
  for (std::int64_t m = 0; m < members; ++m)
    for (std::size_t s = 0; s < ranges.size(); ++s)
      for (std::int64_t t = ranges[s].begin; t < ranges[s].end; ++t) expected[count(m * steps + t)] += gradient_of(m, s);
  return expected;
}

template <class Params>
void set_shared(Params& p, const std::vector<Range>& ranges, const simt::Buffer<float>& grad_scores, const simt::Buffer<float>& grad_steps) {
  p.num_members = members;
  p.num_steps = steps;
  p.num_segments = p.num_graded = static_cast<std::int64_t>(ranges.size());
  p.grad_scores = grad_scores.get();
  p.grad_steps = grad_steps.get();
}

simt::Finding of_segments() {
  using Tile = cuda::ExpandTile<float>;
  std::vector<std::int32_t> offsets = {static_cast<std::int32_t>(segments[0].begin)};
  for (const Range& segment : segments) offsets.push_back(static_cast<std::int32_t>(segment.end));
  const simt::Buffer<std::int32_t> d_offsets(offsets);
  const simt::Buffer<float> grad_scores(gradients_of(segments)), grad_steps(count(members * steps));
  cuda::ExpandParams<float, float> p;
  set_shared(p, segments, grad_scores, grad_steps);
  p.offsets = {d_offsets.get(), false};
  simt::launch(cuda::expand_gradient_kernel<float, float>, dim3(1, members), Tile::num_threads, 0, p);
  return simt::compare(grad_steps.to_host(), expected_of(segments));
}

simt::Finding of_windows() {
  using Tile = cuda::ExpandWindowsTile;
  std::vector<std::uint32_t> by_begin;
  std::vector<std::int64_t> begins, ends, reach;
  for (const Range& window : windows) {
    by_begin.push_back(static_cast<std::uint32_t>(by_begin.size()));
    begins.push_back(window.begin);
    ends.push_back(window.end);
    reach.push_back(std::max(reach.empty() ? 0 : reach.back(), window.end));
  }
  const simt::Buffer<std::uint32_t> d_by_begin(by_begin);
  const simt::Buffer<std::int64_t> d_begins(begins), d_ends(ends), d_reach(reach);
  const simt::Buffer<float> grad_scores(gradients_of(windows)), grad_steps(count(members * steps));
  cuda::ExpandWindowsParams<float, float> p;
  set_shared(p, windows, grad_scores, grad_steps);
  p.by_begin = d_by_begin.get();
  p.begins = d_begins.get();
  p.ends = d_ends.get();
  p.reach = d_reach.get();
  simt::launch(cuda::expand_windows_kernel<float, float>, dim3((steps + Tile::steps_per_block - 1) / Tile::steps_per_block, members), Tile::num_threads, 0, p);
  return simt::compare(grad_steps.to_host(), expected_of(windows));
}

}  // namespace

int main() {
  return simt::run_over_seeds([] {
    const simt::Finding finding = of_segments();
    return finding.empty() ? of_windows() : finding;
  });
}
