#include "tests/support/preference_outputs.hpp"

#include <algorithm>
#include <cmath>

namespace segpref::testing {

::testing::AssertionResult within_ulps(const std::string& name, const HostTensor& actual, const std::vector<double>& expected,
                                       const std::vector<double>& units, double ulps, double epsilon, WorstUlps& worst_met, Bound rounding) {
  if (!actual.present()) return ::testing::AssertionSuccess();
  const auto failure = [&] { return ::testing::AssertionFailure() << name; };
  if (actual.size() != static_cast<std::int64_t>(expected.size()) || expected.size() != units.size())
    return failure() << " has " << actual.size() << " elements; the oracle " << expected.size() << ", with " << units.size() << " units";
  if (!actual.guards_intact()) return failure() << ": something was written outside of it";
  const double underflow = actual.dtype() == DType::f64 ? 0x1p-1022 : actual.dtype() == DType::f16 ? 0 : 0x1p-126;
  double worst_excess = 0;
  std::int64_t worst = -1;
  for (std::int64_t i = 0; i < actual.size(); ++i) {
    const double a = actual[i], e = expected[static_cast<std::size_t>(i)], unit = epsilon * units[static_cast<std::size_t>(i)];
    const bool same_kind = std::isnan(a) == std::isnan(e) && std::isinf(a) == std::isinf(e) && (!std::isinf(a) || a == e);
    if (!same_kind) return failure() << "[" << i << "] is " << a << ", the oracle says " << e;
    if (!std::isfinite(e)) continue;
    // Numbers below the normal ones have fewer digits, or are 0.
    const double error = std::max(0.0, std::fabs(a - e) - rounding.absolute - rounding.relative * std::fabs(e) - underflow);
    if (unit > 0) worst_met[name] = std::max(worst_met[name], error / unit);
    if (error - ulps * unit > worst_excess) worst_excess = error - ulps * unit, worst = i;
  }
  if (worst < 0) return ::testing::AssertionSuccess();
  const auto at = static_cast<std::size_t>(worst);
  return failure() << "[" << worst << "] is " << actual[worst] << ", the oracle says " << expected[at] << ": beyond " << ulps << " ulps of " << units[at]
                   << " by " << worst_excess;
}

Bound rounding_of(DType dtype) {
  switch (dtype) {
    case DType::bf16: return {0x1p-8, 0};
    case DType::f16: return {0x1p-11, 0x1p-25};  // half of the smallest subnormal
    default: return {};
  }
}

double epsilon_of(DType real) { return real == DType::f64 ? 0x1p-52 : 0x1p-23; }

template <typename Real>
PreferenceOutputs::PreferenceOutputs(const Problem<Real>& problem, std::int64_t lead) : real_(dtype_of<Real>::value) {
  const std::int64_t members = problem.reference.num_members, pairs = problem.num_batch_pairs();
  const auto segments = static_cast<std::int64_t>(problem.reference.segments.size());
  const auto make = [&](std::vector<std::int64_t> shape) { return HostTensor(real_, std::move(shape), dirt, lead); };
  if (problem.reference.reduction != reference::Reduce::none) loss = make({members});
  loss_per_pair = make({members, pairs});
  scores = make({members, segments});
  logits = make({members, pairs});
  metrics = HostTensor(DType::f64, {members, num_metrics}, dirt, lead);
  if (problem.reference.ties != reference::Ties::none) grad_tie_parameter = make({problem.shape().scalar_tie ? 1 : members});
}
template PreferenceOutputs::PreferenceOutputs(const Problem<float>&, std::int64_t);
template PreferenceOutputs::PreferenceOutputs(const Problem<double>&, std::int64_t);

PreferenceResult PreferenceOutputs::views() {
  return {loss.view(), loss_per_pair.view(), scores.view(), logits.view(), metrics.view(), grad_tie_parameter.view()};
}

void PreferenceOutputs::expect(const reference::PreferenceSolution& expected, const ErrorUnits& units, const Bounds& bounds, WorstUlps& worst) const {
  const double epsilon = epsilon_of(real_);
  EXPECT_TRUE(within_ulps("loss", loss, expected.loss, units.loss, bounds.losses, epsilon, worst));
  EXPECT_TRUE(within_ulps("loss_per_pair", loss_per_pair, flatten(expected.loss_per_pair), units.loss_per_pair, bounds.losses, epsilon, worst));
  EXPECT_TRUE(within_ulps("scores", scores, flatten(expected.scores), units.scores, bounds.scores, epsilon, worst));
  EXPECT_TRUE(within_ulps("logits", logits, flatten(expected.logits), units.logits, bounds.logits, epsilon, worst));

  std::vector<double> tie = expected.grad_tie_parameter, tie_units = units.grad_tie_parameter;
  if (grad_tie_parameter.size() == 1)  // shared by the members, which are summed
    for (std::vector<double>* values : {&tie, &tie_units}) {
      for (std::size_t e = 1; e < values->size(); ++e) (*values)[0] += (*values)[e];
      values->resize(1);
    }
  EXPECT_TRUE(within_ulps("grad_tie_parameter", grad_tie_parameter, tie, tie_units, bounds.gradients, epsilon, worst));

  std::vector<double> rows, row_units = units.metrics;
  for (const reference::Metrics& m : expected.metrics)
    rows.insert(rows.end(), {m.weight_sum, m.loss_sum, m.centering_sum, m.num_judged, m.num_correct, m.gap_sum, m.num_skipped});
  HostTensor sums = metrics;
  for (std::size_t i = metric_num_correct; metrics.present() && i < rows.size(); i += num_metrics) {  // a count: exact but for the uncertain pairs
    EXPECT_LE(std::fabs(metrics[static_cast<std::int64_t>(i)] - rows[i]), row_units[i]) << "num_correct of member " << i / num_metrics;
    sums.set(static_cast<std::int64_t>(i), rows[i]);
    row_units[i] = 0;
  }
  EXPECT_TRUE(within_ulps("metrics", sums, rows, row_units, bounds.losses, epsilon, worst));
}

bool PreferenceOutputs::same_bits(const PreferenceOutputs& other) const {
  return loss.same_bits(other.loss) && loss_per_pair.same_bits(other.loss_per_pair) && scores.same_bits(other.scores) && logits.same_bits(other.logits) &&
         metrics.same_bits(other.metrics) && grad_tie_parameter.same_bits(other.grad_tie_parameter);
}

}  // namespace segpref::testing
