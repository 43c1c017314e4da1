// An MLP of two members, forward and backward: two whole tiles of rows and a few more, features in two parts, weights in bands. All numbers are small integers,
// so that nothing is rounded.
#include "kernels/cuda/reward_mlp/backward_kernel.cuh"
#include "kernels/cuda/reward_mlp/forward_kernel.cuh"
#include "kernels/cuda/reward_mlp/pack_kernel.cuh"
#include "kernels/math/half.hpp"
#include "tests/simt/seeded_bugs/driver.hpp"

using namespace segpref;

namespace {

using Operands = cuda::Bf16Operands;
using Tile = cuda::ChainTile<Operands, cuda::ChainNumbers{64, 16, 2, 1, 32, 2, 2}>;
using Elements = cuda::MlpElementsTile;
constexpr std::int64_t members = 2, dim = 70, rows = 2 * Tile::rows + 5;
constexpr std::int64_t widths[] = {dim, 40, 24};

std::size_t count(std::int64_t n) { return static_cast<std::size_t>(n); }
int feature(std::int64_t step, std::int64_t column) { return static_cast<int>((step * 7 + column * 3) % 5 - 2); }
int parameter(std::int64_t position) { return static_cast<int>((position * 5 + position / 11) % 3 - 1); }
int gradient_of(std::int64_t member, std::int64_t row) { return static_cast<int>((member + row) % 5 - 2); }

/// Rewards, and the gradients of the first layer's pre-activations.
struct Expected {
  std::vector<float> rewards, gradients;
};

/// relu, and in integers.
Expected expected_of(const cuda::MlpShape& shape) {
  Expected expected;
  const auto weight = [&](int layer, std::int64_t member, std::int64_t out, std::int64_t in) { return parameter(shape.weight_of(layer, member) + out * shape.width[layer] + in); };
  for (std::int64_t m = 0; m < members; ++m)
    for (std::int64_t r = 0; r < rows; ++r) {
      std::vector<int> in, hidden[2];
      for (std::int64_t c = 0; c < dim; ++c) in.push_back(feature(r, c));
      for (int layer = 0; layer < 2; ++layer, in = hidden[layer - 1])
        for (std::int64_t o = 0; o < widths[layer + 1]; ++o) {
          int z = parameter(shape.bias_of(layer, m) + o);
          for (std::int64_t i = 0; i < widths[layer]; ++i) z += weight(layer, m, o, i) * in[count(i)];
          hidden[layer].push_back(z > 0 ? z : 0);
        }
      int reward = parameter(shape.bias_of(2, m));
      for (std::int64_t i = 0; i < widths[2]; ++i) reward += weight(2, m, 0, i) * in[count(i)];
      expected.rewards.push_back(static_cast<float>(reward));
      for (std::int64_t i = 0; i < shape.padded_width[1]; ++i) {
        int gradient = 0;
        for (std::int64_t o = 0; o < widths[2] && i < widths[1]; ++o)
          if (hidden[0][count(i)] > 0 && hidden[1][count(o)] > 0) gradient += gradient_of(m, r) * weight(2, m, 0, o) * weight(1, m, o, i);
        expected.gradients.push_back(static_cast<float>(gradient));
      }
    }
  return expected;
}

simt::Finding run() {
  RewardArchitecture architecture;
  architecture.feature_dim = dim;
  architecture.hidden = {widths[1], widths[2]};
  architecture.num_members = members;
  architecture.activation = Activation::relu;
  const cuda::MlpShape shape = cuda::mlp_shape(architecture);
  const cuda::MlpFormula formula = cuda::mlp_formula(architecture, false, 0, 0);

  std::vector<float> parameters, features, grad_rewards;
  for (std::int64_t i = 0; i < shape.num_parameters; ++i) parameters.push_back(static_cast<float>(parameter(i)));
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < dim; ++c) features.push_back(static_cast<float>(feature(r, c)));
  for (std::int64_t m = 0; m < members; ++m)
    for (std::int64_t r = 0; r < rows; ++r) grad_rewards.push_back(static_cast<float>(gradient_of(m, r)));
  const simt::Buffer<float> d_parameters(parameters), d_features(features), d_grad_rewards(grad_rewards), rewards(count(members * rows)), raw(rewards.size()), grad_raw(rewards.size());
  const simt::Buffer<bf16> packed(count(members * shape.packed_size)), inputs(count(rows * shape.padded_width[0])), hidden(count(members * rows * shape.hidden_columns)), grad_hidden(hidden.size());
  const simt::Buffer<unsigned char> slopes(count(members * shape.num_hidden * Tile::num_tiles(rows) * Tile::slope_bytes(true)));

  cuda::MlpRows in_rows;
  in_rows.num_rows = in_rows.row_capacity = rows;
  in_rows.first = d_features.get();
  in_rows.first_dim = static_cast<int>(dim);
  in_rows.first_stride = dim;
  const cuda::MlpKept kept{inputs.get(), hidden.get(), slopes.get(), raw.get()};
  const dim3 grid(static_cast<unsigned>(Tile::num_tiles(rows)), members);
  simt::launch(cuda::pack_weights_kernel<Elements, Operands>, dim3(static_cast<unsigned>((shape.packed_size + Elements::num_threads - 1) / Elements::num_threads), members),
               Elements::num_threads, 0, cuda::PackWeightsParams{shape, d_parameters.get(), packed.get()});
  simt::launch(cuda::mlp_forward_kernel<Tile>, grid, Tile::num_threads, sizeof(Tile::SharedStorage),
               cuda::MlpForwardParams{shape, formula, in_rows, d_parameters.get(), packed.get(), kept, rewards.get()});
  simt::launch(cuda::mlp_backward_kernel<Tile>, grid, Tile::num_threads, sizeof(Tile::SharedStorage),
               cuda::MlpBackwardParams{shape, formula, in_rows, d_parameters.get(), packed.get(), kept, d_grad_rewards.get(), grad_raw.get(), grad_hidden.get()});

  static const Expected expected = expected_of(shape);
  std::vector<float> gradients;
  for (const bf16 gradient : grad_hidden.to_host()) gradients.push_back(math::to_f32(gradient));
  gradients.resize(expected.gradients.size());  // of the first layer
  simt::Finding finding = simt::compare(rewards.to_host(), expected.rewards);
  return finding.empty() ? simt::compare(gradients, expected.gradients) : finding;
}

}  // namespace

int main() { return simt::run_over_seeds(run); }
