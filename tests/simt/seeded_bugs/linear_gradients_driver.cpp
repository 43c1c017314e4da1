// Gradients of a linear head and of its features, from the sums of segments and the gradients of scores; every segment is one step.
#include "kernels/cuda/reward_linear/grad_features_kernel.cuh"
#include "kernels/cuda/reward_linear/grad_head_kernels.cuh"
#include "tests/simt/seeded_bugs/driver.hpp"

using namespace segpref;

namespace {

/// Two rounds of gradients in the first slice, and a second slice of a few segments.
struct Tile : cuda::GradHeadTile {
  SEGPREF_HOST_DEVICE static constexpr std::int64_t segments_per_slice(std::int64_t) { return 2 * segments_at_once; }
  SEGPREF_HOST_DEVICE static constexpr std::int64_t num_slices(std::int64_t num_segments) { return cuda::blocks_of(num_segments, segments_per_slice(num_segments)); }
};
using Columns = cuda::FeatureTile<float, true>;
using Rows = cuda::GradFeaturesTile;
constexpr std::int64_t members = 2, dim = 8, steps = 70;

std::size_t count(std::int64_t n) { return static_cast<std::size_t>(n); }
float feature(std::int64_t step, std::int64_t column) { return static_cast<float>((step * 7 + column * 3) % 13 - 6) / 16; }
float weight_of(std::int64_t member, std::int64_t column) { return static_cast<float>((member * 5 + column) % 9 - 4) / 16; }
float gradient_of(std::int64_t member, std::int64_t step) { return step % 6 == 5 ? 0.0f : static_cast<float>((member * 3 + step) % 5 - 2) / 8; }

simt::Finding run() {
  const std::int64_t stride = cuda::stride_of_sums(dim);
  std::vector<std::int32_t> offsets = {0};
  std::vector<float> sums(count(steps * stride), 1.0f), weight, gradients;
  std::vector<float> expected_weight(count(members * dim)), expected_bias(members), expected_features(count(steps * dim));
  for (std::int64_t t = 0; t < steps; ++t) {
    offsets.push_back(static_cast<std::int32_t>(t + 1));
    for (std::int64_t c = 0; c < dim; ++c) sums[count(t * stride + c)] = feature(t, c);
  }
  for (std::int64_t m = 0; m < members; ++m) {
    for (std::int64_t c = 0; c < dim; ++c) weight.push_back(weight_of(m, c));
    for (std::int64_t t = 0; t < steps; ++t) {
      const float gradient = gradient_of(m, t);
      gradients.push_back(gradient);
      expected_bias[count(m)] += gradient;
      for (std::int64_t c = 0; c < dim; ++c) {
        expected_weight[count(m * dim + c)] += gradient * feature(t, c);
        expected_features[count(t * dim + c)] += gradient * weight_of(m, c);
      }
    }
  }
  const simt::Buffer<std::int32_t> d_offsets(offsets);
  const simt::Buffer<float> d_sums(sums), d_weight(weight), d_gradients(gradients), slices(count(Tile::num_slices(steps) * members * (dim + 1)));
  const simt::Buffer<float> grad_weight(weight.size()), grad_bias(members), grad_features(count(steps * dim));

  cuda::GradHeadParams<float> p;
  p.segments.num_steps = p.segments.num_segments = p.num_graded = steps;
  p.segments.offsets = {d_offsets.get(), false};
  p.num_members = members;
  p.feature_dim = dim;
  p.sums = d_sums.get();
  p.grad_scores = d_gradients.get();
  p.slice_sums = slices.get();
  p.grad_weight = grad_weight.get();
  p.grad_bias = grad_bias.get();
  p.bias_stride = 1;
  simt::launch(cuda::grad_head_slices_kernel<Tile, float>, dim3(1, static_cast<unsigned>(Tile::num_slices(steps)), 1), Tile::num_threads, 0, p);
  simt::launch(cuda::grad_head_kernel<Tile, float>, dim3(1, members), Tile::num_threads, 0, p);
  simt::Finding finding = simt::compare(grad_weight.to_host(), expected_weight);
  if (finding.empty()) finding = simt::compare(grad_bias.to_host(), expected_bias);
  if (!finding.empty()) return finding;

  const cuda::GradFeaturesParams<float, float> f{members, steps, dim, d_weight.get(), d_gradients.get(), grad_features.get()};
  simt::launch(cuda::grad_features_kernel<Columns, Rows, float, float>, dim3(static_cast<unsigned>(cuda::blocks_of(steps, Rows::rows_per_block))), Columns::num_threads, 0, f);
  return simt::compare(grad_features.to_host(), expected_features);
}

}  // namespace

int main() { return simt::run_over_seeds(run); }
