// The tiles for wide layers and many features, each with the large tile of the weight gradients: rows around a tile, layers narrower than the tile.
#include "tests/simt/support/mlp_problem.hpp"

namespace segpref::simt {
namespace {

template <class Operands, int width>
void check(std::int64_t dim, const std::vector<std::int64_t>& hidden, Activation activation, std::int64_t rows_beyond_tile) {
  using Chain = cuda::ChainTileFor<Operands, width>;
  MlpCase c;
  c.architecture.feature_dim = dim;
  c.architecture.hidden = hidden;
  c.architecture.activation = activation;
  c.architecture.leaky_slope = 0.1;
  c.architecture.output = Output::tanh;
  c.num_steps = Chain::rows + rows_beyond_tile;
  c.has_left_out_rows = true;
  c.num_splits = 2;
  const MlpProblem<> problem(c);
  const MlpExpected expected = expected_of(problem, rounding_of<Operands>, true);
  MlpRun<Chain> run(problem);
  run.forward(true);
  expect_rewards(run.rewards(), expected.rewards, mlp_bounds<Operands>.rewards);
  run.backward();
  expect_gradients(problem.shape, run.template weight_grad<cuda::LargeWeightGradTile<Operands>>(), expected.gradients, mlp_bounds<Operands>.gradients);
}

template <class Operands>
struct MlpWide : ::testing::Test {};
using Precisions = ::testing::Types<cuda::SplitTf32Operands, cuda::Bf16Operands>;  // of 32 and of 16 bits
TYPED_TEST_SUITE(MlpWide, Precisions);

TYPED_TEST(MlpWide, Tile128) { check<TypeParam, 128>(33, {100, 128}, Activation::leaky_relu, 1); }
TYPED_TEST(MlpWide, Tile128OfSlopesAsOperands) { check<TypeParam, 128>(16, {65}, Activation::gelu, -1); }
TYPED_TEST(MlpWide, Tile256) { check<TypeParam, 256>(30, {100, 256}, Activation::leaky_relu, 1); }
TYPED_TEST(MlpWide, Tile512) { check<TypeParam, 512>(33, {512, 300}, Activation::leaky_relu, 1); }
TYPED_TEST(MlpWide, ManyFeatures) { check<TypeParam, 128>(1024, {128}, Activation::relu, -60); }

}  // namespace
}  // namespace segpref::simt
