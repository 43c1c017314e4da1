// Random MLPs, rows and gradients of rewards, and the kernels' answers to them: forward, backward, gradients of weights.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/cuda/reward_mlp/backward_kernel.cuh"
#include "kernels/cuda/reward_mlp/forward_kernel.cuh"
#include "kernels/cuda/reward_mlp/grad_features_kernel.cuh"
#include "kernels/cuda/reward_mlp/pack_kernel.cuh"
#include "kernels/cuda/reward_mlp/reduce_kernel.cuh"
#include "kernels/cuda/reward_mlp/weight_grad_kernel.cuh"
#include "kernels/math/half.hpp"
#include "kernels/reference/dropout.hpp"
#include "tests/simt/support/kernel_test.hpp"
#include "tests/simt/support/mlp_oracle.hpp"
#include "tests/simt/support/mlp_precisions.hpp"

namespace segpref::simt {

inline std::size_t count(std::int64_t n) { return static_cast<std::size_t>(n); }

/// What a problem is made of; the defaults are the plainest.
struct MlpCase {
  RewardArchitecture architecture;
  std::int64_t num_steps = 0;
  std::vector<std::int64_t> steps = {};        ///< of every row; empty: row r is step r
  std::vector<std::int64_t> rows_of_member = {};  ///< members have rows of their own, so many of them; empty: all have the same
  std::int64_t spare_rows = 0;                 ///< row_capacity beyond the rows; the number of rows is then told on the device
  std::int64_t first_dim = 0;                  ///< columns of the first tensor; 0: all
  bool is_standardised = false;
  double dropout_rate = 0;
  bool has_left_out_rows = false;              ///< every fifth row has gradient 0, and features that are not numbers
  int num_splits = 1;
  bool is_scaled = false;                      ///< with a factor per member behind the gradients
};

/// Cheap cases meet every one of the first three seeds, and every third of the long tests' further ones; which of them their numbers say.
inline bool is_turn_of_case(const MlpCase& c) {
#if defined(__CUDACC__)
  return true;
#else
  std::int64_t number = c.architecture.feature_dim + c.num_steps + static_cast<std::int64_t>(c.steps.size()) + c.num_splits;
  for (const std::int64_t width : c.architecture.hidden) number += width;
  return options().seed <= 3 || (static_cast<std::uint64_t>(number) + options().seed) % 3 == 0;
#endif
}

/// Every activation, every output, plain and scaled; not each with each other.
inline std::vector<RewardArchitecture> with_every_activation_and_output(RewardArchitecture architecture) {
  constexpr Activation activations[] = {Activation::relu, Activation::leaky_relu, Activation::tanh, Activation::silu, Activation::gelu};
  constexpr Output outputs[] = {Output::identity, Output::tanh, Output::sigmoid};
  architecture.leaky_slope = 0.2;
  architecture.output_lo = -2, architecture.output_hi = 5;
  std::vector<RewardArchitecture> architectures;
  for (std::size_t i = 0; i < 6; ++i) {
    architecture.activation = activations[i % 5];
    architecture.output = outputs[i % 3];
    architecture.output_scaled = i >= 3 && architecture.output != Output::identity;
    architectures.push_back(architecture);
  }
  return architectures;
}

template <typename Feature = float>
class MlpProblem {
 public:
  explicit MlpProblem(const MlpCase& c) : in(c), shape(cuda::mlp_shape(c.architecture)), random_(3) {
    if (in.first_dim == 0) in.first_dim = in.architecture.feature_dim;
    const std::int64_t dim = in.architecture.feature_dim, members = in.architecture.num_members;
    num_rows = in.steps.empty() ? in.num_steps : static_cast<std::int64_t>(in.steps.size()) / (in.rows_of_member.empty() ? 1 : members);
    parameters.resize(count(shape.num_parameters));
    draw_parameters();
    first.resize(count(in.num_steps * first_stride()));
    second.resize(count(in.num_steps * second_stride()));
    for (std::vector<Feature>* values : {&first, &second})
      for (Feature& value : *values) value = math::from_real<Feature>(normal_(random_));
    for (std::int64_t i = 0; in.is_standardised && i < dim; ++i) mean.push_back(normal_(random_)), std_dev.push_back(0.5f + std::fabs(normal_(random_)));
    for (std::int64_t i = 0; i < members * row_capacity(); ++i) grad_rewards.push_back(normal_(random_));
    for (std::int64_t e = 0; in.is_scaled && e < members; ++e) grad_scale.push_back(0.25f + static_cast<float>(e));
    for (std::int64_t row = 2; in.has_left_out_rows && row < num_rows; row += 5) {
      set_feature(step_of(0, row), row % dim, row % 2 == 0 ? NAN : INFINITY);
      for (std::int64_t e = 0; e < members; ++e) grad_rewards[count(e * row_capacity() + row)] = 0;
    }
  }

