#include "tests/support/problems.hpp"

#include <algorithm>
#include <numeric>

namespace segpref::testing {

template <typename Real>
Problem<Real>::Problem(const ProblemShape& shape, unsigned seed) : shape_(shape) {
  std::mt19937 random(seed);
  const auto below = [&](std::int64_t limit) { return std::uniform_int_distribution<std::int64_t>(0, limit - 1)(random); };
  // What the arrays can hold, so that the oracle reads the same numbers.
  const auto stored = [&](double value) { return shape.narrow_reals ? static_cast<double>(static_cast<float>(value)) : static_cast<double>(static_cast<Real>(value)); };
  const auto real = [&](double low, double high) { return stored(std::uniform_real_distribution<double>(low, high)(random)); };
  auto& problem = reference;
  problem.num_members = shape.num_members;

  // Segments: lengths 0 to max_length, unaligned starts, a gap before the first and after the last.
  std::int64_t end = 3;
  for (std::int64_t s = 0; s < shape.num_segments; ++s) {
    const auto choices = static_cast<std::int64_t>(shape.lengths.size());
    const std::int64_t length = choices > 0 ? shape.lengths[static_cast<std::size_t>(below(choices))] : below(shape.max_length + 1);
    problem.segments.push_back({end, end + length});
    end += length;
  }
  problem.num_steps = end + 5;
  if (shape.windows)
    for (reference::Segment& segment : problem.segments) {
      const std::int64_t length = segment.end - segment.begin;
      segment.begin = below(problem.num_steps - length + 1);
      segment.end = segment.begin + length;
    }

  for (std::int64_t p = 0; p < shape.num_pairs; ++p) {
    if (shape.shared_segments) problem.pairs.push_back({below(shape.num_segments), below(shape.num_segments)});
    else problem.pairs.push_back({2 * p, 2 * p + 1});
    const double soft[] = {0, 1, 0.5, stored(0.3), real(0, 1)};
    problem.labels.push_back(soft[below(5)]);
  }
  for (std::int64_t e = 0; e < shape.num_members; ++e) {
    const bool has_order = shape.own_order || shape.shared_order;
    std::vector<std::int64_t> order(static_cast<std::size_t>(has_order && shape.num_batch_pairs >= 0 ? shape.num_batch_pairs : shape.num_pairs));
    std::iota(order.begin(), order.end(), 0);
    if (has_order) {
      for (std::int64_t& pair : order) pair = below(shape.num_pairs);  // with repetitions: a bootstrap
    }
    problem.pair_order.push_back(shape.shared_order && e > 0 ? problem.pair_order[0] : order);
    std::vector<double> weights(static_cast<std::size_t>(shape.num_pairs), 1.0), margins(static_cast<std::size_t>(shape.num_pairs), 0.0);
    for (double& weight : weights) weight = !shape.weights ? 1.0 : below(4) == 0 ? 0.0 : real(0, 2);
    for (double& margin : margins) margin = !shape.margins ? 0.0 : real(0, 1);
    problem.weights.push_back(shape.shared_weights && e > 0 ? problem.weights[0] : weights);
    problem.margins.push_back(shape.shared_margins && e > 0 ? problem.margins[0] : margins);
    std::vector<double> rewards(static_cast<std::size_t>(problem.num_steps));
    for (double& reward : rewards) reward = real(-1, 1);
    step_rewards.push_back(rewards);
  }
  refresh();
}

template <typename Real>
void Problem<Real>::refresh() {
  const auto& problem = reference;
  offsets_.clear(), begins_.clear(), lengths_.clear(), pairs_.clear(), order_.clear();
  labels_.clear(), weights_.clear(), margins_.clear(), tie_parameter_.clear();
  for (const reference::Segment& segment : problem.segments) {
    offsets_.push_back(segment.begin);
    begins_.push_back(segment.begin);
    lengths_.push_back(segment.end - segment.begin);
  }
  offsets_.push_back(problem.segments.empty() ? 0 : problem.segments.back().end);
  for (const reference::Pair& pair : problem.pairs) pairs_.insert(pairs_.end(), {pair.first, pair.second});
  for (const auto& order : problem.pair_order) order_.insert(order_.end(), order.begin(), order.end());
  const auto append = [](std::vector<Real>& to, const std::vector<double>& from) {
    for (double value : from) to.push_back(static_cast<Real>(value));
  };
  append(labels_, problem.labels);
  for (const auto& row : problem.weights) append(weights_, row);
  for (const auto& row : problem.margins) append(margins_, row);
  append(tie_parameter_, problem.tie_parameter);
  const auto to_f32 = [](const std::vector<Real>& from) { return std::vector<float>(from.begin(), from.end()); };
  narrow_labels_ = to_f32(labels_), narrow_weights_ = to_f32(weights_), narrow_margins_ = to_f32(margins_), narrow_tie_parameter_ = to_f32(tie_parameter_);
  const auto narrow = [](const std::vector<std::int64_t>& from) { return std::vector<std::int32_t>(from.begin(), from.end()); };
  narrow_offsets_ = narrow(offsets_), narrow_begins_ = narrow(begins_), narrow_lengths_ = narrow(lengths_);
  narrow_pairs_ = narrow(pairs_), narrow_order_ = narrow(order_);
}

template <typename Real>
PreferenceBatch Problem<Real>::batch() const {
  const std::int64_t members = shape_.num_members;
  const auto index = [&](const std::vector<std::int64_t>& wide, const std::vector<std::int32_t>& narrow) -> ConstTensorView {
    return shape_.wide_indices ? view(wide) : view(narrow);
  };
  PreferenceBatch batch;
  if (shape_.windows) {
    batch.begins = index(begins_, narrow_begins_);
    batch.lengths = index(lengths_, narrow_lengths_);
  } else {
    batch.offsets = index(offsets_, narrow_offsets_);
  }
  if (shape_.shared_segments)
    batch.pairs = shape_.wide_indices ? view(pairs_.data(), {shape_.num_pairs, 2}) : view(narrow_pairs_.data(), {shape_.num_pairs, 2});
  if (shape_.own_order)
    batch.pair_order = shape_.wide_indices ? view(order_.data(), {members, num_batch_pairs()}) : view(narrow_order_.data(), {members, num_batch_pairs()});
  if (shape_.shared_order)
    batch.pair_order = shape_.wide_indices ? view(order_.data(), {num_batch_pairs()}) : view(narrow_order_.data(), {num_batch_pairs()});
  batch.labels = shape_.narrow_reals ? view(narrow_labels_) : view(labels_);
  const auto per_member = [&](const std::vector<Real>& values, const std::vector<float>& narrow_values, bool shared) -> ConstTensorView {
    if (shape_.narrow_reals) return shared ? view(narrow_values.data(), {shape_.num_pairs}) : view(narrow_values.data(), {members, shape_.num_pairs});
    return shared ? view(values.data(), {shape_.num_pairs}) : view(values.data(), {members, shape_.num_pairs});
  };
  if (shape_.weights) batch.weights = per_member(weights_, narrow_weights_, shape_.shared_weights);
  if (shape_.margins) batch.margins = per_member(margins_, narrow_margins_, shape_.shared_margins);
  return batch;
}

template <typename Real>
PreferenceOptions Problem<Real>::options() const {
  const auto& problem = reference;
  PreferenceOptions options;
  options.aggregation = static_cast<Aggregation>(problem.aggregation);
  options.discount = problem.discount;
  options.temperature = problem.temperature;
  options.clip = problem.clip;
  options.smoothing = problem.smoothing;
  options.lapse = problem.lapse;
  options.centering = problem.centering;
  options.tie_model = static_cast<TieModel>(problem.ties);
  if (problem.ties != reference::Ties::none) {
    const std::int64_t extent = shape_.scalar_tie ? 1 : shape_.num_members;
    options.tie_parameter = shape_.narrow_reals ? view(narrow_tie_parameter_.data(), {extent}) : view(tie_parameter_.data(), {extent});
  }
  options.reduction = static_cast<Reduction>(problem.reduction);
  options.normalizer = problem.normalizer;
  options.nonfinite = problem.skip_nonfinite ? NonFinite::skip : NonFinite::propagate;
  return options;
}

template <typename Real>
std::vector<Real> Problem<Real>::flat_rewards() const {
  std::vector<Real> flat;
  for (const auto& row : step_rewards)
    for (double reward : row) flat.push_back(static_cast<Real>(reward));
  return flat;
}

template class Problem<float>;
template class Problem<double>;

}  // namespace segpref::testing
