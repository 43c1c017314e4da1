// A problem of the linear head in device memory, beside the oracle's solution, and the kernels of the family launched as a host would.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>
#include <type_traits>
#include <vector>

#include "kernels/cuda/reward_linear/feature_sums_kernel.cuh"
#include "kernels/cuda/reward_linear/scores_kernels.cuh"
#include "kernels/cuda/reward_linear/step_rewards_kernel.cuh"
#include "kernels/math/half.hpp"
#include "kernels/reference/reward_linear.hpp"
#include "tests/simt/support/kernel_test.hpp"

namespace segpref::simt {

struct LinearShape {
  std::vector<std::int64_t> lengths;
  std::int64_t feature_dim = 5, num_members = 1;
  bool windows = false, wide_indices = true;
  reference::Aggregate aggregation = reference::Aggregate::sum;
  double discount = 1.0;
  std::int64_t padding = 0, shift = 0;       ///< elements behind a row, and before the first
  std::int64_t before = 3, after = 5;        ///< steps outside all segments
  std::int64_t num_pairs = -1;               ///< (0, 1), (2, 3), ...; -1: as many as there are segments for
  bool has_bias = true, shared_bias = false;
  bool skip_nonfinite = false;
  std::int64_t nan_segment = -1;             ///< its features are NaN
  std::int64_t weightless_pair = -1;         ///< counts nothing
};

/// Lengths around a piece and a group of rows, with empty segments between, in a fixed shuffled order.
inline std::vector<std::int64_t> piece_lengths() {
  constexpr std::int64_t p = cuda::rows_per_piece;
  std::vector<std::int64_t> lengths = {0, 1, 2, 7, 8, 9, 0, 0, p - 1, p, p + 1, 3 * p + 5, 0, 2 * p, 3, 5, 0, 1};
  std::shuffle(lengths.begin(), lengths.end(), std::mt19937(4));
  return lengths;
}

inline std::size_t count(std::int64_t n) { return static_cast<std::size_t>(n); }

template <typename Element>
class LinearProblem {
 public:
  using Real = cuda::compute_t<Element>;

  explicit LinearProblem(const LinearShape& s) : shape(s) {
    std::mt19937 random_features(13), random_weights(17);  // two, so that equal heads meet features of any number
    const auto draw = [](std::mt19937& random) { return std::uniform_real_distribution<float>(-1, 1)(random); };
    place_segments();
    const std::int64_t dim = shape.feature_dim;
    std::vector<Element> flat(count(shape.shift + reference.num_steps * row_stride()), math::from_real<Element>(77.0f));  // padding is not 0
    for (std::int64_t t = 0; t < reference.num_steps; ++t) {
      features.emplace_back();
      for (std::int64_t c = 0; c < dim; ++c) {
        Element& x = flat[count(shape.shift + t * row_stride() + c)];
        x = math::from_real<Element>(is_spoilt(t) ? NAN : draw(random_features));
        features.back().push_back(static_cast<double>(math::to_f32(x)));
      }
    }
    std::vector<Real> weight, bias;
    for (std::int64_t m = 0; m < shape.num_members; ++m) {
      model.weight.emplace_back();
      for (std::int64_t c = 0; c < dim; ++c) {
        weight.push_back(static_cast<Real>(draw(random_weights) / std::sqrt(static_cast<float>(dim))));
        model.weight.back().push_back(static_cast<double>(weight.back()));
      }
      if (m == 0 || !shape.shared_bias) bias.push_back(static_cast<Real>(draw(random_weights)));
      model.bias.push_back(shape.has_bias ? static_cast<double>(bias.back()) : 0.0);
    }
    d_features.emplace(flat);
    d_weight.emplace(weight);
    d_bias.emplace(bias);
    expected = reference::linear_preference_loss(reference, model, features);
  }

  std::int64_t num_segments() const { return static_cast<std::int64_t>(reference.segments.size()); }
  std::int64_t num_graded() const { return 2 * static_cast<std::int64_t>(reference.pairs.size()); }
  std::int64_t row_stride() const { return shape.feature_dim + shape.padding; }
  const Element* rows() const { return d_features->get() + shape.shift; }
  bool is_aligned() const { return cuda::rows_are_aligned(rows(), row_stride() * static_cast<std::int64_t>(sizeof(Element))); }

  cuda::FeatureSegments segments() const {
    cuda::FeatureSegments s;
    s.num_steps = reference.num_steps;
    s.num_segments = num_segments();
    if (shape.windows) {
      s.begins = indices(d_begins, d_narrow_begins);
      s.lengths = indices(d_lengths, d_narrow_lengths);
    } else {
      s.offsets = indices(d_offsets, d_narrow_offsets);
    }
    s.aggregation = static_cast<Aggregation>(shape.aggregation);
    s.set_discount(shape.discount);
    s.set_longest_window(shape.lengths.empty() ? 0 : *std::max_element(shape.lengths.begin(), shape.lengths.end()));
    return s;
  }
  cuda::LinearWeights<Real> weights() const {
    return {shape.num_members, shape.feature_dim, d_weight->get(), shape.has_bias ? d_bias->get() : nullptr, shape.shared_bias ? 0 : 1};
  }