  std::int64_t row_capacity() const { return num_rows + in.spare_rows; }
  std::int64_t rows_of(std::int64_t member) const { return in.rows_of_member.empty() ? num_rows : in.rows_of_member[count(member)]; }
  std::int64_t first_stride() const { return in.first_dim + 3; }  // rows need not be adjacent
  std::int64_t second_stride() const { return in.first_dim == in.architecture.feature_dim ? 0 : in.architecture.feature_dim - in.first_dim + 1; }
  std::int64_t step_of(std::int64_t member, std::int64_t row) const {
    return in.steps.empty() ? row : in.steps[count((in.rows_of_member.empty() ? 0 : member * num_rows) + row)];
  }
  void set_feature(std::int64_t step, std::int64_t column, float value) {
    (column < in.first_dim ? first[count(step * first_stride() + column)] : second[count(step * second_stride() + column - in.first_dim)]) = math::from_real<Feature>(value);
  }

  /// One number for all weights, or biases, of a layer; the last one is the output.
  void fill_weights(int layer, float value) {
    std::fill(parameters.begin() + shape.weight[layer], parameters.begin() + shape.bias[layer], value);
  }
  void fill_biases(int layer, float value) {
    std::fill_n(parameters.begin() + shape.bias[layer], shape.num_members * shape.num_out(layer), value);
  }

  /// A row's features as they enter the network, in the kernels' own f32.
  std::vector<double> row(std::int64_t step) const {
    std::vector<double> values;
    for (std::int64_t i = 0; i < in.architecture.feature_dim; ++i) {
      auto x = static_cast<float>(math::to_f32(i < in.first_dim ? first[count(step * first_stride() + i)] : second[count(step * second_stride() + i - in.first_dim)]));
      if (in.is_standardised) x = (x - mean[count(i)]) / std_dev[count(i)];
      values.push_back(static_cast<double>(x));
    }
    return values;
  }

  /// The features in device memory.
  cuda::MlpFeatures features(const Feature* d_first, const Feature* d_second, const float* d_mean, const float* d_std) const {
    cuda::MlpFeatures features;
    features.dtype = dtype_of<Feature>::value;
    features.first = d_first;
    features.second = second_stride() > 0 ? d_second : nullptr;
    features.first_dim = static_cast<int>(in.first_dim);
    features.first_stride = first_stride();
    features.second_stride = second_stride();
    if (in.is_standardised) features.mean = d_mean, features.std = d_std;
    return features;
  }

  reference::DropoutMask mask() const { return in.dropout_rate > 0 ? reference::dropout_mask({in.dropout_rate, seed, call}) : reference::DropoutMask(); }
  cuda::MlpFormula formula() const {
    RewardArchitecture architecture = in.architecture;
    architecture.dropout = in.dropout_rate;
    return cuda::mlp_formula(architecture, true, seed, call);
  }

  static constexpr std::uint64_t seed = 0x123456789abcdefull, call = 77;
  MlpCase in;
  cuda::MlpShape shape;
  std::int64_t num_rows = 0;
  std::vector<float> parameters;
  std::vector<Feature> first, second;
  std::vector<float> mean, std_dev;
  std::vector<float> grad_rewards;  ///< [num_members, row_capacity]
  std::vector<float> grad_scale;    ///< [num_members] or empty

