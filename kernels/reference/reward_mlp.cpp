#include "kernels/reference/reward_mlp.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace segpref::reference {
namespace {

std::size_t at(std::int64_t position) { return static_cast<std::size_t>(position); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

struct Value {
  double value = 0, slope = 0;
};

Value activation(const MlpModel& model, double z) {
  constexpr double pi = 3.14159265358979323846;
  switch (model.hidden) {
    case Hidden::relu: return {z > 0 ? z : 0 * z, z > 0 ? 1.0 : 0.0};  // a non-finite input stays visible
    case Hidden::leaky_relu: return {z > 0 ? z : model.leaky_slope * z, z > 0 ? 1.0 : model.leaky_slope};
    case Hidden::tanh: return {std::tanh(z), 1 / (std::cosh(z) * std::cosh(z))};
    case Hidden::silu: return {z * sigmoid(z), sigmoid(z) * (1 + z * sigmoid(-z))};
    case Hidden::gelu: {
      const double cdf = std::erfc(-z / std::sqrt(2.0)) / 2;
      return {z * cdf, cdf + z * std::exp(-z * z / 2) / std::sqrt(2 * pi)};
    }
  }
  return {};
}

/// Output of the raw value; with `scaled`, lo + (hi - lo) * u, u the output mapped to [0, 1].
Value output(const MlpModel& model, double raw) {
  const double range = model.hi - model.lo;
  switch (model.out) {
    case Out::identity: return {raw, 1};
    case Out::tanh: {
      const double value = std::tanh(raw), slope = 1 / (std::cosh(raw) * std::cosh(raw));
      return model.scaled ? Value{model.lo + range * (value + 1) / 2, slope * range / 2} : Value{value, slope};
    }
    case Out::sigmoid: {
      const double value = sigmoid(raw), slope = sigmoid(raw) * sigmoid(-raw);
      return model.scaled ? Value{model.lo + range * value, slope * range} : Value{value, slope};
    }
  }
  return {};
}

/// Where one member's part of a layer lies in the flat buffer.
struct Layer {
  std::int64_t num_in, num_out;
  std::int64_t weight;  ///< of [out, in]
  std::int64_t bias;    ///< of [out]
  bool last;
};

std::vector<Layer> layers_of(const MlpModel& model, std::int64_t member) {
  std::vector<Layer> layers;
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < model.widths.size(); ++i) {
    const bool last = i + 1 == model.widths.size();
    const std::int64_t num_in = model.widths[i], num_out = last ? 1 : model.widths[i + 1];
    const std::int64_t bias_begin = begin + model.num_members * num_out * num_in;
    layers.push_back({num_in, num_out, begin + member * num_out * num_in, bias_begin + member * num_out, last});
    begin = bias_begin + (model.bias ? model.num_members * num_out : 0);
  }
  return layers;
}

/// What the forward pass of one row leaves: inputs of every layer, slopes of its outputs, pre-activations of hidden units, and the reward.
struct Pass {
  std::vector<std::vector<double>> inputs, slopes;
  std::vector<PreActivation> pre_activations;
  double reward = 0;
};

Pass forward(const MlpModel& model, const std::vector<double>& parameters, std::int64_t member, const std::vector<double>& row, const UnitFactor& factor) {
  Pass pass;
  std::vector<double> in = row;
  if (!model.mean.empty())
    for (std::size_t i = 0; i < in.size(); ++i) in[i] = (in[i] - model.mean[i]) / model.std[i];
  std::vector<double> in_sizes;
  for (double x : in) in_sizes.push_back(std::fabs(x));
  const std::vector<Layer> layers = layers_of(model, member);
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const Layer& layer = layers[l];
    std::vector<double> out, slopes, sizes;
    for (std::int64_t o = 0; o < layer.num_out; ++o) {
      double z = model.bias ? parameters[at(layer.bias + o)] : 0;
      double size = std::fabs(z);
      for (std::int64_t i = 0; i < layer.num_in; ++i) {
        const double weight = parameters[at(layer.weight + o * layer.num_in + i)];
        z += weight * in[at(i)];
        size += std::fabs(weight) * in_sizes[at(i)];
      }
      Value unit = layer.last ? output(model, z) : activation(model, z);
      if (!layer.last) pass.pre_activations.push_back({z, size});
      if (!layer.last && factor) {
        const double kept = factor(static_cast<std::int64_t>(l), o);
        unit = {unit.value * kept, unit.slope * kept};
      }
      out.push_back(unit.value);
      slopes.push_back(unit.slope);
      sizes.push_back(size * std::fabs(unit.slope));
    }
    pass.inputs.push_back(in);
    pass.slopes.push_back(slopes);
    in = out;
    in_sizes = sizes;
  }
  const bool finite = std::all_of(row.begin(), row.end(), [](double x) { return std::isfinite(x); });
  pass.reward = finite ? in[0] : std::numeric_limits<double>::quiet_NaN();
  return pass;
}

}  // namespace

