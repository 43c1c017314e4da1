#include "tests/support/mlp_case.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "host/reference_backend/mlp_model.hpp"
#include "kernels/reference/dropout.hpp"

namespace segpref::testing {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// A pre-activation this near the kink of relu or leaky_relu, relative to its terms, may fall on either side in f32, with another slope.
constexpr double kink_distance = 5e-6;

}  // namespace

std::string describe(const MlpSettings& s) {
  const RewardArchitecture& a = s.architecture;
  return fmt::format("feature_dim={} hidden={} members={} activation={} leaky_slope={:.9g} output={}{} bias={} dropout={}{} tensors={} standardised={} features={} padding={}",
                     a.feature_dim, fmt::join(a.hidden, "-"), a.num_members, static_cast<int>(a.activation), a.leaky_slope, static_cast<int>(a.output),
                     a.output_scaled ? " scaled" : "", a.bias, a.dropout, s.dropout.training ? " training" : "", s.two_tensors ? 2 : 1, s.standardised,
                     name_of(s.features), s.row_padding);
}

bool MlpOutputs::same_bits(const MlpOutputs& other) const {
  return preference.same_bits(other.preference) && parameters.same_bits(other.parameters) && features_first.same_bits(other.features_first) &&
         features_second.same_bits(other.features_second) && step_rewards.same_bits(other.step_rewards);
}

template <typename Real>
MlpCase<Real>::MlpCase(const MlpSettings& given, const Problem<Real>& preferences, std::uint64_t seed)
    : settings(given), problem(preferences), model(reference_backend::mlp_model_of(given.architecture)) {
  Draw draw(seed);
  const RewardArchitecture& architecture = settings.architecture;
  const std::int64_t steps = problem.reference.num_steps, dim = architecture.feature_dim;
  for (const ParameterSlot& slot : parameter_layout(architecture)) {
    // Weights that keep activations of order 1 through any depth.
    const double size = slot.shape.size() == 3 ? 1.5 / std::sqrt(static_cast<double>(slot.shape[2])) : 0.5;
    for (std::int64_t i = 0; i < slot.size; ++i) parameters.push_back(draw.narrow(-size, size));
  }
  parameters_ = HostTensor::of(dtype_of<Real>::value, parameters, settings.lead);

  first_columns_ = settings.two_tensors ? (dim + 1) / 2 : dim;
  const double nan = std::numeric_limits<double>::quiet_NaN();  // between rows is nothing to be read
  first_ = HostTensor(settings.features, {steps, first_columns_ + settings.row_padding}, nan, settings.lead);
  if (settings.two_tensors) second_ = HostTensor(settings.features, {steps, dim - first_columns_ + settings.row_padding}, nan, settings.lead);
  if (settings.standardised) {
    for (std::int64_t i = 0; i < dim; ++i) {
      model.mean.push_back(draw.narrow(-0.5, 0.5));
      model.std.push_back(draw.narrow(0.5, 2));
    }
    mean_ = HostTensor::of(DType::f32, model.mean, settings.lead);
    std_ = HostTensor::of(DType::f32, model.std, settings.lead);
  }
  for (std::int64_t step = 0; step < steps; ++step) draw_row_away_from_kinks(draw, step);
  problem.step_rewards = solution().step_rewards;
}

template <typename Real>
void MlpCase<Real>::draw_row_away_from_kinks(Draw& draw, std::int64_t step) {
  const bool has_kinks = model.hidden == reference::Hidden::relu || model.hidden == reference::Hidden::leaky_relu;
  const reference::DropoutMask dropped = mask();
  const auto near_a_kink = [&] {
    std::vector<double> row;
    for (std::int64_t i = 0; i < settings.architecture.feature_dim; ++i) row.push_back(feature(step, i));
    for (std::int64_t member = 0; member < model.num_members; ++member) {
      reference::UnitFactor factor;
      if (dropped) factor = [&](std::int64_t layer, std::int64_t unit) { return dropped(member, layer, step, unit); };
      for (const auto& [z, size] : mlp_pre_activations(model, parameters, member, row, factor))
        if (std::fabs(z) < kink_distance * size) return true;
    }
    return false;
  };
  do {
    for (std::int64_t i = 0; i < settings.architecture.feature_dim; ++i) set_feature(step, i, draw.narrow(-1, 1));
  } while (has_kinks && near_a_kink());
}

template <typename Real>
void MlpCase<Real>::set_feature(std::int64_t step, std::int64_t column, double value) {
  const bool in_first = column < first_columns_;
  HostTensor& part = in_first ? first_ : second_;
  part.set(step * part.view().shape[1] + (in_first ? column : column - first_columns_), value);
}

