// small_batch_kernel, which is all of preference_loss, against the oracle.
#include <gtest/gtest.h>

#include <numeric>

#include "kernels/cuda/preference_loss/kernel_choice.cuh"
#include "kernels/cuda/preference_loss/small_batch_kernel.cuh"
#include "kernels/math/half.hpp"
#include "tests/simt/support/device_batch.hpp"
#include "tests/simt/support/loss_cases.hpp"
#include "tests/support/compare.hpp"

namespace segpref::cuda {
namespace {

using simt::Buffer;
using simt::LossCase;
using testing::Bound;
using testing::flatten;
using testing::is_close;
using testing::Problem;
using testing::ProblemShape;

std::size_t size(std::int64_t count) { return static_cast<std::size_t>(count); }

/// @param Element  of the step rewards
template <typename Element>
void check(const ProblemShape& shape, const LossCase& c) {
  using Real = compute_t<Element>;
  Problem<Real> problem(shape, 11);
  c.options(problem.reference);
  problem.refresh();
  c.rewards(problem.step_rewards);
  std::vector<Element> rewards;
  for (auto& row : problem.step_rewards)
    for (double& reward : row) {
      rewards.push_back(math::from_real<Element>(static_cast<Real>(reward)));
      reward = static_cast<double>(math::to_f32(rewards.back()));
    }
  const reference::PreferenceSolution expected = reference::preference_loss(problem.reference, problem.step_rewards);

  const PreferenceOptions options = problem.options();
  simt::DeviceBatch device(problem.batch(), shape.num_members, problem.reference.num_steps);
  const std::int64_t members = shape.num_members, in_batch = device.batch.num_batch_pairs, segments = device.batch.num_segments, steps = device.batch.num_steps;
  ASSERT_LE(in_batch, SmallBatchLimits::pairs);
  ASSERT_LE(segments, SmallBatchLimits::segments);
  ASSERT_LE(steps, SmallBatchLimits::steps);
  const Buffer<Element> d_rewards(rewards), d_grad_steps(size(members * steps));
  const Buffer<Real> d_losses(size(members * in_batch)), d_logits(size(members * in_batch)), d_scores(size(members * segments)), d_loss(size(members)), d_grad_tie(size(members));
  const Buffer<double> d_metrics(size(members * num_metrics));

  SmallBatchParams<Real> p;
  p.pairs.batch = device.batch;
  p.pairs.loss = simt::loss_params(options);
  p.pairs.tie_parameter = device.reals(options.tie_parameter, 0.0);
  p.pairs.tie_parameter.member_stride = options.tie_parameter.size() > 1 ? 1 : 0;
  p.pairs.loss_per_pair = d_losses.get();
  p.pairs.logits = d_logits.get();
  p.sums.num_members = members;
  p.sums.is_mean = options.reduction == Reduction::mean;
  p.sums.normalizer = options.normalizer.value_or(0.0);
  p.sums.reduced_loss = d_loss.get();
  p.sums.metrics = d_metrics.get();
  p.sums.grad_tie_parameter = d_grad_tie.get();
  p.step_rewards = d_rewards.get();
  p.dtype = std::is_same_v<Element, double> ? DType::f64 : std::is_same_v<Element, float> ? DType::f32 : std::is_same_v<Element, bf16> ? DType::bf16 : DType::f16;
  p.scores = d_scores.get();
  p.grad_steps = d_grad_steps.get();
  p.aggregation = options.aggregation;
  p.is_discounted = options.discount != 1.0;
  p.discount = DiscountPowers::of(options.discount);
  const auto kernel =
      with_objective(p.pairs.loss, p.pairs.batch.margins.present(), [](auto has_lapse, auto model) { return &small_batch_kernel<decltype(has_lapse)::is_set, decltype(model), Real>; });
  simt::launch(kernel, dim3(static_cast<unsigned>(members)), SmallBatchTile::num_threads, 0, p);

  // Rounding of a score moves its pair's loss and gradient by as much as the temperature lets it.
  const double epsilon = sizeof(Real) == 8 ? 0x1p-52 : 0x1p-23, of_scores = 16 * epsilon / problem.reference.temperature, of_element = sizeof(Element) == 2 ? 0x1p-7 : 8 * epsilon;
  EXPECT_TRUE(is_close(d_scores.to_host().data(), flatten(expected.scores), {8 * epsilon, 8 * epsilon})) << "scores";
  EXPECT_TRUE(is_close(d_logits.to_host().data(), flatten(expected.logits), {8 * epsilon, of_scores})) << "logits";
  EXPECT_TRUE(is_close(d_losses.to_host().data(), flatten(expected.loss_per_pair), {8 * epsilon, 4 * of_scores})) << "losses";
  if (options.reduction != Reduction::none) {
    EXPECT_TRUE(is_close(d_loss.to_host().data(), expected.loss, {8 * epsilon, 4 * of_scores * (options.reduction == Reduction::sum ? static_cast<double>(in_batch) : 1.0)})) << "reduced loss";
  }
  std::vector<double> grads;
  for (const Element grad : d_grad_steps.to_host()) grads.push_back(static_cast<double>(math::to_f32(grad)));
  EXPECT_TRUE(is_close(grads.data(), flatten(expected.grad_step_rewards), {of_element, 4 * of_scores / problem.reference.temperature})) << "gradients of step rewards";
  for (std::size_t member = 0; member < expected.metrics.size(); ++member) {
    const reference::Metrics& m = expected.metrics[member];
    const std::vector<double> metrics = d_metrics.to_host();
    EXPECT_EQ(metrics[member * num_metrics + metric_num_judged], m.num_judged);
    EXPECT_EQ(metrics[member * num_metrics + metric_num_skipped], m.num_skipped);
    if (!std::isfinite(m.loss_sum)) continue;
    EXPECT_NEAR(metrics[member * num_metrics + metric_loss_sum], m.loss_sum, 1e-5 * m.loss_sum + 4 * of_scores * static_cast<double>(in_batch));
  }
  if (options.tie_model != TieModel::none) {
    EXPECT_TRUE(is_close(d_grad_tie.to_host().data(), expected.grad_tie_parameter, {64 * epsilon, 16 * of_scores})) << "gradient of the tie parameter";
  }
}

class SmallBatch : public ::testing::TestWithParam<LossCase> {
 protected:
  static ProblemShape shape() {
    ProblemShape shape;
    shape.num_members = 3;
    shape.lengths = {0, 1, 5, 33};
    shape.num_pairs = 2 * threads_per_warp + 5;
    shape.num_segments = 2 * shape.num_pairs;
    GetParam().shape(shape);
    return shape;
  }
};
TEST_P(SmallBatch, F32) { check<float>(shape(), GetParam()); }
TEST_P(SmallBatch, F64) { check<double>(shape(), GetParam()); }
INSTANTIATE_TEST_SUITE_P(Kernel, SmallBatch, ::testing::ValuesIn(simt::loss_cases()), [](const auto& info) { return std::string(info.param.name); });

const LossCase plain = {"Plain", [](auto&) {}, [](auto&) {}};

ProblemShape shape_of(std::int64_t num_pairs, std::vector<std::int64_t> lengths) {
  ProblemShape shape;
  shape.num_pairs = num_pairs;
  shape.num_segments = 2 * num_pairs;
  shape.lengths = std::move(lengths);
  return shape;
}

TEST(SmallBatchShapes, LengthsAroundAWarp) { check<float>(shape_of(70, {31, 32, 33, 63, 64, 65, 0, 100}), plain); }
TEST(SmallBatchShapes, TheMostPairs) { check<float>(shape_of(SmallBatchLimits::pairs, {0, 1, 31}), plain); }
TEST(SmallBatchShapes, TheLongestSegments) { check<float>(shape_of(3, {SmallBatchLimits::segment_steps, 7}), plain); }
TEST(SmallBatchShapes, GroupsThatAreNotFull) { check<float>(shape_of(SmallBatchTile::num_warps * SmallBatchTile::segments_per_group / 2 + 1, {3, 9}), plain); }
TEST(SmallBatchShapes, Bf16) { check<bf16>(shape_of(40, {0, 5, 50}), plain); }
TEST(SmallBatchShapes, F16) { check<f16>(shape_of(40, {0, 5, 50}), plain); }

LossCase aggregated(reference::Aggregate aggregation, double discount) {
  return {"", [](auto&) {}, [=](reference::PreferenceProblem& p) { p.aggregation = aggregation, p.discount = discount; }};
}
TEST(SmallBatchShapes, Mean) { check<float>(shape_of(40, {0, 5, 50}), aggregated(reference::Aggregate::mean, 1.0)); }
TEST(SmallBatchShapes, Last) { check<float>(shape_of(40, {0, 5, 50}), aggregated(reference::Aggregate::last, 1.0)); }
TEST(SmallBatchShapes, Discounted) { check<double>(shape_of(40, {0, 5, 50}), aggregated(reference::Aggregate::sum, 0.97)); }
TEST(SmallBatchShapes, DiscountedMeanBf16) { check<bf16>(shape_of(40, {0, 5, 50}), aggregated(reference::Aggregate::mean, 0.97)); }

}  // namespace
}  // namespace segpref::cuda
