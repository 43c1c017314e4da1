// The tiles for wide layers and many features, each with the large tile of the weight gradients: rows around a tile, layers narrower than the tile. One
// layer of a network is wide, so that all of a tile's columns are met without squares of them.
#include "tests/simt/support/mlp_problem.hpp"

namespace segpref::simt {
namespace {

template <class Operands, int width>
void check(std::int64_t dim, const std::vector<std::int64_t>& hidden, Activation activation, std::int64_t rows_beyond_tile, std::uint64_t turns) {
  if (!is_turn_of_precision<Operands>(turns)) return;
  using Chain = cuda::ChainTileFor<Operands, width>;
  MlpCase c;
  c.architecture.feature_dim = dim;
  c.architecture.hidden = hidden;
  c.architecture.activation = activation;
  c.architecture.leaky_slope = 0.1;
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
using OfEachSize = ::testing::Types<cuda::SplitTf32Operands, cuda::Bf16Operands>;  // of 32 and of 16 bits
TYPED_TEST_SUITE(MlpWide, OfEachSize);

TYPED_TEST(MlpWide, Tile128) { check<TypeParam, 128>(33, {100, 30}, Activation::leaky_relu, 1, 2); }
TYPED_TEST(MlpWide, Tile128OfSlopesAsOperands) { check<TypeParam, 128>(16, {65}, Activation::gelu, -1, 2); }
TYPED_TEST(MlpWide, Tile256) { check<TypeParam, 256>(30, {20, 256}, Activation::leaky_relu, -1, 2); }
TYPED_TEST(MlpWide, Tile512) { check<TypeParam, 512>(30, {512, 24}, Activation::leaky_relu, -1, 2); }
TYPED_TEST(MlpWide, MoreFeaturesThanTheTileHasColumns) { check<TypeParam, 128>(300, {40}, Activation::relu, -60, 2); }

/// The tile whose slabs hold half of the columns.
template <class Operands>
struct MlpWidest : ::testing::Test {};
using EveryPrecision = ::testing::Types<cuda::SplitTf32Operands, cuda::Tf32Operands, cuda::Bf16Operands, cuda::F16Operands>;
TYPED_TEST_SUITE(MlpWidest, EveryPrecision);

TYPED_TEST(MlpWidest, AllColumnsOfBothHalves) { check<TypeParam, 1024>(1, {1024, 24}, Activation::leaky_relu, -1, 4); }
TYPED_TEST(MlpWidest, SomeColumnsOfTheSecondHalf) { check<TypeParam, 1024>(40, {24, 600}, Activation::silu, 1, 4); }

}  // namespace
}  // namespace segpref::simt
