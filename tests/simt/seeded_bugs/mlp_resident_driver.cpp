// A training step by the resident kernel: two hidden layers, three tiles for two blocks, the last pair alone in its tile. A member whose rewards are 0 everywhere has
// losses of log 2, and gradients of its output weights alone that are not 0.
#include <cmath>

#include "kernels/cuda/reward_mlp/resident_kernel.cuh"
#include "tests/simt/seeded_bugs/driver.hpp"

using namespace segpref;

namespace {

using Tile = cuda::ResidentTile<cuda::Bf16Operands, 2, true>;
constexpr std::int64_t dim = 20, length = 12, num_blocks = 2;
constexpr std::int64_t pairs_per_tile = Tile::rows / (2 * length), num_pairs = 2 * pairs_per_tile + 1, num_steps = 2 * num_pairs * length;

simt::Finding run() {
  RewardArchitecture architecture;
  architecture.feature_dim = dim;
  architecture.hidden = {24, 16};
  architecture.activation = Activation::relu;
  architecture.bias = true;
  const cuda::MlpShape shape = cuda::mlp_shape(architecture);
  const auto n = static_cast<std::size_t>(shape.num_parameters);
  std::vector<float> parameters(n), features;
  for (std::size_t i = 0; i < n; ++i) parameters[i] = static_cast<float>((i * 5 + i / 11) % 3) - 1;
  for (std::int64_t i = shape.weight[2]; i < shape.num_parameters; ++i) parameters[static_cast<std::size_t>(i)] = 0;  // of the output
  for (std::int64_t i = 0; i < num_steps * dim; ++i) features.push_back(static_cast<float>(i * 7 % 5) - 2);
  std::vector<std::int64_t> offsets;
  for (std::int64_t s = 0; s <= 2 * num_pairs; ++s) offsets.push_back(s * length);
  const std::vector<float> labels(static_cast<std::size_t>(num_pairs), 1.0f);
  const simt::Buffer<float> d_parameters(parameters), d_features(features), d_labels(labels), losses(labels.size()), partial(num_blocks * n);
  const simt::Buffer<std::int64_t> d_offsets(offsets);
  const simt::Buffer<double> block_sums(num_blocks * cuda::num_pair_sums);

  cuda::MlpResidentParams p;
  p.shape = shape;
  p.formula = cuda::mlp_formula(architecture, true, 0, 0);
  p.features.first = d_features.get();
  p.features.first_dim = static_cast<int>(dim);
  p.features.first_stride = dim;
  p.pairs.batch.num_steps = num_steps;
  p.pairs.batch.num_segments = 2 * num_pairs;
  p.pairs.batch.num_pairs = p.pairs.batch.num_batch_pairs = num_pairs;
  p.pairs.batch.offsets = {d_offsets.get(), true};
  p.pairs.batch.labels = {d_labels.get(), false, 0, 0.0};
  p.pairs.batch.weights.absent = 1.0;
  p.pairs.loss_per_pair = losses.get();
  p.pairs.block_sums = block_sums.get();
  p.grid = {static_cast<int>(length), static_cast<int>(pairs_per_tile), static_cast<int>(num_blocks)};
  p.parameters = d_parameters.get();
  p.partial = partial.get();
  simt::launch(cuda::mlp_resident_kernel<Tile>, dim3(num_blocks, 1), Tile::num_threads, sizeof(Tile::SharedStorage), p);

  simt::Finding finding = simt::compare(losses.to_host(), std::vector<float>(labels.size(), std::log(2.0f)));
  if (!finding.empty()) return finding;
  const std::vector<float> parts = partial.to_host();  // every one is written; below the output they are 0
  const std::vector<float> below(static_cast<std::size_t>(shape.weight[2]), 0.0f);
  for (std::size_t block = 0; block < num_blocks && finding.empty(); ++block)
    finding = simt::compare({parts.begin() + static_cast<std::ptrdiff_t>(block * n), parts.begin() + static_cast<std::ptrdiff_t>(block * n + below.size())}, below);
  return finding;
}

}  // namespace

int main() { return simt::run_over_seeds(run); }
