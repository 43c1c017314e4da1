// Whole training steps of narrow networks: random pairs of segments over random features, the resident kernel's answer, and the oracle's.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "kernels/cuda/preference_loss/pair_sums_kernel.cuh"
#include "kernels/cuda/reward_mlp/reduce_kernel.cuh"
#include "kernels/cuda/reward_mlp/resident_kernel.cuh"
#include "tests/simt/support/device_batch.hpp"
#include "tests/simt/support/mlp_problem.hpp"
#include "tests/support/compare.hpp"
#include "tests/support/problems.hpp"

namespace segpref::simt {

/// What a step is made of; the defaults are the plainest.
struct ResidentCase {
  MlpCase mlp;                               ///< num_steps is that of the segments
  testing::ProblemShape pairs;               ///< num_members is that of the architecture
  std::function<void(reference::PreferenceProblem&)> options = [](auto&) {};
  std::vector<std::int64_t> spoiled_steps = {};  ///< hold a feature that is not finite
  int segment_rows = 0;                      ///< 0: what the longest segment takes
  int num_blocks = 2;
};

template <typename Feature = float>
class ResidentProblem {
 public:
  explicit ResidentProblem(const ResidentCase& c) : in(with_members(c)), pairs(in.pairs, 11), mlp(with_steps(in.mlp, pairs.reference.num_steps)) {
    in.options(pairs.reference);
    pairs.refresh();
    for (const std::int64_t step : in.spoiled_steps) mlp.set_feature(step, step % in.mlp.architecture.feature_dim, step % 2 == 0 ? NAN : INFINITY);
  }

  cuda::MlpResidentGrid grid() const {
    std::int64_t longest = 1;
    for (const reference::Segment& segment : pairs.reference.segments) longest = std::max(longest, segment.end - segment.begin);
    cuda::MlpResidentGrid grid;
    grid.segment_rows = in.segment_rows > 0 ? in.segment_rows : static_cast<int>(longest);
    grid.pairs_per_tile = tile_rows / (2 * grid.segment_rows);
    grid.num_blocks = in.num_blocks;
    return grid;
  }

  static constexpr int tile_rows = cuda::ResidentTile<cuda::Bf16Operands, 2, true>::rows;  ///< of every tile
  ResidentCase in;
  testing::Problem<float> pairs;
  MlpProblem<Feature> mlp;

