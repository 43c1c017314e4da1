#include "host/reference_backend/convert.hpp"

#include <cmath>
#include <numeric>

#include "kernels/math/half.hpp"

namespace segpref::reference_backend {
namespace {

double element(const ConstTensorView& view, std::int64_t position) {
  switch (view.dtype) {
    case DType::f32: return static_cast<double>(static_cast<const float*>(view.data)[position]);
    case DType::f64: return static_cast<const double*>(view.data)[position];
    case DType::bf16: return static_cast<double>(math::to_f32(static_cast<const bf16*>(view.data)[position]));
    case DType::f16: return static_cast<double>(math::to_f32(static_cast<const f16*>(view.data)[position]));
    default: throw Error(ErrorCode::internal, "the reference back end was given integers for numbers");
  }
}

void put(const TensorView& view, std::int64_t position, double value) {
  switch (view.dtype) {
    case DType::f32: static_cast<float*>(view.data)[position] = static_cast<float>(value); return;
    case DType::f64: static_cast<double*>(view.data)[position] = value; return;
    case DType::bf16: static_cast<bf16*>(view.data)[position] = math::from_real<bf16>(value); return;
    case DType::f16: static_cast<f16*>(view.data)[position] = math::from_real<f16>(value); return;
    default: throw Error(ErrorCode::internal, "the reference back end was given integers for numbers");
  }
}

}  // namespace

Rows rows_of(const ConstTensorView& view) {
  const bool one_row = view.rank == 1;
  const std::int64_t num_rows = one_row ? 1 : view.shape[0], num_columns = view.shape[one_row ? 0 : 1];
  Rows rows(static_cast<std::size_t>(num_rows));
  for (std::int64_t row = 0; row < num_rows; ++row)
    for (std::int64_t column = 0; column < num_columns; ++column)
      rows[static_cast<std::size_t>(row)].push_back(element(view, (one_row ? 0 : row * view.strides[0]) + column));
  return rows;
}

Row values_of(const ConstTensorView& view) {
  Row values;
  for (std::int64_t i = 0; i < view.size(); ++i) values.push_back(element(view, i));
  return values;
}

void store(const TensorView& view, const Row& values) {
  for (std::int64_t i = 0; i < view.size(); ++i) put(view, i, values[static_cast<std::size_t>(i)]);
}

void store(const TensorView& view, const Rows& rows) {
  if (!view.present()) return;
  std::int64_t position = 0;
  for (const Row& row : rows)
    for (double value : row) put(view, position++, value);
}

std::vector<reference::Segment> segments_of(const cpu::Batch& batch) {
  std::vector<reference::Segment> segments;
  for (std::int64_t s = 0; s < batch.num_segments; ++s) segments.push_back({batch.segment_begin(s), batch.segment_end(s)});
  return segments;
}

reference::PreferenceProblem problem_of(const cpu::Batch& batch, const PreferenceOptions& options) {
  reference::PreferenceProblem problem;
  problem.num_members = batch.num_members;
  problem.num_steps = batch.num_steps;
  problem.segments = segments_of(batch);
  for (std::int64_t pair = 0; pair < batch.num_pairs; ++pair) {
    problem.pairs.push_back({batch.segment_of(pair, 0), batch.segment_of(pair, 1)});
    problem.labels.push_back(batch.labels(0, pair));
  }
  for (std::int64_t member = 0; member < batch.num_members; ++member) {
    std::vector<std::int64_t> order;
    for (std::int64_t k = 0; k < batch.num_batch_pairs; ++k) order.push_back(batch.pair_at(member, k));
    Row weights, margins;
    for (std::int64_t pair = 0; pair < batch.num_pairs; ++pair) {
      weights.push_back(batch.weights(member, pair));
      margins.push_back(batch.margins(member, pair));
    }
    problem.pair_order.push_back(order);
    problem.weights.push_back(weights);
    problem.margins.push_back(margins);
  }
  problem.aggregation = static_cast<reference::Aggregate>(options.aggregation);
  problem.discount = options.discount;
  problem.temperature = options.temperature;
  problem.clip = options.clip;
  problem.smoothing = options.smoothing;
  problem.lapse = options.lapse;
  problem.centering = options.centering;
  problem.ties = static_cast<reference::Ties>(options.tie_model);
  if (options.tie_parameter.present()) {
    problem.tie_parameter = values_of(options.tie_parameter);
    if (options.tie_parameter.size() == 1) problem.tie_parameter.resize(static_cast<std::size_t>(batch.num_members), problem.tie_parameter[0]);
  }
  problem.reduction = static_cast<reference::Reduce>(options.reduction);
  problem.normalizer = options.normalizer;
  problem.skip_nonfinite = options.nonfinite == NonFinite::skip;
  return problem;
}

void store_result(const PreferenceResult& result, const reference::PreferenceSolution& solution) {
  store(result.loss, solution.loss);
  store(result.loss_per_pair, solution.loss_per_pair);
  store(result.logits, solution.logits);
  Rows metrics;
  for (const reference::Metrics& m : solution.metrics)
    metrics.push_back({m.weight_sum, m.loss_sum, m.centering_sum, m.num_judged, m.num_correct, m.gap_sum, m.num_skipped});
  store(result.metrics, metrics);
  Row grad_ties = solution.grad_tie_parameter;
  if (result.grad_tie_parameter.size() == 1) grad_ties = {std::accumulate(grad_ties.begin(), grad_ties.end(), 0.0)};  // one parameter shared by all
  store(result.grad_tie_parameter, grad_ties);
}

std::vector<bool> counted_segments(const reference::PreferenceProblem& problem, const reference::PreferenceSolution& solution, std::size_t member) {
  std::vector<bool> counted(problem.segments.size(), false);
  const Row& scores = solution.scores[member];
  for (std::int64_t pair : problem.pair_order[member]) {
    const auto p = static_cast<std::size_t>(pair);
    const auto first = static_cast<std::size_t>(problem.pairs[p].first), second = static_cast<std::size_t>(problem.pairs[p].second);
    const bool skipped = problem.skip_nonfinite && !(std::isfinite(scores[first]) && std::isfinite(scores[second]));
    if (problem.weights[member][p] > 0 && !skipped) counted[first] = counted[second] = true;
  }
  return counted;
}

}  // namespace segpref::reference_backend
