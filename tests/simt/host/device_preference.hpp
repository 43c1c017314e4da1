// A preference problem solved by the public preference_loss on the modelled device, beside the oracle's solution.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "segpref/preference_loss.hpp"
#include "tests/support/backend.hpp"
#include "tests/support/preference_outputs.hpp"

namespace segpref::testing {

/// Everything that a call returns.
struct DeviceSolution {
  PreferenceOutputs outputs;
  HostTensor grad;

  bool same_bits(const DeviceSolution& other) const { return outputs.same_bits(other.outputs) && grad.same_bits(other.grad); }
};

/// Rounds the rewards to `dtype`, so that the oracle reads what the device reads.
template <typename Real>
HostTensor rounded_rewards(Problem<Real>& problem, DType dtype) {
  HostTensor rewards(dtype, {problem.reference.num_members, problem.reference.num_steps});
  std::int64_t at = 0;
  for (auto& row : problem.step_rewards)
    for (double& reward : row) {
      rewards.set(at, reward);
      reward = rewards[at++];
    }
  return rewards;
}

/// A plan that holds the problem and no more. @param max_segment_steps  0: unknown
template <typename Real>
PreferenceLossPlan device_plan(const Problem<Real>& problem, DType dtype, std::int64_t max_segment_steps = 0) {
  PreferenceCapacity capacity{problem.reference.num_members, problem.reference.num_steps, static_cast<std::int64_t>(problem.reference.segments.size()),
                              static_cast<std::int64_t>(problem.reference.pairs.size()), problem.num_batch_pairs(), 0, dtype};
  capacity.max_segment_steps = max_segment_steps;
  capacity.device = backends()[0]->device();
  return PreferenceLossPlan(capacity);
}

template <typename Real>
DeviceSolution solve_on_device(Problem<Real>& problem, DType dtype, const PreferenceLossPlan& plan) {
  Backend& backend = *backends()[0];
  const HostTensor rewards = rounded_rewards(problem, dtype);
  DeviceSolution solution{PreferenceOutputs(problem), HostTensor(dtype, {problem.reference.num_members, problem.reference.num_steps}, dirt)};
  preference_loss(backend.context(1), plan, backend.input(rewards.view()), backend.inputs(problem.batch()), backend.inputs(problem.options()), backend.outputs(solution.outputs.views()),
                  backend.output(solution.grad.view()), backend.workspace(plan.workspace_bytes()));
  backend.finish();
  return solution;
}

template <typename Real>
void expect_oracle(const Problem<Real>& problem, DType dtype, const DeviceSolution& solution) {
  auto sizes = problem.step_rewards;
  for (auto& row : sizes)
    for (double& size : row) size = std::isfinite(size) ? std::fabs(size) : 0;
  const reference::PreferenceSolution expected = reference::preference_loss(problem.reference, problem.step_rewards);
  const ErrorUnits units = error_units(problem.reference, sizes, expected);
  WorstUlps worst;
  solution.outputs.expect(expected, units, preference_loss_bounds, worst);
  EXPECT_TRUE(within_ulps("grad_step_rewards", solution.grad, flatten(expected.grad_step_rewards), flatten(units.grad_step_rewards), preference_loss_bounds.gradients, epsilon_of(dtype), worst,
                          rounding_of(dtype)));
}

}  // namespace segpref::testing