 private:
  /// Weights of size 1 / sqrt(inputs), so that activations keep their size; biases of a tenth.
  void draw_parameters() {
    for (int layer = 0; layer <= shape.num_hidden; ++layer) {
      const std::int64_t weights = std::int64_t{shape.num_members} * shape.num_out(layer) * shape.width[layer];
      for (std::int64_t i = 0; i < weights; ++i) parameters[count(shape.weight[layer] + i)] = normal_(random_) / std::sqrt(static_cast<float>(shape.width[layer]));
      for (std::int64_t i = 0; shape.has_bias && i < shape.num_members * shape.num_out(layer); ++i) parameters[count(shape.bias[layer] + i)] = 0.1f * normal_(random_);
    }
  }

  std::mt19937 random_;
  std::normal_distribution<float> normal_;
};

/// What the oracle says of a problem.
struct MlpExpected {
  std::vector<double> rewards;     ///< [num_members, row_capacity]
  std::vector<double> gradients;   ///< [num_parameters]
  std::vector<double> grad_features;  ///< [num_steps, feature_dim]
};

template <typename Feature>
MlpExpected expected_of(const MlpProblem<Feature>& problem, testing::Rounding rounding, bool with_gradients) {
  const RewardArchitecture& architecture = problem.in.architecture;
  const testing::MlpOracle oracle(architecture, {problem.parameters.begin(), problem.parameters.end()}, std::move(rounding), !problem.formula().has_bit_slopes());
  const reference::DropoutMask mask = problem.mask();
  MlpExpected expected;
  expected.rewards.assign(count(architecture.num_members * problem.row_capacity()), 0);
  expected.gradients.assign(problem.parameters.size(), 0);
  const std::int64_t dim = architecture.feature_dim;
  expected.grad_features.assign(count(problem.in.num_steps * dim), 0);
  for (std::int64_t e = 0; e < architecture.num_members; ++e)
    for (std::int64_t r = 0; r < problem.rows_of(e); ++r) {
      const std::int64_t step = problem.step_of(e, r);
      const std::size_t at = count(e * problem.row_capacity() + r);
      reference::UnitFactor factor;
      if (mask) factor = [&mask, e, step](std::int64_t layer, std::int64_t unit) { return mask(e, layer, step, unit); };
      const testing::MlpOracle::Pass pass = oracle.forward(e, problem.row(step), factor);
      expected.rewards[at] = pass.reward;
      const double grad = static_cast<double>(problem.grad_rewards[at]);
      const double scale = problem.grad_scale.empty() ? 1 : static_cast<double>(problem.grad_scale[count(e)]);
      if (with_gradients && grad != 0) {
        // The scale comes last, as in the kernels: otherwise gradients are rounded elsewhere
        std::vector<double> gradients(expected.gradients.size(), 0), grad_row(count(dim), 0);
        oracle.add_gradient(pass, e, grad, gradients, grad_row);
        for (std::size_t i = 0; i < gradients.size(); ++i) expected.gradients[i] += scale * gradients[i];
        for (std::int64_t i = 0; i < dim; ++i)
          expected.grad_features[count(step * dim + i)] += scale * grad_row[count(i)] / (problem.in.is_standardised ? static_cast<double>(problem.std_dev[count(i)]) : 1);
      }
    }
  return expected;
}

/// The smallest tiles that have every part of the kernels: two warps, each with more columns than one, few rows. Cases about anything but tiles run on them.
template <class Operands>
using TinyChain = cuda::ChainTile<Operands, cuda::ChainNumbers{64, 16, 2, 1, 32, 3}>;
template <class Operands>
using TinyWeightGrad = cuda::WeightGradTile<Operands, 32, 32, 2, 2, 3>;

/// The kernels of one precision and tile on a problem. Everything that a kernel must write is uninitialised before.
template <class Chain, typename Feature = float>
class MlpRun {
 public:
  using Operands = typename Chain::Operands;
  using Element = typename Operands::Element;

