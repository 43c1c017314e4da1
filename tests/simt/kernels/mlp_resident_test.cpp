// The resident kernel of the MLP, which is a whole training step, against the oracle, and against the kernels of the general path.
#include "tests/simt/support/mlp_resident.hpp"

#include "kernels/cuda/preference_loss/small_batch_kernel.cuh"
#include "tests/simt/support/loss_cases.hpp"

namespace segpref::simt {
namespace {

using F32 = cuda::SplitTf32Operands;
using Bf16 = cuda::Bf16Operands;
template <class Operands>
using Bits = cuda::ResidentTile<Operands, 2, true>;  ///< relu and leaky_relu
template <class Operands>
using Slopes = cuda::ResidentTile<Operands, 2, false>;
constexpr int tile_rows = Bits<F32>::rows, width = Bits<F32>::width;

/// Some pairs, in tiles of several.
ResidentCase step_of(std::vector<std::int64_t> hidden, std::vector<std::int64_t> lengths, std::int64_t num_pairs, std::int64_t feature_dim = 10) {
  ResidentCase c;
  c.mlp.architecture.feature_dim = feature_dim;
  c.mlp.architecture.hidden = std::move(hidden);
  c.mlp.architecture.leaky_slope = 0.1;
  c.pairs.num_pairs = num_pairs;
  c.pairs.num_segments = 2 * num_pairs;
  c.pairs.lengths = std::move(lengths);
  return c;
}

template <class Tile, typename Feature = float>
void check(const ResidentCase& c) {
  const ResidentProblem<Feature> problem(c);
  expect_step<typename Tile::Operands>(problem, run_resident<Tile>(problem), expected_of(problem, rounding_of<typename Tile::Operands>));
}

class MlpResidentLoss : public ::testing::TestWithParam<LossCase> {};
TEST_P(MlpResidentLoss, EveryOption) {
  ResidentCase c = step_of({12}, {0, 1, 2}, 9, 6);
  c.mlp.architecture.num_members = 3;  // as many as the cases have tie parameters for
  GetParam().shape(c.pairs);
  c.pairs.num_pairs = std::min<std::int64_t>(c.pairs.num_pairs, 9);
  c.pairs.num_batch_pairs = std::min<std::int64_t>(c.pairs.num_batch_pairs, 11);
  c.options = GetParam().options;
  check<Bits<F32>>(c);
}
/// Without those that spoil rewards: features that are not finite have tests of their own.
std::vector<LossCase> finite_cases() {
  std::vector<LossCase> cases = loss_cases();
  std::erase_if(cases, [](const LossCase& c) { return std::string(c.name).starts_with("Nonfinite"); });
  return cases;
}
INSTANTIATE_TEST_SUITE_P(Kernel, MlpResidentLoss, ::testing::ValuesIn(finite_cases()), [](const auto& info) { return std::string(info.param.name); });

TEST(MlpResident, LengthsAroundATile) {
  check<Bits<F32>>(step_of({16}, {tile_rows / 2}, 2));                                   // one pair fills a tile
  check<Bits<F32>>(step_of({16}, {tile_rows / 2 - 1, 0, 1}, 3));
  check<Bits<F32>>(step_of({16}, {tile_rows / 4, 3}, 5));                                // two pairs
  check<Bits<F32>>(step_of({16}, {tile_rows / 4 + 1, 9}, 2));                            // one, and rows to spare
  check<Bits<F32>>(step_of({16}, {5, 4}, 13));                                           // six, whose rows end inside a tile of sums
  check<Bits<F32>>(step_of({16}, {1}, tile_rows / 2 + 1));                               // as many as there are lanes, and one more
  check<Bits<F32>>(step_of({16}, {0}, 3));
}

TEST(MlpResident, FeaturesAroundTheTilesColumns) {
  for (const std::int64_t dim : {1, 31, 32, 33, width}) check<Bits<F32>>(step_of({8}, {4}, 3, dim));
}

template <class Operands>
struct MlpResidentPrecision : ::testing::Test {};
using Precisions = ::testing::Types<F32, Bf16>;
TYPED_TEST_SUITE(MlpResidentPrecision, Precisions);

TYPED_TEST(MlpResidentPrecision, WidthsAndDepths) {
  for (const std::vector<std::int64_t>& hidden : {std::vector<std::int64_t>{1}, {8, width}}) check<Bits<TypeParam>>(step_of(hidden, {3, 8}, 3, 24));
  using Deep = cuda::ResidentTile<TypeParam, 4, true>;
  for (const std::vector<std::int64_t>& hidden : {std::vector<std::int64_t>{40, width, 17}, {24, 33, 8, 50}}) check<Deep>(step_of(hidden, {3, 8}, 3, 24));
}

TYPED_TEST(MlpResidentPrecision, EveryActivationOfSlopesAsOperands) {
  for (const Activation activation : {Activation::tanh, Activation::silu, Activation::gelu}) {
    ResidentCase c = step_of({40, 24}, {3, 6}, 4);
    c.mlp.architecture.activation = activation;
    check<Slopes<TypeParam>>(c);
  }
}

TYPED_TEST(MlpResidentPrecision, DropoutDropsWhatTheOracleDrops) {
  ResidentCase c = step_of({40, 17}, {3, 6}, 4);
  c.mlp.architecture.num_members = 2;
  c.mlp.dropout_rate = 0.4;
  c.pairs.windows = true;
  check<Slopes<TypeParam>>(c);
}

TYPED_TEST(MlpResidentPrecision, SkippedPairsLeaveNoTrace) {
  for (const Activation activation : {Activation::relu, Activation::tanh}) {  // tanh hides an infinity
    ResidentCase c = step_of({20, 12}, {2, 5}, 8);
    c.mlp.architecture.activation = activation;
    c.options = [](reference::PreferenceProblem& p) { p.skip_nonfinite = true; };
    c.spoiled_steps = {4, 11, 20};
    c.pairs.weights = true;
    if (activation == Activation::relu) check<Bits<TypeParam>>(c);
    else check<Slopes<TypeParam>>(c);
  }
}

TEST(MlpResident, DeepNetworksOfSlopesAsOperandsInBf16) {
  ResidentCase c = step_of({24, 40, 17, 33}, {3, 8}, 3);
  c.mlp.architecture.activation = Activation::gelu;
  check<cuda::ResidentTile<Bf16, 4, false>>(c);
}

TEST(MlpResident, FeaturesThatAreNotFiniteMakeTheirOwnPairsNaN) {
  ResidentCase c = step_of({16}, {2, 5}, 6);
  c.spoiled_steps = {4};
  const ResidentProblem<> problem(c);
  const ResidentResult result = run_resident<Bits<F32>>(problem);
  const ResidentExpected expected = expected_of(problem, rounding_of<F32>);
  EXPECT_TRUE(testing::is_close(result.loss_per_pair.data(), testing::flatten(expected.pairs.loss_per_pair), {1e-4, 1e-4}));
  for (const float loss : result.loss) EXPECT_TRUE(std::isnan(loss));
  EXPECT_TRUE(std::isnan(result.gradients[count(problem.mlp.shape.bias_of(1, 0))])) << "nobody misses it";
}

TEST(MlpResident, ASegmentLongerThanItsRowsIsNaN) {
  ResidentCase c = step_of({16}, {4}, 5);
  const ResidentProblem<> whole(c);
  c.segment_rows = 3;
  for (const float logit : run_resident<Bits<F32>>(ResidentProblem<>(c)).logits) EXPECT_TRUE(std::isnan(logit));
  c.segment_rows = 4;
  EXPECT_EQ(run_resident<Bits<F32>>(ResidentProblem<>(c)).logits, run_resident<Bits<F32>>(whole).logits);
}

TEST(MlpResident, EveryOutput) {
  for (const Output output : {Output::tanh, Output::sigmoid})
    for (const bool is_scaled : {false, true}) {
      ResidentCase c = step_of({24}, {3, 5}, 7);
      c.mlp.architecture.output = output;
      c.mlp.architecture.output_scaled = is_scaled;
      c.mlp.architecture.output_lo = -2, c.mlp.architecture.output_hi = 5;
      check<Bits<F32>>(c);
    }
}

TEST(MlpResident, WithoutBiases) {
  ResidentCase c = step_of({40, 24}, {3, 5}, 7);
  c.mlp.architecture.bias = false;
  check<Bits<F32>>(c);
}

TEST(MlpResident, EveryAggregation) {
  const auto check_with = [](reference::Aggregate aggregation, double discount) {
    ResidentCase c = step_of({24}, {0, 1, 6}, 9);
    c.options = [=](reference::PreferenceProblem& p) { p.aggregation = aggregation, p.discount = discount; };
    check<Bits<F32>>(c);
  };
  check_with(reference::Aggregate::mean, 1.0);
  check_with(reference::Aggregate::last, 1.0);
  check_with(reference::Aggregate::sum, 0.9);
  check_with(reference::Aggregate::mean, 0.9);
}

TEST(MlpResident, OverlappingWindowsStandardisedFromTwoTensorsOfEveryType) {
  ResidentCase c = step_of({24}, {2, 6}, 4, 40);
  c.mlp.first_dim = 21;
  c.mlp.is_standardised = true;
  c.mlp.architecture.num_members = 2;
  c.pairs.windows = true;
  check<Bits<F32>>(c);
  check<Bits<F32>, double>(c);
  check<Bits<F32>, bf16>(c);
  check<Bits<F32>, f16>(c);
}

TEST(MlpResident, AnyNumberOfBlocks) {
  ResidentCase c = step_of({24}, {tile_rows / 4}, 5);  // three tiles
  for (const int num_blocks : {1, 2, 4}) {             // 4: one has nothing to do
    c.num_blocks = num_blocks;
    check<Bits<F32>>(c);
  }
}

TEST(MlpResident, ARerunAndLossesAloneGiveTheSameBits) {
  ResidentCase c = step_of({24, 17}, {tile_rows / 4}, 3);  // two tiles
  c.num_blocks = 1;
  const ResidentProblem<> problem(c);
  const ResidentResult result = run_resident<Bits<F32>>(problem);
  EXPECT_EQ(result.gradients, run_resident<Bits<F32>>(problem).gradients);
  const ResidentResult losses = run_resident<Bits<F32>>(problem, false);
  EXPECT_EQ(result.loss_per_pair, losses.loss_per_pair);
  EXPECT_EQ(result.loss, losses.loss);
}

/// The general path: forward, the pair stage of given rewards, backward, gradients of weights.
TEST(MlpResident, AgreesWithTheGeneralPath) {
  using Operands = F32;
  ResidentCase c = step_of({width, 40}, {3, 7}, 5, 24);
  c.pairs.weights = c.pairs.margins = true;
  c.options = [](reference::PreferenceProblem& p) { p.lapse = 0.1, p.temperature = 0.5, p.centering = 0.01; };
  const ResidentProblem<> problem(c);
  const std::int64_t members = problem.mlp.shape.num_members, steps = problem.mlp.in.num_steps;
  using Chain = cuda::ChainTileFor<Operands, 64>;
  MlpRun<Chain> forward(problem.mlp);
  forward.forward(true);
  const std::vector<float> rewards = forward.rewards();

  DeviceBatch device(problem.pairs.batch(), members, steps);
  const PreferenceOptions options = problem.pairs.options();
  const Buffer<float> d_rewards(rewards), d_grad_steps(rewards.size()), d_losses(count(members * device.batch.num_batch_pairs)), d_loss(count(members));
  const Buffer<double> d_metrics(count(members * num_metrics));
  cuda::SmallBatchParams<float> p;
  p.pairs.batch = device.batch;
  p.pairs.loss = loss_params(options);
  p.pairs.loss_per_pair = d_losses.get();
  p.sums.num_members = members;
  p.sums.reduced_loss = d_loss.get();
  p.sums.metrics = d_metrics.get();
  p.step_rewards = d_rewards.get();
  p.grad_steps = d_grad_steps.get();
  launch(cuda::small_batch_kernel<true, cuda::BradleyTerry<true>, float>, dim3(static_cast<unsigned>(members)), cuda::SmallBatchTile::num_threads, 0, p);

  MlpProblem<> graded = problem.mlp;
  graded.grad_rewards = d_grad_steps.to_host();
  MlpRun<Chain> general(graded);
  general.forward(true);
  general.backward();
  const std::vector<float> gradients = general.weight_grad<cuda::SmallWeightGradTile<Operands>>();

  const ResidentResult resident = run_resident<Bits<Operands>>(problem);
  const ResidentBounds bounds = resident_bounds<Operands>(problem.pairs.reference, problem.grid().segment_rows);
  const std::vector<float> losses = d_losses.to_host(), loss = d_loss.to_host();
  const std::vector<double> metrics = d_metrics.to_host();
  EXPECT_TRUE(testing::is_close(resident.loss_per_pair.data(), {losses.begin(), losses.end()}, {bounds.losses, bounds.losses}));
  EXPECT_TRUE(testing::is_close(resident.loss.data(), {loss.begin(), loss.end()}, {bounds.losses, bounds.losses}));
  EXPECT_TRUE(testing::is_close(resident.metrics.data(), metrics, {bounds.losses, 8 * bounds.losses}));
  expect_gradients(problem.mlp.shape, resident.gradients, {gradients.begin(), gradients.end()}, bounds.gradients);
}

}  // namespace
}  // namespace segpref::simt