  /// The same with every number replaced by its size: what rounding errors are measured with.
  reference::LinearSolution sizes() const {
    const auto absolute = [](auto rows) {
      for (auto& row : rows)
        for (double& x : row) x = std::fabs(x);
      return rows;
    };
    reference::LinearModel sized{absolute(model.weight), model.bias};
    for (double& b : sized.bias) b = std::fabs(b);
    return reference::linear_preference_loss(reference, sized, absolute(features));
  }

  LinearShape shape;
  reference::PreferenceProblem reference;
  reference::LinearModel model;
  std::vector<std::vector<double>> features;
  reference::LinearSolution expected;
  std::vector<std::int64_t> offsets, begins, lengths;
  std::optional<Buffer<Element>> d_features;
  std::optional<Buffer<Real>> d_weight, d_bias;

 private:
  void place_segments() {
    reference.num_members = shape.num_members;
    reference.aggregation = shape.aggregation;
    reference.discount = shape.discount;
    reference.skip_nonfinite = shape.skip_nonfinite;
    std::int64_t end = shape.before;
    for (std::int64_t length : shape.lengths) {
      reference.segments.push_back({end, end + length});
      end += length;
    }
    reference.num_steps = end + shape.after;
    offsets.push_back(shape.before);
    for (std::size_t s = 0; s < reference.segments.size(); ++s) {
      auto& [begin, segment_end] = reference.segments[s];
      if (shape.windows) {  // they overlap, and come in any order
        begin = (reference.num_steps - shape.lengths[s]) * static_cast<std::int64_t>(s % 4) / 4;
        segment_end = begin + shape.lengths[s];
      }
      offsets.push_back(segment_end);
      begins.push_back(begin);
      lengths.push_back(shape.lengths[s]);
    }
    d_offsets.emplace(offsets), d_begins.emplace(begins), d_lengths.emplace(lengths);
    const auto narrow = [](const std::vector<std::int64_t>& from) { return std::vector<std::int32_t>(from.begin(), from.end()); };
    d_narrow_offsets.emplace(narrow(offsets)), d_narrow_begins.emplace(narrow(begins)), d_narrow_lengths.emplace(narrow(lengths));

    const std::int64_t pairs = shape.num_pairs < 0 ? num_segments() / 2 : shape.num_pairs;
    std::vector<std::int64_t> order;
    for (std::int64_t p = 0; p < pairs; ++p) {
      reference.pairs.push_back({2 * p, 2 * p + 1});
      reference.labels.push_back(static_cast<double>(p % 5) / 4);
      order.push_back(p);
    }
    std::vector<double> weights(count(pairs), 1.0);
    if (shape.weightless_pair >= 0) weights[count(shape.weightless_pair)] = 0.0;
    reference.pair_order.assign(count(shape.num_members), order);
    reference.weights.assign(count(shape.num_members), weights);
    reference.margins.assign(count(shape.num_members), std::vector<double>(count(pairs), 0.0));
  }
  bool is_spoilt(std::int64_t step) const {
    if (shape.nan_segment < 0) return false;
    const reference::Segment& segment = reference.segments[count(shape.nan_segment)];
    return step >= segment.begin && step < segment.end;
  }
  kernels::IndexArray indices(const std::optional<Buffer<std::int64_t>>& wide, const std::optional<Buffer<std::int32_t>>& narrow) const {
    return shape.wide_indices ? kernels::IndexArray{wide->get(), true} : kernels::IndexArray{narrow->get(), false};
  }

  std::optional<Buffer<std::int64_t>> d_offsets, d_begins, d_lengths;
  std::optional<Buffer<std::int32_t>> d_narrow_offsets, d_narrow_begins, d_narrow_lengths;
};

/// Sums, scores and rewards of a problem's steps. Work space is uninitialised where no kernel writes.
template <typename Element>
class LinearForward {
 public:
  using Real = cuda::compute_t<Element>;

  /// @param used  [num_segments] or empty: all
  explicit LinearForward(const LinearProblem<Element>& problem, const std::vector<std::uint32_t>& used = {})
      : problem_(problem), segments(problem.segments()), stride(cuda::stride_of_sums(problem.shape.feature_dim)), d_used(used),
        d_sums(count(problem.num_segments() * stride)), d_partial_sums(count(segments.num_partial_sums() * stride)),
        d_scores(count(problem.shape.num_members * problem.num_segments())), d_step_rewards(count(problem.shape.num_members * problem.reference.num_steps)) {
    if (!used.empty()) segments.used = d_used.get();
  }

  void read(bool with_rewards) {
    if (problem_.is_aligned()) read_with<cuda::FeatureTile<Element, true>>(with_rewards);
    else read_with<cuda::FeatureTile<Element, false>>(with_rewards);
  }

  /// Rewards alone, in a reading of their own.
  void read_rewards_alone() {
    if (problem_.is_aligned()) read_alone_with<cuda::FeatureTile<Element, true>>();
    else read_alone_with<cuda::FeatureTile<Element, false>>();
  }