  explicit MlpRun(const MlpProblem<Feature>& problem)
      : problem_(problem), shape_(problem.shape), members_(problem.shape.num_members), capacity_(problem.row_capacity()), tiles_(Chain::num_tiles(capacity_)), d_parameters_(problem.parameters),
        d_packed_(count(members_ * shape_.packed_size)), d_first_(problem.first), d_second_(problem.second), d_mean_(problem.mean), d_std_(problem.std_dev), d_steps_(padded_steps()),
        d_num_rows_(problem.in.rows_of_member.empty() ? std::vector<std::int64_t>{problem.num_rows} : problem.in.rows_of_member),
        d_inputs_(count((problem.in.rows_of_member.empty() ? 1 : members_) * capacity_ * shape_.padded_width[0])), d_hidden_(count(members_ * capacity_ * shape_.hidden_columns)),
        d_grad_hidden_(d_hidden_.size()), d_slopes_(count(members_ * shape_.num_hidden * tiles_ * Chain::slope_bytes(problem.formula().has_bit_slopes()))), d_raw_(count(members_ * capacity_)),
        d_rewards_(d_raw_.size(), unwritten), d_grad_rewards_(problem.grad_rewards), d_grad_raw_(d_raw_.size()), d_grad_scale_(problem.grad_scale),
        d_partial_(count(problem.in.num_splits * shape_.num_parameters)), d_gradients_(count(shape_.num_parameters)) {
    cuda::PackWeightsParams p;
    p.shape = shape_;
    p.parameters = d_parameters_.get();
    p.packed = d_packed_.get();
    using Tile = cuda::MlpElementsTile;
    launch(cuda::pack_weights_kernel<Tile, Operands>, dim3(static_cast<unsigned>((shape_.packed_size + Tile::num_threads - 1) / Tile::num_threads), static_cast<unsigned>(members_)), Tile::num_threads,
           0, p);
  }

  /// Keeps everything for the backward pass, or nothing.
  void forward(bool keeps) {
    cuda::MlpForwardParams p;
    p.shape = shape_;
    p.formula = problem_.formula();
    p.rows = rows();
    p.parameters = d_parameters_.get();
    p.packed = d_packed_.get();
    if (keeps) p.kept = kept();
    p.rewards = d_rewards_.get();
    if (tiles_ == 0) return;  // an empty grid is no launch
    launch(cuda::mlp_forward_kernel<Chain>, chain_grid(), Chain::num_threads, sizeof(typename Chain::SharedStorage), p);
  }

  void backward() {
    cuda::MlpBackwardParams p;
    p.shape = shape_;
    p.formula = problem_.formula();
    p.rows = rows();
    p.parameters = d_parameters_.get();
    p.packed = d_packed_.get();
    p.kept = kept();
    p.grad_rewards = d_grad_rewards_.get();
    p.grad_raw = d_grad_raw_.get();
    p.grad_hidden = d_grad_hidden_.get();
    if (tiles_ == 0) return;
    launch(cuda::mlp_backward_kernel<Chain>, chain_grid(), Chain::num_threads, sizeof(typename Chain::SharedStorage), p);
  }

  template <class Tile>
  std::vector<float> weight_grad() {
    cuda::MlpWeightGradParams p;
    p.shape = shape_;
    p.rows = rows();
    p.kept = kept();
    p.grad_raw = d_grad_raw_.get();
    p.grad_hidden = d_grad_hidden_.get();
    p.num_splits = problem_.in.num_splits;
    p.partial = d_partial_.get();
    p.grad_scale = problem_.grad_scale.empty() ? nullptr : d_grad_scale_.get();
    p.gradients = d_gradients_.get();
    const dim3 grid(static_cast<unsigned>(cuda::weight_grad_blocks<Tile>(shape_)), static_cast<unsigned>(p.num_splits), static_cast<unsigned>(members_));
    launch(cuda::mlp_weight_grad_kernel<Tile>, grid, Tile::num_threads, sizeof(typename Tile::SharedStorage), p);
    using Elements = cuda::MlpElementsTile;
    launch(cuda::mlp_reduce_grad_kernel<Elements>, static_cast<unsigned>((shape_.num_parameters + Elements::num_threads - 1) / Elements::num_threads), Elements::num_threads, 0, p);
    return d_gradients_.to_host();
  }

