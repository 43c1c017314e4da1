#include "kernels/cuda/segment_reduce/kernel.cuh"
#include "tests/simt/seeded_bugs/driver.hpp"

using namespace segpref;

namespace {

/// Segments of 5, 300 and 0 steps, then 40 that end where the memory ends; step t has reward t.
template <class Tile, typename Kernel>
simt::Finding run_with(Kernel kernel) {
  const std::vector<std::int32_t> offsets = {0, 5, 305, 305, 345};
  std::vector<float> rewards, expected;
  for (int t = 0; t < 345; ++t) rewards.push_back(static_cast<float>(t) / 64);
  for (std::size_t s = 0; s < 4; ++s) {
    expected.push_back(0);
    for (int t = offsets[s]; t < offsets[s + 1]; ++t) expected.back() += rewards[static_cast<std::size_t>(t)];
  }
  const simt::Buffer<float> d_rewards(rewards), d_scores(4);
  const simt::Buffer<std::int32_t> d_offsets(offsets);
  cuda::SegmentScoresParams<float, float, std::int32_t> params{};
  params.step_rewards = d_rewards.get();
  params.offsets = d_offsets.get();
  params.scores = d_scores.get();
  params.num_steps = 345;
  params.num_segments = 4;
  params.num_members = 1;
  const unsigned num_blocks = (4 + Tile::segments_per_block - 1) / Tile::segments_per_block;
  simt::launch(kernel, num_blocks, Tile::num_threads, 0, params);
  return simt::compare(d_scores.to_host(), expected);
}

}  // namespace

int main() {
  using Short = cuda::ShortSegmentTile;
  using Long = cuda::LongSegmentTile;
  return simt::run_over_seeds([] {
    const simt::Finding finding = run_with<Short>(cuda::warp_segment_scores_kernel<Short, float, float, std::int32_t>);
    return finding.empty() ? run_with<Long>(cuda::block_segment_scores_kernel<Long, float, float, std::int32_t>) : finding;
  });
}
