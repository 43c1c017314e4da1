// The pair stage of a batch whose pairs share segments: losses of pairs, what they sum up to, and the gradients of scores, segment by segment.
#include <algorithm>
#include <numeric>

#include "kernels/cuda/preference_loss/pair_loss_kernel.cuh"
#include "kernels/cuda/preference_loss/pair_sums_kernel.cuh"
#include "kernels/cuda/preference_loss/segment_entries_kernels.cuh"
#include "tests/simt/seeded_bugs/driver.hpp"

using namespace segpref;

namespace {

constexpr std::int64_t members = 2, segments = 9, pairs = cuda::PairTile::num_threads + 72;  // a whole block, then two warps and eight lanes
constexpr unsigned pair_blocks = 2;

std::size_t count(std::int64_t n) { return static_cast<std::size_t>(n); }
std::int64_t segment_of(std::int64_t pair, int side) { return side == 0 ? pair % segments : (pair % segments + 1 + pair / segments % (segments - 1)) % segments; }
double score_of(std::int64_t member, std::int64_t segment) { return static_cast<double>(segment * 5 % segments - 4) / 4 + static_cast<double>(member * segment) / 16; }

/// Bradley-Terry, with a lapse, so that the block's constants are read; the label is 1 for odd pairs.
constexpr double lapse = 0.1;
struct Expected {
  std::vector<float> losses, reduced, grad_scores;

  Expected() : grad_scores(count(members * segments)) {
    for (std::int64_t m = 0; m < members; ++m) {
      double sum = 0;
      for (std::int64_t p = 0; p < pairs; ++p) {
        const std::int64_t first = segment_of(p, 0), second = segment_of(p, 1);
        const double sign = p % 2 == 1 ? 1 : -1, of_label = 1 / (1 + std::exp(sign * (score_of(m, first) - score_of(m, second))));
        const double with_lapse = (1 - lapse) * of_label + lapse / 2, loss = -std::log(with_lapse);
        const auto grad = static_cast<float>(-sign * (1 - lapse) * of_label * (1 - of_label) / with_lapse);
        losses.push_back(static_cast<float>(loss));
        grad_scores[count(m * segments + first)] -= grad;
        grad_scores[count(m * segments + second)] += grad;
        sum += loss;
      }
      reduced.push_back(static_cast<float>(sum / static_cast<double>(pairs)));
    }
  }
};

/// The gradients of pairs, added up by segment; the sort between the kernels is the host's.
std::vector<float> gather(const kernels::Batch& batch, const simt::Buffer<float>& grad_pairs) {
  using Tile = cuda::SegmentEntriesTile;
  const simt::Buffer<std::uint64_t> keys(count(2 * pairs));
  const simt::Buffer<std::uint32_t> entries(count(2 * pairs)), first_entries(count(segments + 1));
  cuda::SegmentEntriesParams e;
  e.batch = batch;
  e.keys = keys.get();
  e.entries = entries.get();
  simt::launch(cuda::segment_keys_kernel<Tile>, dim3((2 * pairs + Tile::num_threads - 1) / Tile::num_threads), Tile::num_threads, 0, e);
  std::vector<std::uint64_t> sorted_keys = keys.to_host();
  std::vector<std::uint32_t> sorted_entries = entries.to_host();
  std::stable_sort(sorted_entries.begin(), sorted_entries.end(), [&](std::uint32_t a, std::uint32_t b) { return sorted_keys[a] < sorted_keys[b]; });
  std::sort(sorted_keys.begin(), sorted_keys.end());
  const simt::Buffer<std::uint64_t> d_sorted_keys(sorted_keys);
  const simt::Buffer<std::uint32_t> d_sorted_entries(sorted_entries);
  simt::launch(cuda::first_entries_kernel<Tile>, dim3(1), Tile::num_threads, 0, d_sorted_keys.get(), 2 * pairs, segments, first_entries.get());
  const simt::Buffer<float> grad_scores(count(members * segments));
  const cuda::GatherGradientsParams<float, float> g{members, segments, 2 * pairs, 1, d_sorted_entries.get(), first_entries.get(), grad_pairs.get(), grad_scores.get()};
  simt::launch(cuda::gather_gradients_kernel<Tile, float, float>, dim3(1, members), Tile::num_threads, 0, g);
  return grad_scores.to_host();
}

simt::Finding run() {
  std::vector<float> scores, labels;
  std::vector<std::int32_t> pair_segments;
  for (std::int64_t m = 0; m < members; ++m)
    for (std::int64_t s = 0; s < segments; ++s) scores.push_back(static_cast<float>(score_of(m, s)));
  for (std::int64_t p = 0; p < pairs; ++p) {
    labels.push_back(static_cast<float>(p % 2));
    for (int side : {0, 1}) pair_segments.push_back(static_cast<std::int32_t>(segment_of(p, side)));
  }
  const simt::Buffer<float> d_scores(scores), d_labels(labels), losses(count(members * pairs)), grad_pairs(count(2 * members * pairs)), reduced(members), grad_tie(members);
  const simt::Buffer<std::int32_t> d_pairs(pair_segments);
  const simt::Buffer<double> block_sums(count(members * pair_blocks * cuda::num_pair_sums));

  cuda::PairLossParams<float> p;
  p.batch.num_members = members;
  p.batch.num_segments = segments;
  p.batch.num_pairs = p.batch.num_batch_pairs = pairs;
  p.batch.pairs = {d_pairs.get(), false};
  p.batch.labels = {d_labels.get(), false, 0, 0.0};
  p.batch.weights.absent = 1.0;
  p.loss.clip = INFINITY;
  p.loss.lapse = lapse;
  p.scores = d_scores.get();
  p.loss_per_pair = losses.get();
  p.grad_pairs = grad_pairs.get();
  p.block_sums = block_sums.get();
  simt::launch(cuda::pair_loss_kernel<true, cuda::BradleyTerry<false>, float>, dim3(pair_blocks, members), cuda::PairTile::num_threads, 0, p);
  cuda::PairSumsParams<float> s;
  s.num_members = members;
  s.num_blocks = pair_blocks;
  s.block_sums = block_sums.get();
  s.reduced_loss = reduced.get();
  s.grad_tie_parameter = grad_tie.get();
  simt::launch(cuda::pair_sums_kernel<float>, dim3(1), cuda::PairSumsTile::num_threads, 0, s);

  static const Expected expected;
  simt::Finding finding = simt::compare(losses.to_host(), expected.losses);
  if (finding.empty()) finding = simt::compare(reduced.to_host(), expected.reduced);
  if (finding.empty()) finding = simt::compare(grad_tie.to_host(), std::vector<float>(members, 0.0f));
  return finding.empty() ? simt::compare(gather(p.batch, grad_pairs), expected.grad_scores) : finding;
}

}  // namespace

int main() { return simt::run_over_seeds(run); }