 private:
  static ResidentCase with_members(ResidentCase c) {
    c.pairs.num_members = c.mlp.architecture.num_members;
    return c;
  }
  static MlpCase with_steps(MlpCase c, std::int64_t num_steps) {
    c.num_steps = num_steps;
    return c;
  }
};

/// What the oracle says: the loss, and gradients of weights.
struct ResidentExpected {
  reference::PreferenceSolution pairs;
  std::vector<double> gradients;
};

/// A problem of given gradients of rewards, from a loss: not divided by its divisor, which comes last.
template <typename Feature>
MlpProblem<Feature> with_grad_rewards(MlpProblem<Feature> mlp, const reference::PreferenceProblem& pairs, const std::vector<std::vector<double>>& step_rewards) {
  reference::PreferenceProblem undivided = pairs;
  undivided.reduction = reference::Reduce::sum;
  const reference::PreferenceSolution solution = reference::preference_loss(undivided, step_rewards);
  mlp.grad_rewards.clear();
  mlp.grad_scale.clear();
  for (const std::vector<double>& row : solution.grad_step_rewards) mlp.grad_rewards.insert(mlp.grad_rewards.end(), row.begin(), row.end());
  for (const reference::Metrics& metrics : solution.metrics) {
    const double divisor = pairs.reduction != reference::Reduce::mean ? 1.0 : pairs.normalizer.value_or(metrics.weight_sum);
    mlp.grad_scale.push_back(divisor == 0 ? 0.0f : static_cast<float>(1 / divisor));
  }
  return mlp;
}

template <typename Feature>
ResidentExpected expected_of(const ResidentProblem<Feature>& problem, const testing::Rounding& rounding) {
  const std::vector<double> rewards = expected_of(problem.mlp, rounding, false).rewards;
  const std::int64_t num_steps = problem.mlp.in.num_steps;
  std::vector<std::vector<double>> step_rewards;
  for (std::int64_t e = 0; e < problem.mlp.shape.num_members; ++e) step_rewards.emplace_back(rewards.begin() + e * num_steps, rewards.begin() + (e + 1) * num_steps);
  const MlpProblem<Feature> graded = with_grad_rewards(problem.mlp, problem.pairs.reference, step_rewards);
  return {reference::preference_loss(problem.pairs.reference, step_rewards), expected_of(graded, rounding, true).gradients};
}

/// What the kernels answer.
struct ResidentResult {
  std::vector<float> loss, loss_per_pair, logits, grad_tie, gradients;
  std::vector<double> metrics;
};

/// A problem in device memory. Everything that a kernel must write is uninitialised before.
template <typename Feature>
class ResidentRun {
 public:
  explicit ResidentRun(const ResidentProblem<Feature>& problem)
      : shape_(problem.mlp.shape), options_(problem.pairs.options()), device_(problem.pairs.batch(), shape_.num_members, problem.mlp.in.num_steps),
        d_parameters_(problem.mlp.parameters), d_mean_(problem.mlp.mean), d_std_(problem.mlp.std_dev), d_first_(problem.mlp.first), d_second_(problem.mlp.second),
        d_partial_(count(problem.in.num_blocks * shape_.num_parameters)), d_gradients_(count(shape_.num_parameters)),
        d_block_sums_(members() * count(problem.in.num_blocks) * cuda::num_pair_sums), d_metrics_(members() * num_metrics), d_loss_(members()),
        d_losses_(members() * count(device_.batch.num_batch_pairs)), d_logits_(d_losses_.size()), d_grad_tie_(members()), d_scale_(members()) {
    params_.shape = shape_;
    params_.formula = problem.mlp.formula();
    params_.features = problem.mlp.features(d_first_.get(), d_second_.get(), d_mean_.get(), d_std_.get());
    params_.pairs.batch = device_.batch;
    params_.pairs.loss = loss_params(options_);
    params_.pairs.tie_parameter = device_.reals(options_.tie_parameter, 0.0);
    params_.pairs.tie_parameter.member_stride = options_.tie_parameter.size() > 1 ? 1 : 0;
    params_.pairs.loss_per_pair = d_losses_.get();
    params_.pairs.logits = d_logits_.get();
    params_.pairs.block_sums = d_block_sums_.get();
    params_.sums.num_members = shape_.num_members;
    params_.sums.num_blocks = problem.in.num_blocks;
    params_.sums.is_mean = options_.reduction == Reduction::mean;
    params_.sums.normalizer = options_.normalizer.value_or(0.0);
    params_.sums.block_sums = d_block_sums_.get();
    params_.sums.reduced_loss = d_loss_.get();
    params_.sums.metrics = d_metrics_.get();
    params_.sums.grad_tie_parameter = d_grad_tie_.get();
    params_.sums.grad_scale = d_scale_.get();
    params_.aggregation = options_.aggregation;
    params_.is_discounted = options_.discount != 1.0;
    params_.discount = cuda::DiscountPowers::of(options_.discount);
    params_.grid = problem.grid();
    params_.parameters = d_parameters_.get();
    params_.partial = d_partial_.get();
    params_.gradients = d_gradients_.get();
  }

  const cuda::MlpResidentParams& params() const { return params_; }

  /// The resident kernel and the two that follow it.
  template <class Tile>
  void launch_kernels(bool with_gradients) {
    if (!with_gradients) params_.partial = nullptr;
    const dim3 grid(static_cast<unsigned>(params_.grid.num_blocks), static_cast<unsigned>(shape_.num_members));
    launch(cuda::mlp_resident_kernel<Tile>, grid, Tile::num_threads, sizeof(typename Tile::SharedStorage), params_);
    launch(cuda::pair_sums_kernel<float>, 1, cuda::PairSumsTile::num_threads, 0, params_.sums);
    if (!with_gradients) return;
    using Sums = cuda::MlpManyPartsTile;
    launch(cuda::mlp_reduce_grad_kernel<Sums>, static_cast<unsigned>((shape_.num_parameters + Sums::columns - 1) / Sums::columns), Sums::num_threads, 0, params_.parts());
  }

