// Scores of a linear head: which segments are used, one reading of their rows, and the products with two members' weights.
#include "kernels/cuda/reward_linear/feature_sums_kernel.cuh"
#include "kernels/cuda/reward_linear/scores_kernels.cuh"
#include "kernels/cuda/reward_linear/used_segments_kernel.cuh"
#include "tests/simt/seeded_bugs/driver.hpp"

using namespace segpref;

namespace {

using Tile = cuda::FeatureTile<float, true>;
using Sums = cuda::SegmentSumsTile;
using Results = cuda::LinearResultTile;
constexpr std::int64_t members = 2, dim = 132;  // the second warp has one lane with columns, the others have none
constexpr double discount = 0.99;
const std::vector<std::int32_t> offsets = {0, 5, 305, 305, 433, 473};  // one of several pieces; in a stretch another one's first piece follows its last
constexpr std::int64_t segments = 5;

std::size_t count(std::int64_t n) { return static_cast<std::size_t>(n); }
float feature(std::int64_t step, std::int64_t column) { return static_cast<float>((step * 7 + column * 3) % 13 - 6) / 16; }
float weight_of(std::int64_t member, std::int64_t column) { return static_cast<float>((member * 5 + column) % 9 - 4) / 16; }
float bias_of(std::int64_t member) { return static_cast<float>(member + 1) / 8; }

std::vector<float> expected_scores() {
  std::vector<float> scores;
  for (std::int64_t m = 0; m < members; ++m)
    for (std::size_t s = 0; s < segments; ++s) {
      double score = 0, power = 1;
      for (std::int64_t t = offsets[s]; t < offsets[s + 1]; ++t, power *= discount) {
        double reward = static_cast<double>(bias_of(m));
        for (std::int64_t c = 0; c < dim; ++c) reward += static_cast<double>(weight_of(m, c)) * static_cast<double>(feature(t, c));
        score += power * reward;
      }
      scores.push_back(static_cast<float>(score));
    }
  return scores;
}

/// Pairs (0, 1), (1, 2), ...: all segments are used, most of them twice.
std::vector<std::uint32_t> used_segments(const simt::Buffer<std::uint32_t>& used) {
  std::vector<std::int32_t> pairs;
  for (std::int32_t s = 0; s + 1 < segments; ++s) pairs.insert(pairs.end(), {s, s + 1});
  const simt::Buffer<std::int32_t> d_pairs(pairs);
  cuda::UsedSegmentsParams p;
  p.batch.num_pairs = p.batch.num_batch_pairs = segments - 1;
  p.batch.pairs = {d_pairs.get(), false};
  p.used = used.get();
  simt::launch(cuda::mark_used_segments_kernel<Results>, dim3(1), Results::num_threads, 0, p);
  return used.to_host();
}

simt::Finding run() {
  std::vector<float> features, weight, bias;
  for (std::int64_t t = 0; t < offsets.back(); ++t)
    for (std::int64_t c = 0; c < dim; ++c) features.push_back(feature(t, c));
  for (std::int64_t m = 0; m < members; ++m) {
    for (std::int64_t c = 0; c < dim; ++c) weight.push_back(weight_of(m, c));
    bias.push_back(bias_of(m));
  }
  const simt::Buffer<std::uint32_t> used(count(segments), 0u);
  for (const std::uint32_t is_used : used_segments(used))
    if (is_used != 1) return "wrong result: a segment of a pair is not used";

  const simt::Buffer<float> d_features(features), d_weight(weight), d_bias(bias);
  const simt::Buffer<std::int32_t> d_offsets(offsets);
  cuda::FeatureSumsParams<float, float> p;
  p.segments.num_steps = offsets.back();
  p.segments.num_segments = segments;
  p.segments.offsets = {d_offsets.get(), false};
  p.segments.used = used.get();
  p.segments.set_discount(discount);
  p.weights = {members, dim, d_weight.get(), d_bias.get(), 1};
  p.features = d_features.get();
  p.row_stride = dim;
  const simt::Buffer<float> sums(count(segments * cuda::stride_of_sums(dim))), partial_sums(count(p.segments.num_partial_sums() * cuda::stride_of_sums(dim)));
  p.sums = sums.get();
  p.partial_sums = partial_sums.get();
  simt::launch(cuda::feature_sums_kernel<Tile, false, float, float>, dim3(static_cast<unsigned>(p.segments.num_stretches())), Tile::num_threads, 0, p);

  const simt::Buffer<float> parts(count(Sums::column_blocks(dim) * members * segments)), scores(count(members * segments));
  const cuda::LinearScoresParams<float> s{p.segments, p.weights, partial_sums.get(), sums.get(), parts.get(), scores.get()};
  simt::launch(cuda::segment_sums_kernel<Sums, float>, dim3(static_cast<unsigned>(segments)), Sums::num_threads, 0, s);
  simt::launch(cuda::linear_scores_kernel<Results, Sums, float>, dim3(1, members), Results::num_threads, 0, s);
  static const std::vector<float> expected = expected_scores();
  return simt::compare(scores.to_host(), expected);
}

}  // namespace

int main() { return simt::run_over_seeds(run); }
