// Scores of three segments that are each a little longer than a piece: two of them have pieces in one stretch, and a short one follows.
#include "kernels/cuda/segment_reduce/piece_sums_kernel.cuh"
#include "tests/simt/seeded_bugs/driver.hpp"

using namespace segpref;

int main() {
  using Tile = cuda::ShortSegmentTile;
  return simt::run_over_seeds([] {
    constexpr std::int32_t piece = cuda::steps_per_piece, begin = 10;
    const std::vector<std::int32_t> offsets = {begin, begin + piece + 20, begin + 2 * piece + 40, begin + 3 * piece + 60, begin + 3 * piece + 65};
    std::vector<float> rewards, expected;
    for (std::int32_t t = 0; t < offsets.back(); ++t) rewards.push_back(static_cast<float>(t % 7 + 1) / 64);
    for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
      expected.push_back(0);
      for (std::int32_t t = offsets[s]; t < offsets[s + 1]; ++t) expected.back() += rewards[static_cast<std::size_t>(t)];
    }
    const auto num_stretches = static_cast<std::size_t>(cuda::num_stretches(offsets.back()));
    const simt::Buffer<float> d_rewards(rewards), scores(expected.size()), piece_sums(2 * num_stretches);
    const simt::Buffer<std::int32_t> d_offsets(offsets);
    cuda::SegmentScoresParams<float, float> p{};
    p.step_rewards = d_rewards.get();
    p.offsets = {d_offsets.get(), false};
    p.scores = scores.get();
    p.piece_sums = piece_sums.get();
    p.num_steps = offsets.back();
    p.num_segments = static_cast<std::int64_t>(expected.size());
    p.num_members = 1;
    simt::launch(cuda::piece_sums_kernel<float, float>, dim3(static_cast<unsigned>(num_stretches)), cuda::PieceTile::num_threads, 0, p);
    simt::launch(cuda::warp_segment_scores_kernel<Tile, float, float>, dim3(1), Tile::num_threads, 0, p);
    return simt::compare(scores.to_host(), expected);
  });
}