  /// [num_steps, feature_dim]: 0 for steps in no row, as the host leaves them before the launch.
  std::vector<float> grad_features() {
    using Tile = cuda::GradFeaturesTile<Operands>;
    const std::int64_t dim = shape_.width[0], first_dim = problem_.in.first_dim, second_dim = dim - first_dim, num_steps = problem_.in.num_steps;
    const Buffer<float> d_grad_first(count(num_steps * first_dim), 0.0f), d_grad_second(count(num_steps * second_dim), 0.0f);
    cuda::MlpGradFeaturesParams p;
    p.shape = shape_;
    p.rows = rows();
    p.packed = d_packed_.get();
    p.grad_raw = d_grad_raw_.get();
    p.grad_hidden = d_grad_hidden_.get();
    p.grad_scale = problem_.grad_scale.empty() ? nullptr : d_grad_scale_.get();
    p.grad_first = d_grad_first.get();
    p.grad_second = second_dim > 0 ? d_grad_second.get() : nullptr;
    const dim3 grid(static_cast<unsigned>((capacity_ + Tile::rows - 1) / Tile::rows), static_cast<unsigned>((dim + Tile::columns - 1) / Tile::columns));
    const bool take_turns = !problem_.in.rows_of_member.empty();
    for (int turn = 0; capacity_ > 0 && turn < (take_turns ? members_ : 1); ++turn) {
      if (take_turns) p.only_member = turn;
      launch(cuda::mlp_grad_features_kernel<Tile>, grid, Tile::num_threads, sizeof(typename Tile::SharedStorage), p);
    }
    const std::vector<float> first = d_grad_first.to_host(), second = d_grad_second.to_host();
    std::vector<float> both;
    for (std::int64_t step = 0; step < num_steps; ++step) {
      both.insert(both.end(), first.begin() + step * first_dim, first.begin() + (step + 1) * first_dim);
      both.insert(both.end(), second.begin() + step * second_dim, second.begin() + (step + 1) * second_dim);
    }
    return both;
  }

  /// Of the rows that exist; 0 elsewhere, where nothing may have been written.
  std::vector<float> rewards() const {
    std::vector<float> rewards = d_rewards_.to_host();
    for (std::int64_t e = 0; e < members_; ++e)
      for (std::int64_t row = problem_.rows_of(e); row < capacity_; ++row) {
        float& reward = rewards[count(e * capacity_ + row)];
        EXPECT_EQ(reward, unwritten) << "row " << row << " of member " << e << " does not exist";
        reward = 0;
      }
    return rewards;
  }

 private:
  static constexpr float unwritten = -12345;

  std::vector<std::int64_t> padded_steps() const {  // [lists, row_capacity]; spare entries lead nowhere
    std::vector<std::int64_t> steps;
    if (problem_.in.steps.empty()) return steps;
    const std::int64_t lists = problem_.in.rows_of_member.empty() ? 1 : members_;
    for (std::int64_t list = 0; list < lists; ++list) {
      for (std::int64_t row = 0; row < problem_.num_rows; ++row) steps.push_back(problem_.step_of(list, row));
      steps.insert(steps.end(), count(problem_.in.spare_rows), std::int64_t{1} << 50);
    }
    return steps;
  }

  cuda::MlpRows rows() const {
    cuda::MlpRows rows;
    const bool is_told_on_device = problem_.in.spare_rows > 0 || !problem_.in.rows_of_member.empty();
    if (is_told_on_device) rows.device_num_rows = d_num_rows_.get();
    else rows.num_rows = problem_.num_rows;
    if (!problem_.in.steps.empty()) rows.steps = d_steps_.get();
    rows.per_member = !problem_.in.rows_of_member.empty();
    rows.row_capacity = capacity_;
    static_cast<cuda::MlpFeatures&>(rows) = problem_.features(d_first_.get(), d_second_.get(), d_mean_.get(), d_std_.get());
    return rows;
  }
  cuda::MlpKept kept() const { return {d_inputs_.get(), d_hidden_.get(), d_slopes_.get(), d_raw_.get()}; }
  dim3 chain_grid() const { return dim3(static_cast<unsigned>(tiles_), static_cast<unsigned>(members_)); }