template <typename Real>
double MlpCase<Real>::feature(std::int64_t step, std::int64_t column) const {
  const bool in_first = column < first_columns_;
  const HostTensor& part = in_first ? first_ : second_;
  return part[step * part.view().shape[1] + (in_first ? column : column - first_columns_)];
}

template <typename Real>
std::vector<std::vector<double>> MlpCase<Real>::rows() const {
  std::vector<std::vector<double>> all;
  for (std::int64_t step = 0; step < problem.reference.num_steps; ++step) {
    all.emplace_back();
    for (std::int64_t i = 0; i < settings.architecture.feature_dim; ++i) all.back().push_back(feature(step, i));
  }
  return all;
}

template <typename Real>
Features MlpCase<Real>::features() const {
  Features features{first_.view(), second_.view(), mean_.view(), std_.view()};
  features.first.shape[1] = first_columns_;
  if (settings.two_tensors) features.second.shape[1] = settings.architecture.feature_dim - first_columns_;
  return features;
}

template <typename Real>
reference::DropoutMask MlpCase<Real>::mask() const {
  if (!settings.dropout.training || settings.architecture.dropout == 0) return {};
  return reference::dropout_mask({settings.architecture.dropout, settings.dropout.seed, settings.dropout.call});
}

template <typename Real>
double MlpCase<Real>::reward_scale() const {
  const RewardArchitecture& architecture = settings.architecture;
  double scale = architecture.output_scaled ? std::max(1.0, architecture.output_hi - architecture.output_lo) : 1.0;
  if (mask())
    for (std::size_t layer = 0; layer < architecture.hidden.size(); ++layer) scale /= 1 - architecture.dropout;
  return scale;
}

template <typename Real>
reference::MlpSolution MlpCase<Real>::solution() const {
  return mlp_preference_loss(problem.reference, model, parameters, rows(), mask());
}

template <typename Real>
std::vector<std::vector<double>> MlpCase<Real>::predicted_rewards() const {
  std::vector<std::vector<double>> rewards(at(model.num_members));
  const std::vector<std::vector<double>> all = rows();
  for (std::int64_t e = 0; e < model.num_members; ++e)
    for (const std::vector<double>& row : all) rewards[at(e)].push_back(mlp_reward(model, parameters, e, row));
  return rewards;
}

template <typename Real>
MlpOutputs MlpCase<Real>::outputs(const MlpWanted& wanted) const {
  const DType real = dtype_of<Real>::value;
  const std::int64_t steps = problem.reference.num_steps, dim = settings.architecture.feature_dim, lead = settings.lead;
  MlpOutputs made{PreferenceOutputs(problem, lead), {}, {}, {}, {}};
  if (wanted.parameters) made.parameters = HostTensor(real, {static_cast<std::int64_t>(parameters.size())}, dirt, lead);
  if (wanted.first) made.features_first = HostTensor(real, {steps, first_columns_}, dirt, lead);
  if (wanted.second && settings.two_tensors) made.features_second = HostTensor(real, {steps, dim - first_columns_}, dirt, lead);
  if (wanted.step_rewards) made.step_rewards = HostTensor(real, {model.num_members, steps}, dirt, lead);
  return made;
}

template <typename Real>
void MlpCase<Real>::run(Backend& backend, int num_threads, MlpOutputs& outputs) const {
  PreferenceCapacity capacity;
  capacity.num_steps = problem.reference.num_steps;
  capacity.num_segments = static_cast<std::int64_t>(problem.reference.segments.size());
  capacity.num_pairs = static_cast<std::int64_t>(problem.reference.pairs.size());
  capacity.num_batch_pairs = problem.num_batch_pairs();
  capacity.dtype = dtype_of<Real>::value;
  capacity.device = backend.device();
  run(backend, num_threads, MlpLossPlan(settings.architecture, capacity, num_threads), outputs);
}

template <typename Real>
void MlpCase<Real>::run(Backend& backend, int num_threads, const MlpLossPlan& plan, MlpOutputs& outputs) const {
  mlp_preference_loss(backend.context(num_threads), plan, backend.input(parameters_.view()), backend.inputs(features()),
                      backend.inputs(problem.batch()), backend.inputs(problem.options()), backend.outputs(outputs.preference.views()),
                      {backend.output(outputs.parameters.view()), backend.output(outputs.features_first.view()), backend.output(outputs.features_second.view())},
                      settings.dropout, backend.output(outputs.step_rewards.view()), backend.workspace(plan.workspace_bytes()));
  backend.finish();
}

