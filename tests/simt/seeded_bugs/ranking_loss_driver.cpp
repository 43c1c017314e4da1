// Rankings of three segments each: their losses, what they sum up to, and the gradients of their places.
#include "kernels/cuda/ranking_loss/kernel.cuh"
#include "tests/simt/seeded_bugs/driver.hpp"

using namespace segpref;

namespace {

constexpr std::int64_t segments = 11, places = 3, rankings = cuda::RankingTile::num_threads + 6;  // a whole block and six lanes

std::size_t count(std::int64_t n) { return static_cast<std::size_t>(n); }

simt::Finding run() {
  std::vector<float> scores, expected_losses;
  for (std::int64_t s = 0; s < segments; ++s) scores.push_back(static_cast<float>(s * 4 % segments) / 4);
  std::vector<std::int32_t> entries, offsets = {0};
  std::vector<double> expected_gradients, totals = {static_cast<double>(rankings), 0, 0};
  for (std::int64_t r = 0; r < rankings; ++r) {
    double exponential[places];
    for (std::int64_t k = 0; k < places; ++k) {
      entries.push_back(static_cast<std::int32_t>((r + 2 * k) % segments));
      exponential[k] = std::exp(static_cast<double>(scores[count(entries.back())]));
    }
    offsets.push_back(static_cast<std::int32_t>(entries.size()));
    // The first place of three, then the first of the two that are left
    const double of_three = exponential[0] + exponential[1] + exponential[2], of_two = exponential[1] + exponential[2];
    expected_losses.push_back(static_cast<float>(std::log(of_three / exponential[0]) + std::log(of_two / exponential[1])));
    expected_gradients.insert(expected_gradients.end(), {exponential[0] / of_three - 1, exponential[1] / of_three + exponential[1] / of_two - 1,
                                                         exponential[2] / of_three + exponential[2] / of_two});
    totals[1] += static_cast<double>(expected_losses.back());
  }
  constexpr unsigned blocks = 2;
  const simt::Buffer<std::int32_t> d_entries(entries), d_offsets(offsets);
  const simt::Buffer<float> d_scores(scores), losses(count(rankings));
  const simt::Buffer<double> gradients(entries.size()), block_sums(blocks * cuda::num_ranking_sums), metrics(cuda::num_ranking_sums);
  cuda::RankingLossParams<float> p;
  p.num_segments = segments;
  p.num_rankings = rankings;
  p.num_entries = rankings * places;
  p.entries = {d_entries.get(), false};
  p.offsets = {d_offsets.get(), false};
  p.weights.absent = 1.0;
  p.scores = d_scores.get();
  p.loss_per_ranking = losses.get();
  p.grad_entries = gradients.get();
  p.block_sums = block_sums.get();
  simt::launch(cuda::ranking_loss_kernel<float>, dim3(blocks), cuda::RankingTile::num_threads, 0, p);
  cuda::RankingSumsParams<float> s;
  s.num_members = 1;
  s.num_blocks = blocks;
  s.block_sums = block_sums.get();
  s.metrics = metrics.get();
  simt::launch(cuda::ranking_sums_kernel<float>, dim3(1), cuda::threads_per_warp, 0, s);

  simt::Finding finding = simt::compare(losses.to_host(), expected_losses);
  if (finding.empty()) finding = simt::compare(gradients.to_host(), expected_gradients);
  return finding.empty() ? simt::compare(metrics.to_host(), totals) : finding;
}

}  // namespace

int main() { return simt::run_over_seeds(run); }