  ResidentResult result() const {
    const std::vector<float> gradients = params_.partial != nullptr ? d_gradients_.to_host() : std::vector<float>();
    return {d_loss_.to_host(), d_losses_.to_host(), d_logits_.to_host(), d_grad_tie_.to_host(), gradients, d_metrics_.to_host()};
  }

 private:
  std::size_t members() const { return count(shape_.num_members); }

  cuda::MlpShape shape_;
  PreferenceOptions options_;
  DeviceBatch device_;
  Buffer<float> d_parameters_, d_mean_, d_std_;
  Buffer<Feature> d_first_, d_second_;
  Buffer<float> d_partial_, d_gradients_;
  Buffer<double> d_block_sums_, d_metrics_;
  Buffer<float> d_loss_, d_losses_, d_logits_, d_grad_tie_, d_scale_;
  cuda::MlpResidentParams params_;
};

template <class Tile, typename Feature>
ResidentResult run_resident(const ResidentProblem<Feature>& problem, bool with_gradients = true) {
  ResidentRun<Feature> run(problem);
  run.template launch_kernels<Tile>(with_gradients);
  return run.result();
}

/// How far results of a whole step may lie from the oracle: scores add up rewards, and a loss follows its logit.
struct ResidentBounds {
  double logits, losses, gradients;
};
template <class Operands>
ResidentBounds resident_bounds(const reference::PreferenceProblem& pairs, int segment_rows) {
  const double steps = pairs.aggregation == reference::Aggregate::sum ? segment_rows : 1, logits = 2 * steps * mlp_bounds<Operands>.rewards / pairs.temperature;
  return {logits, logits, mlp_bounds<Operands>.gradients + logits};
}

/// The whole step against the oracle: losses and logits of pairs, sums, and gradients of weights where all are finite.
template <class Operands, typename Feature>
void expect_step(const ResidentProblem<Feature>& problem, const ResidentResult& actual, const ResidentExpected& expected) {
  const reference::PreferenceProblem& pairs = problem.pairs.reference;
  const ResidentBounds bounds = resident_bounds<Operands>(pairs, problem.grid().segment_rows);
  const double pairs_added = pairs.reduction == reference::Reduce::sum ? static_cast<double>(problem.pairs.num_batch_pairs()) : 1.0;
  EXPECT_TRUE(testing::is_close(actual.logits.data(), testing::flatten(expected.pairs.logits), {bounds.logits, bounds.logits})) << "logits";
  EXPECT_TRUE(testing::is_close(actual.loss_per_pair.data(), testing::flatten(expected.pairs.loss_per_pair), {bounds.losses, 2 * bounds.losses})) << "losses";
  if (pairs.reduction != reference::Reduce::none) {
    EXPECT_TRUE(testing::is_close(actual.loss.data(), expected.pairs.loss, {bounds.losses, 2 * bounds.losses * pairs_added})) << "reduced loss";
  }
  for (std::size_t e = 0; e < expected.pairs.metrics.size(); ++e) {
    const reference::Metrics& m = expected.pairs.metrics[e];
    const double* const metrics = actual.metrics.data() + e * num_metrics;
    EXPECT_NEAR(metrics[metric_weight_sum], m.weight_sum, 1e-12 * m.weight_sum);
    EXPECT_EQ(metrics[metric_num_judged], m.num_judged);
    EXPECT_EQ(metrics[metric_num_skipped], m.num_skipped);
  }
  if (pairs.ties != reference::Ties::none) {
    EXPECT_TRUE(testing::is_close(actual.grad_tie.data(), expected.pairs.grad_tie_parameter, {bounds.losses, 2 * bounds.losses})) << "gradient of the tie parameter";
  }
  if (!actual.gradients.empty()) expect_gradients(problem.mlp.shape, actual.gradients, expected.gradients, bounds.gradients);
}

}  // namespace segpref::simt