template <typename Real>
void MlpCase<Real>::expect_agreement(const MlpOutputs& outputs, WorstUlps& worst) const {
  const reference::PreferenceProblem& preferences = problem.reference;
  reference::MlpSolution expected = solution();
  const std::size_t members = at(model.num_members), steps = at(preferences.num_steps), dim = at(settings.architecture.feature_dim);

  // A reward is 0 where no counted pair of the member reaches the step, a score where no pair of the member has the segment.
  std::vector<std::vector<double>> rewards(members, std::vector<double>(steps, 0)), reward_units(members, std::vector<double>(steps, 0));
  for (std::size_t e = 0; e < members; ++e) {
    std::vector<double> scores(preferences.segments.size(), 0);
    for (std::int64_t p : preferences.pair_order[e]) {
      const reference::Pair& pair = preferences.pairs[at(p)];
      const double score[] = {expected.preference.scores[e][at(pair.first)], expected.preference.scores[e][at(pair.second)]};
      const bool counted = preferences.weights[e][at(p)] > 0 && (!preferences.skip_nonfinite || (std::isfinite(score[0]) && std::isfinite(score[1])));
      for (std::int64_t segment : {pair.first, pair.second}) {
        scores[at(segment)] = expected.preference.scores[e][at(segment)];
        const auto [begin, end] = preferences.segments[at(segment)];
        for (std::int64_t t = begin; counted && t < end; ++t) rewards[e][at(t)] = expected.step_rewards[e][at(t)];
      }
    }
    // A segment whose pairs all have weight 0 may be left out or scored.
    const std::size_t row = e * scores.size();
    for (std::size_t s = 0; outputs.preference.scores.present() && s < scores.size(); ++s)
      if (outputs.preference.scores[static_cast<std::int64_t>(row + s)] == 0) {
        const bool weighted = std::any_of(preferences.pair_order[e].begin(), preferences.pair_order[e].end(), [&](std::int64_t p) {
          const reference::Pair& pair = preferences.pairs[at(p)];
          return preferences.weights[e][at(p)] > 0 && (at(pair.first) == s || at(pair.second) == s);
        });
        if (!weighted) scores[s] = 0;
      }
    expected.preference.scores[e] = scores;
    for (std::size_t t = 0; t < steps; ++t) {
      const double reward = expected.step_rewards[e][t];
      reward_units[e][t] = (std::isfinite(reward) ? 1 + std::fabs(reward) : 1) * reward_scale();
    }
  }

  // A gradient is a sum over steps of (gradient of the step reward) x (derivative of the reward, of order reward_scale).
  const ErrorUnits units = error_units(preferences, reward_units, expected.preference);
  std::vector<double> parameter_units, first_units, second_units, first, second;
  const std::vector<ParameterSlot> slots = parameter_layout(settings.architecture);
  std::vector<double> of_member(members, 0), of_step(steps, 0);
  for (std::size_t e = 0; e < members; ++e)
    for (std::size_t t = 0; t < steps; ++t) {
      of_member[e] += units.grad_step_rewards[e][t] * reward_scale();
      of_step[t] += units.grad_step_rewards[e][t] * reward_scale();
    }
  for (const ParameterSlot& slot : slots)
    for (std::int64_t i = 0; i < slot.size; ++i) parameter_units.push_back(of_member[at(i / (slot.size / model.num_members))]);
  for (std::size_t t = 0; t < steps; ++t)
    for (std::size_t i = 0; i < dim; ++i) {
      const bool in_first = i < at(first_columns_);
      (in_first ? first : second).push_back(expected.grad_features[t][i]);
      (in_first ? first_units : second_units).push_back(of_step[t] / (model.std.empty() ? 1 : model.std[i]));
    }

  const Bounds& bounds = mlp_preference_loss_bounds;
  const double epsilon = epsilon_of(dtype_of<Real>::value);
  outputs.preference.expect(expected.preference, units, bounds, worst);
  EXPECT_TRUE(within_ulps("step_rewards", outputs.step_rewards, flatten(rewards), flatten(reward_units), bounds.scores, epsilon, worst));
  EXPECT_TRUE(within_ulps("grad_parameters", outputs.parameters, expected.grad_parameters, parameter_units, bounds.gradients, epsilon, worst));
  EXPECT_TRUE(within_ulps("grad_features_first", outputs.features_first, first, first_units, bounds.gradients, epsilon, worst));
  EXPECT_TRUE(within_ulps("grad_features_second", outputs.features_second, second, second_units, bounds.gradients, epsilon, worst));
}

template class MlpCase<float>;
template class MlpCase<double>;

}  // namespace segpref::testing