  std::vector<Real> scores() {
    using Tile = cuda::SegmentSumsTile;
    using Results = cuda::LinearResultTile;
    const std::int64_t column_blocks = Tile::column_blocks(problem_.shape.feature_dim), segment_count = segments.num_segments, members = problem_.shape.num_members;
    const Buffer<Real> d_parts(count(column_blocks * members * segment_count));
    cuda::LinearScoresParams<Real> p;
    p.segments = segments;
    p.weights = problem_.weights();
    p.partial_sums = d_partial_sums.get();
    p.sums = d_sums.get();
    p.score_parts = d_parts.get();
    p.scores = d_scores.get();
    launch(cuda::segment_sums_kernel<Tile, Real>, dim3(static_cast<unsigned>(column_blocks * segment_count)), Tile::num_threads, 0, p);
    const auto blocks = static_cast<unsigned>(cuda::blocks_of(segment_count, Results::num_threads));
    launch(cuda::linear_scores_kernel<Results, Tile, Real>, dim3(blocks, static_cast<unsigned>(members)), Results::num_threads, 0, p);
    return d_scores.to_host();
  }

 private:
  const LinearProblem<Element>& problem_;

 public:
  cuda::FeatureSegments segments;
  std::int64_t stride;
  Buffer<std::uint32_t> d_used;
  Buffer<Real> d_sums, d_partial_sums, d_scores, d_step_rewards;

 private:
  cuda::FeatureSumsParams<Element, Real> reading() const {
    cuda::FeatureSumsParams<Element, Real> p;
    p.segments = segments;
    p.weights = problem_.weights();
    p.features = problem_.rows();
    p.row_stride = problem_.row_stride();
    p.sums = d_sums.get();
    p.partial_sums = d_partial_sums.get();
    return p;
  }

  template <class Tile>
  void read_with(bool with_rewards) {
    const auto column_blocks = Tile::column_blocks(problem_.shape.feature_dim);
    if (with_rewards) return read_stretches<Tile>(reading());
    if (segments.windows())
      launch(cuda::window_sums_kernel<Tile, Element, Real>, dim3(static_cast<unsigned>(column_blocks * segments.num_segments), static_cast<unsigned>(segments.pieces_per_window)),
             Tile::num_threads, 0, reading());
    else
      launch(cuda::feature_sums_kernel<Tile, false, Element, Real>, dim3(static_cast<unsigned>(column_blocks * segments.num_stretches())), Tile::num_threads, 0, reading());
  }

  template <class Tile>
  void read_alone_with() {
    cuda::FeatureSumsParams<Element, Real> p = reading();
    p.segments = {};
    p.segments.num_steps = segments.num_steps;
    read_stretches<Tile>(p);
  }

  template <class Tile>
  void read_stretches(cuda::FeatureSumsParams<Element, Real> p) {
    using Results = cuda::LinearResultTile;
    const std::int64_t dim = problem_.shape.feature_dim, members = problem_.shape.num_members, steps = segments.num_steps;
    const Buffer<Real> d_parts(count(Tile::reward_parts(dim) * members * steps));
    p.reward_parts = d_parts.get();
    launch(cuda::feature_sums_kernel<Tile, true, Element, Real>, dim3(static_cast<unsigned>(Tile::column_blocks(dim) * segments.num_stretches())), Tile::num_threads, 0, p);
    cuda::StepRewardsParams<Real> r;
    r.num_steps = steps;
    r.num_parts = Tile::reward_parts(dim);
    r.weights = problem_.weights();
    r.reward_parts = d_parts.get();
    r.step_rewards = d_step_rewards.get();
    launch(cuda::step_rewards_kernel<Results, Real>, dim3(static_cast<unsigned>(cuda::blocks_of(steps, Results::num_threads)), static_cast<unsigned>(members)), Results::num_threads, 0, r);
  }
};

/// Every value within `ulps` roundings of its size; NaN where the oracle has it.
template <typename Element>
void expect_within(const std::vector<cuda::compute_t<Element>>& actual, const std::vector<double>& expected, const std::vector<double>& sizes, double ulps, const char* what) {
  const double epsilon = std::is_same_v<cuda::compute_t<Element>, float> ? 0x1p-23 : 0x1p-52;
  ASSERT_EQ(actual.size(), expected.size()) << what;
  double worst = 0;
  std::size_t at = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const auto got = static_cast<double>(actual[i]);
    ASSERT_EQ(std::isnan(got), std::isnan(expected[i])) << what << " [" << i << "]: " << got << " for " << expected[i];
    if (std::isnan(got)) continue;
    const double difference = std::fabs(got - expected[i]), error = difference == 0 ? 0 : difference / (epsilon * sizes[i]);  // infinite where nothing is added up
    if (!(error <= worst)) worst = error, at = i;
  }
  EXPECT_LE(worst, ulps) << what << ": worst at [" << at << "], " << actual[at] << " for " << expected[at];
}

}  // namespace segpref::simt
