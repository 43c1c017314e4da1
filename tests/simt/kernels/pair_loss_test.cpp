// pair_loss_kernel and pair_sums_kernel against the oracle. Segments of one step: scores are rewards, without rounding.
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/cuda/preference_loss/pair_loss_kernel.cuh"
#include "kernels/cuda/preference_loss/pair_sums_kernel.cuh"
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

template <typename Real>
using Kernel = void (*)(PairLossParams<Real>);

template <bool has_lapse, typename Real>
Kernel<Real> kernel_of(TieModel model, bool has_margin) {
  if (model == TieModel::rao_kupper) return pair_loss_kernel<has_lapse, RaoKupper, Real>;
  if (model == TieModel::davidson) return pair_loss_kernel<has_lapse, Davidson, Real>;
  return has_margin ? pair_loss_kernel<has_lapse, BradleyTerry<true>, Real> : pair_loss_kernel<has_lapse, BradleyTerry<false>, Real>;
}

template <typename Real>
void check(const LossCase& c) {
  ProblemShape shape;
  shape.num_members = 3;
  shape.lengths = {1};
  shape.num_pairs = 2 * PairTile::num_threads + 5;
  shape.num_segments = 2 * shape.num_pairs;
  c.shape(shape);
  Problem<Real> problem(shape, 7);
  c.options(problem.reference);
  problem.refresh();
  c.rewards(problem.step_rewards);
  const reference::PreferenceSolution expected = reference::preference_loss(problem.reference, problem.step_rewards);

  const PreferenceOptions options = problem.options();
  simt::DeviceBatch device(problem.batch(), shape.num_members, problem.reference.num_steps);
  const std::int64_t members = shape.num_members, in_batch = device.batch.num_batch_pairs, segments = device.batch.num_segments;
  std::vector<Real> scores;
  for (const auto& rewards : problem.step_rewards)
    for (const reference::Segment& segment : problem.reference.segments) scores.push_back(static_cast<Real>(rewards[static_cast<std::size_t>(segment.begin)]));
  const auto size = [](std::int64_t count) { return static_cast<std::size_t>(count); };
  const std::int64_t blocks = (in_batch + PairTile::num_threads - 1) / PairTile::num_threads;
  const Buffer<Real> d_scores(scores), d_losses(size(members * in_batch)), d_logits(size(members * in_batch)), d_grads(size(2 * members * in_batch));
  const Buffer<double> d_block_sums(size(members * blocks * num_pair_sums)), d_metrics(size(members * num_metrics));
  const Buffer<Real> d_loss(size(members)), d_scale(size(members)), d_grad_tie(size(shape.scalar_tie ? 1 : members));

  PairLossParams<Real> p;
  p.batch = device.batch;
  p.loss = simt::loss_params(options);
  p.tie_parameter = device.reals(options.tie_parameter, 0.0);
  p.tie_parameter.member_stride = options.tie_parameter.size() > 1 ? 1 : 0;
  p.scores = d_scores.get();
  p.loss_per_pair = d_losses.get();
  p.logits = d_logits.get();
  p.grad_pairs = d_grads.get();
  p.block_sums = d_block_sums.get();
  const bool has_margin = p.batch.margins.present();
  const Kernel<Real> kernel = p.loss.lapse > 0 ? kernel_of<true, Real>(p.loss.tie_model, has_margin) : kernel_of<false, Real>(p.loss.tie_model, has_margin);
  if (blocks > 0) simt::launch(kernel, dim3(static_cast<unsigned>(blocks), static_cast<unsigned>(members)), PairTile::num_threads, 0, p);

  PairSumsParams<Real> s;
  s.num_members = members;
  s.num_blocks = blocks;
  s.is_mean = options.reduction == Reduction::mean;
  s.normalizer = options.normalizer.value_or(0.0);
  s.shared_tie_parameter = options.tie_parameter.size() == 1;
  s.block_sums = d_block_sums.get();
  s.reduced_loss = d_loss.get();
  s.metrics = d_metrics.get();
  s.grad_tie_parameter = d_grad_tie.get();
  s.grad_scale = d_scale.get();
  simt::launch(pair_sums_kernel<Real>, dim3(1), PairSumsTile::num_threads, 0, s);

  const double epsilon = sizeof(Real) == 8 ? 0x1p-52 : 0x1p-23;
  const Bound bound{8 * epsilon, 64 * epsilon};
  EXPECT_TRUE(is_close(d_losses.to_host().data(), flatten(expected.loss_per_pair), bound)) << "losses";
  EXPECT_TRUE(is_close(d_logits.to_host().data(), flatten(expected.logits), bound)) << "logits";
  if (options.reduction != Reduction::none) {
    EXPECT_TRUE(is_close(d_loss.to_host().data(), expected.loss, bound)) << "reduced loss";
  }
  std::vector<double> metrics;
  for (const reference::Metrics& m : expected.metrics)
    for (double value : {m.weight_sum, m.loss_sum, m.centering_sum, m.num_judged, m.num_correct, m.gap_sum, m.num_skipped}) metrics.push_back(value);
  EXPECT_TRUE(is_close(d_metrics.to_host().data(), metrics, {1e-6, 1e-4 * (sizeof(Real) == 4) + 1e-12})) << "metrics";
  if (options.tie_model != TieModel::none) {
    std::vector<double> tie = expected.grad_tie_parameter;
    if (s.shared_tie_parameter) tie = {std::accumulate(tie.begin(), tie.end(), 0.0)};
    EXPECT_TRUE(is_close(d_grad_tie.to_host().data(), tie, bound)) << "gradient of the tie parameter";
  }

  // A segment may stand in several pairs: their gradients add up to the oracle's.
  const std::vector<Real> grads = d_grads.to_host(), scales = d_scale.to_host();
  std::vector<double> grad_scores(size(members * segments));
  for (std::int64_t member = 0; member < members; ++member)
    for (std::int64_t k = 0; k < in_batch; ++k) {
      const std::int64_t pair = problem.reference.pair_order[size(member)][size(k)];
      const reference::Pair& of = problem.reference.pairs[size(pair)];
      for (int side = 0; side < 2; ++side)
        grad_scores[size(member * segments + (side == 0 ? of.first : of.second))] +=
            static_cast<double>(grads[size(2 * (member * in_batch + k) + side)]) * static_cast<double>(scales[size(member)]);
    }
  EXPECT_TRUE(is_close(grad_scores.data(), flatten(expected.grad_scores), bound)) << "gradients of scores";

  // Scores by side are the same scores; and what counts is told.
  std::vector<Real> side_scores;
  std::vector<std::uint8_t> counted;
  for (std::int64_t member = 0; member < members; ++member)
    for (std::int64_t k = 0; k < in_batch; ++k) {
      const std::int64_t pair = problem.reference.pair_order[size(member)][size(k)];
      const reference::Pair& of = problem.reference.pairs[size(pair)];
      const double first = static_cast<double>(scores[size(member * segments + of.first)]), second = static_cast<double>(scores[size(member * segments + of.second)]);
      side_scores.insert(side_scores.end(), {static_cast<Real>(first), static_cast<Real>(second)});
      const bool is_finite = std::isfinite(first) && std::isfinite(second) && std::isfinite(static_cast<Real>((second - first) / problem.reference.temperature));
      counted.push_back(problem.reference.weights[size(member)][size(pair)] > 0 && (is_finite || !problem.reference.skip_nonfinite) ? 1 : 0);
    }
  const Buffer<Real> d_side_scores(side_scores), d_side_grads(grads.size());
  const Buffer<std::uint8_t> d_counted(counted.size());
  p.scores = nullptr;
  p.side_scores = d_side_scores.get();
  p.grad_pairs = d_side_grads.get();
  p.pair_counted = d_counted.get();
  if (blocks > 0) simt::launch(kernel, dim3(static_cast<unsigned>(blocks), static_cast<unsigned>(members)), PairTile::num_threads, 0, p);
  const std::vector<Real> side_grads = d_side_grads.to_host();
  for (std::size_t i = 0; i < grads.size(); ++i) ASSERT_TRUE(side_grads[i] == grads[i] || (std::isnan(side_grads[i]) && std::isnan(grads[i]))) << "gradient " << i << " of a side";
  EXPECT_EQ(d_counted.to_host(), counted);
}

class PairLoss : public ::testing::TestWithParam<LossCase> {};
TEST_P(PairLoss, F32) { check<float>(GetParam()); }
TEST_P(PairLoss, F64) { check<double>(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Kernel, PairLoss, ::testing::ValuesIn(simt::loss_cases()), [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace segpref::cuda
