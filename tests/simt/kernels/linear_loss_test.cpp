// One call of the linear head's loss from features to gradients, through the kernels of all families, against the oracle.
#include <gtest/gtest.h>

#include "kernels/cuda/preference_loss/pair_loss_kernel.cuh"
#include "kernels/cuda/preference_loss/pair_sums_kernel.cuh"
#include "kernels/cuda/reward_linear/used_segments_kernel.cuh"
#include "tests/simt/support/linear_gradients.hpp"
#include "tests/support/compare.hpp"

namespace segpref::simt {
namespace {

using segpref::testing::Bound;
using segpref::testing::flatten;
using segpref::testing::is_close;

/// 1.2e-7 (f32) or 2.3e-16 (f64) stands before both parts of a bound; a gradient in 16 bits is rounded once more.
template <typename Element>
void check_loss(const LinearShape& shape) {
  using Real = cuda::compute_t<Element>;
  const LinearProblem<Element> problem(shape);
  const std::int64_t members = shape.num_members, pairs = problem.num_graded() / 2;

  LinearForward<Element> forward(problem);
  forward.read(false);
  forward.scores();

  // Pairs (0, 1), (2, 3), ...: gradients of pairs are those of scores
  std::vector<float> labels(problem.reference.labels.begin(), problem.reference.labels.end()), weights(problem.reference.weights[0].begin(), problem.reference.weights[0].end());
  const Buffer<float> d_labels(labels), d_weights(weights);
  const std::int64_t blocks = cuda::blocks_of(pairs, cuda::PairTile::num_threads);
  const Buffer<Real> d_grads(count(2 * members * pairs)), d_loss(count(members)), d_scale(count(members));
  const Buffer<double> d_block_sums(count(members * blocks * cuda::num_pair_sums));
  cuda::PairLossParams<Real> p;
  p.batch.num_members = members;
  p.batch.num_segments = problem.num_segments();
  p.batch.num_pairs = p.batch.num_batch_pairs = pairs;
  p.batch.labels = {d_labels.get(), false, 0, 0.0};
  p.batch.weights = {d_weights.get(), false, 0, 1.0};
  p.loss.clip = std::numeric_limits<double>::infinity();
  p.loss.skip_nonfinite = shape.skip_nonfinite;
  p.scores = forward.d_scores.get();
  p.grad_pairs = d_grads.get();
  p.block_sums = d_block_sums.get();
  launch(cuda::pair_loss_kernel<false, cuda::BradleyTerry<false>, Real>, dim3(static_cast<unsigned>(blocks), static_cast<unsigned>(members)), cuda::PairTile::num_threads, 0, p);
  cuda::PairSumsParams<Real> s;
  s.num_members = members;
  s.num_blocks = blocks;
  s.block_sums = d_block_sums.get();
  s.reduced_loss = d_loss.get();
  s.grad_scale = d_scale.get();
  launch(cuda::pair_sums_kernel<Real>, dim3(1), cuda::PairSumsTile::num_threads, 0, s);

  const auto head = grad_head(problem, forward, d_grads, d_scale);
  const Buffer<Real> d_grad_steps(count(members * problem.reference.num_steps));
  expand(problem, d_grads, d_scale, d_grad_steps);
  const std::vector<Element> of_features = grad_features(problem, d_grad_steps);

  const double epsilon = sizeof(Real) == 8 ? 2.3e-16 : 1.2e-7;
  const Bound bound{40 * epsilon, 400 * epsilon};  // as docs/ops/reward_linear.md states it
  EXPECT_TRUE(is_close(d_loss.to_host().data(), problem.expected.preference.loss, bound)) << "loss";
  EXPECT_TRUE(is_close(head.weight.data(), flatten(problem.expected.grad_weight), bound)) << "gradient of the weights";
  EXPECT_TRUE(is_close(head.bias.data(), problem.expected.grad_bias, bound)) << "gradient of the bias";
  std::vector<double> widened;
  for (Element x : of_features) widened.push_back(static_cast<double>(math::to_f32(x)));
  EXPECT_TRUE(is_close(widened.data(), flatten(problem.expected.grad_features), sizeof(Element) == 2 ? Bound{0x1p-8, 1e-6} : bound)) << "gradient of the features";
}

template <typename Element>
class LinearLoss : public ::testing::Test {};
using AllElements = ::testing::Types<float, double, bf16, f16>;
TYPED_TEST_SUITE(LinearLoss, AllElements);

TYPED_TEST(LinearLoss, IsTheOracles) {
  check_loss<TypeParam>({.lengths = {7, 20, 1, 0, 13, 2, 8, 8}, .feature_dim = 24, .num_members = 2});
  check_loss<TypeParam>({.lengths = {7, 20, 1, 0, 13, 2, 8, 8, 5}, .num_members = 3, .windows = true, .aggregation = reference::Aggregate::mean});
}

TYPED_TEST(LinearLoss, SkippedPairsLeaveNoTrace) {
  check_loss<TypeParam>({.lengths = {7, 20, 1, 4, 13, 2}, .feature_dim = 24, .num_members = 2, .skip_nonfinite = true, .nan_segment = 3});
}

TYPED_TEST(LinearLoss, PairsOfWeightZeroLeaveNoTrace) {
  check_loss<TypeParam>({.lengths = {7, 20, 1, 4, 13, 2}, .feature_dim = 9, .num_members = 2, .nan_segment = 3, .weightless_pair = 1});
}

TEST(LinearLossOfNonFiniteFeatures, IsNaNByDefault) { check_loss<float>({.lengths = {7, 20, 1, 4, 13, 2}, .feature_dim = 9, .num_members = 2, .nan_segment = 3}); }

/// Segments that some member's order reaches, and no others.
TEST(UsedSegments, AreThoseOfTheBatch) {
  const std::vector<std::int32_t> pairs = {5, 0, 1, 1, 9, 5, 3, 2};
  const std::vector<std::int64_t> order = {0, 2, 0, 1, 1, 1};  // two members of three pairs
  const Buffer<std::int32_t> d_pairs(pairs);
  const Buffer<std::int64_t> d_order(order);
  const auto used = [&](std::int64_t num_lists, bool has_order) {
    const Buffer<std::uint32_t> d_used(10, 0u);
    cuda::UsedSegmentsParams p;
    p.batch.num_segments = 10;
    p.batch.num_pairs = 4;
    p.batch.num_batch_pairs = has_order ? 3 : 4;
    p.batch.pairs = {d_pairs.get(), false};
    if (has_order) p.batch.pair_order = {d_order.get(), true};
    p.batch.pair_order_member_stride = num_lists > 1 ? 3 : 0;
    p.num_lists = num_lists;
    p.used = d_used.get();
    launch(cuda::mark_used_segments_kernel<cuda::LinearResultTile>, dim3(1), cuda::LinearResultTile::num_threads, 0, p);
    return d_used.to_host();
  };
  EXPECT_EQ(used(2, true), (std::vector<std::uint32_t>{1, 1, 0, 0, 0, 1, 0, 0, 0, 1}));
  EXPECT_EQ(used(1, true), (std::vector<std::uint32_t>{1, 0, 0, 0, 0, 1, 0, 0, 0, 1}));
  EXPECT_EQ(used(1, false), (std::vector<std::uint32_t>{1, 1, 1, 1, 0, 1, 0, 0, 0, 1}));
}

}  // namespace
}  // namespace segpref::simt
