// Gradients of an MLP's weights from activations and gradients of pre-activations, in two parts of rows: one goes around its ring of slabs, the other one ends
// inside a slab. All numbers are small integers, so that nothing is rounded.
#include "kernels/cuda/reward_mlp/reduce_kernel.cuh"
#include "kernels/cuda/reward_mlp/weight_grad_kernel.cuh"
#include "kernels/math/half.hpp"
#include "tests/simt/seeded_bugs/driver.hpp"

using namespace segpref;

namespace {

using Tile = cuda::WeightGradTile<cuda::Bf16Operands, 32, 32, 2, 2, 2>;
using Elements = cuda::MlpElementsTile;
constexpr std::int64_t dim = 40, width = 20, rows = 4 * Tile::slab + 5;
constexpr int splits = 2;

std::size_t count(std::int64_t n) { return static_cast<std::size_t>(n); }
int number(std::int64_t row, std::int64_t column) { return static_cast<int>((row * 7 + column * 3) % 5 - 2); }
bool is_left_out(std::int64_t row) { return row % 6 == 4; }

/// [rows, padded columns], zeros beyond the columns; NaN in rows that are left out.
std::vector<bf16> operands(std::int64_t num_columns, std::int64_t num_padded, std::int64_t shift) {
  std::vector<bf16> values;
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < num_padded; ++c) values.push_back(math::to_bf16(is_left_out(r) ? NAN : c < num_columns ? static_cast<float>(number(r + shift, c)) : 0.0f));
  return values;
}

simt::Finding run() {
  RewardArchitecture architecture;
  architecture.feature_dim = dim;
  architecture.hidden = {width};
  const cuda::MlpShape shape = cuda::mlp_shape(architecture);

  std::vector<float> grad_raw, expected(count(shape.num_parameters));
  for (std::int64_t r = 0; r < rows; ++r) {
    grad_raw.push_back(is_left_out(r) ? 0.0f : static_cast<float>(r % 3 + 1));
    if (is_left_out(r)) continue;
    for (std::int64_t o = 0; o < width; ++o) {
      for (std::int64_t i = 0; i < dim; ++i) expected[count(shape.weight[0] + o * dim + i)] += static_cast<float>(number(r + 1, o) * number(r, i));
      expected[count(shape.bias[0] + o)] += static_cast<float>(number(r + 1, o));
      expected[count(shape.weight[1] + o)] += grad_raw.back() * static_cast<float>(number(r + 2, o));
    }
    expected[count(shape.bias[1])] += grad_raw.back();
  }
  const simt::Buffer<bf16> inputs(operands(dim, shape.padded_width[0], 0)), grads(operands(width, shape.padded_width[1], 1)), hidden(operands(width, shape.padded_width[1], 2));
  const simt::Buffer<float> d_grad_raw(grad_raw), partial(count(splits * shape.num_parameters)), gradients(expected.size());
  cuda::MlpWeightGradParams p;
  p.shape = shape;
  p.rows.num_rows = p.rows.row_capacity = rows;
  p.kept.inputs = inputs.get();
  p.kept.hidden = hidden.get();
  p.grad_raw = d_grad_raw.get();
  p.grad_hidden = grads.get();
  p.num_splits = splits;
  p.partial = partial.get();
  p.gradients = gradients.get();
  simt::launch(cuda::mlp_weight_grad_kernel<Tile>, dim3(static_cast<unsigned>(cuda::weight_grad_blocks<Tile>(shape)), splits), Tile::num_threads, sizeof(Tile::SharedStorage), p);
  simt::launch(cuda::mlp_reduce_grad_kernel<Elements>, dim3(static_cast<unsigned>((shape.num_parameters + Elements::num_threads - 1) / Elements::num_threads)), Elements::num_threads, 0, p);
  return simt::compare(gradients.to_host(), expected);
}

}  // namespace

int main() { return simt::run_over_seeds(run); }