  const MlpProblem<Feature>& problem_;
  cuda::MlpShape shape_;
  std::int64_t members_, capacity_, tiles_;
  Buffer<float> d_parameters_;
  Buffer<Element> d_packed_;
  Buffer<Feature> d_first_, d_second_;
  Buffer<float> d_mean_, d_std_;
  Buffer<std::int64_t> d_steps_, d_num_rows_;
  Buffer<Element> d_inputs_, d_hidden_, d_grad_hidden_;
  Buffer<unsigned char> d_slopes_;
  Buffer<float> d_raw_, d_rewards_, d_grad_rewards_, d_grad_raw_, d_grad_scale_, d_partial_, d_gradients_;
};

/// NaN where the oracle has it; else within the bound of 1 + |reward|.
inline void expect_rewards(const std::vector<float>& actual, const std::vector<double>& expected, double bound) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    if (std::isnan(expected[i])) EXPECT_TRUE(std::isnan(actual[i])) << "reward " << i << " is " << actual[i];
    else EXPECT_NEAR(actual[i], expected[i], bound * (1 + std::fabs(expected[i]))) << "reward " << i;
  }
}

inline double largest_of(const std::vector<double>& values, std::int64_t begin, std::int64_t size) {
  double largest = 0;
  for (std::int64_t i = begin; i < begin + size; ++i) largest = std::max(largest, std::fabs(values[count(i)]));
  return largest;
}

/// The elements [begin, begin + size) are no farther off than `error`.
inline void expect_within(const std::vector<float>& actual, const std::vector<double>& expected, std::int64_t begin, std::int64_t size, double error, const std::string& what) {
  double worst = 0;
  std::int64_t worst_at = begin;
  for (std::int64_t i = begin; i < begin + size; ++i) {
    const double distance = std::fabs(static_cast<double>(actual[count(i)]) - expected[count(i)]);
    if (!(distance <= worst) && !std::isnan(worst)) worst = distance, worst_at = i;  // the first NaN stays
  }
  EXPECT_LE(worst, error) << what << " [" << worst_at - begin << "]: " << actual[count(worst_at)] << " for " << expected[count(worst_at)];
}

/// Every weight and bias within the bound of its layer's and member's largest gradient. A bias counts among the weights, as one of an input that is always 1:
/// that of the output would be judged by its own size alone otherwise, which is nothing where the gradients of rewards cancel.
inline void expect_gradients(const cuda::MlpShape& shape, const std::vector<float>& actual, const std::vector<double>& expected, double bound) {
  ASSERT_EQ(actual.size(), expected.size());
  for (int layer = 0; layer <= shape.num_hidden; ++layer)
    for (std::int64_t e = 0; e < shape.num_members; ++e) {
      const std::string member = " of layer " + std::to_string(layer) + ", member " + std::to_string(e);
      const std::int64_t weight = shape.weight_of(layer, e), num_weights = std::int64_t{shape.num_out(layer)} * shape.width[layer];
      const std::int64_t bias = shape.bias_of(layer, e), num_biases = shape.has_bias ? shape.num_out(layer) : 0;
      const double error = bound * std::max(largest_of(expected, weight, num_weights), largest_of(expected, bias, num_biases));
      expect_within(actual, expected, weight, num_weights, error, "weight" + member);
      if (num_biases > 0) expect_within(actual, expected, bias, num_biases, error, "bias" + member);
    }
}

/// Every feature within the bound of its step's largest gradient.
inline void expect_grad_features(const std::vector<float>& actual, const std::vector<double>& expected, std::int64_t dim, double bound) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::int64_t begin = 0; begin < static_cast<std::int64_t>(actual.size()); begin += dim)
    expect_within(actual, expected, begin, dim, bound * largest_of(expected, begin, dim), "features of step " + std::to_string(begin / dim));
}

}  // namespace segpref::simt