std::int64_t num_parameters(const MlpModel& model) {
  const Layer last = layers_of(model, model.num_members - 1).back();
  return model.bias ? last.bias + 1 : last.bias - (model.num_members - 1);
}

double mlp_reward(const MlpModel& model, const std::vector<double>& parameters, std::int64_t member, const std::vector<double>& row, const UnitFactor& factor) {
  return forward(model, parameters, member, row, factor).reward;
}

std::vector<PreActivation> mlp_pre_activations(const MlpModel& model, const std::vector<double>& parameters, std::int64_t member, const std::vector<double>& row,
                                        const UnitFactor& factor) {
  return forward(model, parameters, member, row, factor).pre_activations;
}

void add_mlp_gradient(const MlpModel& model, const std::vector<double>& parameters, std::int64_t member, const std::vector<double>& row, double grad_reward,
                      std::vector<double>& grad_parameters, std::vector<double>& grad_row, const UnitFactor& factor) {
  const Pass pass = forward(model, parameters, member, row, factor);
  const std::vector<Layer> layers = layers_of(model, member);
  std::vector<double> grad_out = {grad_reward};  // by the outputs of the layer
  for (std::size_t l = layers.size(); l-- > 0;) {
    const Layer& layer = layers[l];
    std::vector<double> grad_in(at(layer.num_in), 0);
    for (std::int64_t o = 0; o < layer.num_out; ++o) {
      const double grad_z = grad_out[at(o)] * pass.slopes[l][at(o)];
      if (model.bias) grad_parameters[at(layer.bias + o)] += grad_z;
      for (std::int64_t i = 0; i < layer.num_in; ++i) {
        grad_parameters[at(layer.weight + o * layer.num_in + i)] += grad_z * pass.inputs[l][at(i)];
        grad_in[at(i)] += grad_z * parameters[at(layer.weight + o * layer.num_in + i)];
      }
    }
    grad_out = grad_in;
  }
  for (std::size_t i = 0; i < grad_row.size(); ++i) grad_row[i] += model.std.empty() ? grad_out[i] : grad_out[i] / model.std[i];
}

MlpSolution mlp_preference_loss(const PreferenceProblem& problem, const MlpModel& model, const std::vector<double>& parameters,
                                const std::vector<std::vector<double>>& features, const DropoutMask& mask) {
  const auto factor_of = [&](std::int64_t member, std::int64_t step) -> UnitFactor {
    if (!mask) return {};
    return [&mask, member, step](std::int64_t layer, std::int64_t unit) { return mask(member, layer, step, unit); };
  };
  MlpSolution solution;
  solution.step_rewards.resize(at(model.num_members));
  for (std::int64_t e = 0; e < model.num_members; ++e)
    for (std::size_t t = 0; t < features.size(); ++t)
      solution.step_rewards[at(e)].push_back(mlp_reward(model, parameters, e, features[t], factor_of(e, static_cast<std::int64_t>(t))));
  solution.preference = preference_loss(problem, solution.step_rewards);

  solution.grad_parameters.assign(parameters.size(), 0);
  for (const std::vector<double>& row : features) solution.grad_features.emplace_back(row.size(), 0.0);
  for (std::int64_t e = 0; e < model.num_members; ++e)
    for (std::size_t t = 0; t < features.size(); ++t) {
      const double grad = solution.preference.grad_step_rewards[at(e)][t];
      if (grad == 0) continue;  // no counted pair reaches this step: its features may be anything
      add_mlp_gradient(model, parameters, e, features[t], grad, solution.grad_parameters, solution.grad_features[t], factor_of(e, static_cast<std::int64_t>(t)));
    }
  return solution;
}

}  // namespace segpref::reference
