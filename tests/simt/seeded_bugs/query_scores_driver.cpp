// What three members think of a few more pairs than a block has threads.
#include "kernels/cuda/query_scores/kernel.cuh"
#include "tests/simt/seeded_bugs/driver.hpp"

using namespace segpref;

int main() {
  using Tile = cuda::QueryScoresTile;
  return simt::run_over_seeds([] {
    constexpr std::int64_t members = 3, segments = 7, num_pairs = Tile::num_threads + 5;
    std::vector<float> scores, mean, disagreement;
    for (std::int64_t i = 0; i < members * segments; ++i) scores.push_back(static_cast<float>(i * 5 % 11) / 8);
    std::vector<std::int32_t> pairs;
    for (std::int64_t p = 0; p < num_pairs; ++p) {
      const auto first = static_cast<std::size_t>(p % segments), second = static_cast<std::size_t>((p + 1 + p / segments % (segments - 1)) % segments);
      pairs.insert(pairs.end(), {static_cast<std::int32_t>(first), static_cast<std::int32_t>(second)});
      double sum = 0, squares = 0;
      for (std::size_t m = 0; m < members; ++m) {
        const double probability = 1 / (1 + std::exp(static_cast<double>(scores[m * segments + first] - scores[m * segments + second])));
        sum += probability;
        squares += probability * probability;
      }
      mean.push_back(static_cast<float>(sum / members));
      disagreement.push_back(static_cast<float>(squares / members - sum / members * sum / members));
    }
    const simt::Buffer<float> d_scores(scores), d_mean(mean.size()), d_disagreement(mean.size());
    const simt::Buffer<std::int32_t> d_pairs(pairs);
    const cuda::QueryScoresParams<float> p{members, segments, num_pairs, 1.0, {d_pairs.get(), false}, d_scores.get(), d_mean.get(), d_disagreement.get()};
    simt::launch(cuda::query_scores_kernel<float>, dim3(2), Tile::num_threads, 0, p);
    const simt::Finding finding = simt::compare(d_mean.to_host(), mean);
    return finding.empty() ? simt::compare(d_disagreement.to_host(), disagreement) : finding;
  });
}
