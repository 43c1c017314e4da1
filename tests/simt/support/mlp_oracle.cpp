#include "tests/simt/support/mlp_oracle.hpp"

#include <bit>
#include <cmath>
#include <tuple>
#include <utility>

#include "kernels/math/half.hpp"

namespace segpref::testing {
namespace {

std::size_t at(std::int64_t position) { return static_cast<std::size_t>(position); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

std::pair<double, double> activation(const reference::MlpModel& model, double z) {
  constexpr double pi = 3.14159265358979323846;
  using reference::Hidden;
  switch (model.hidden) {
    case Hidden::relu: return {z > 0 ? z : 0 * z, z > 0 ? 1.0 : 0.0};
    case Hidden::leaky_relu: return {z > 0 ? z : model.leaky_slope * z, z > 0 ? 1.0 : model.leaky_slope};
    case Hidden::tanh: return {std::tanh(z), 1 - std::tanh(z) * std::tanh(z)};
    case Hidden::silu: return {z * sigmoid(z), sigmoid(z) * (1 + z * sigmoid(-z))};
    case Hidden::gelu: break;
  }
  const double distribution = std::erfc(-z / std::sqrt(2.0)) / 2;
  return {z * distribution, distribution + z * std::exp(-z * z / 2) / std::sqrt(2 * pi)};
}

std::pair<double, double> output(const reference::MlpModel& model, double raw) {
  double value = raw, slope = 1, scale = 1, shift = 0;
  const double range = model.hi - model.lo;
  if (model.out == reference::Out::tanh) {
    value = std::tanh(raw), slope = 1 - value * value;
    if (model.scaled) scale = range / 2, shift = model.lo + range / 2;
  } else if (model.out == reference::Out::sigmoid) {
    value = sigmoid(raw), slope = value * (1 - value);
    if (model.scaled) scale = range, shift = model.lo;
  }
  return {shift + scale * value, scale * slope};
}

}  // namespace

double exact(double x) { return x; }
double to_tf32(double x) {
  const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(x));
  return static_cast<double>(std::isfinite(x) ? std::bit_cast<float>((bits + 0x1000u) & 0xffffe000u) : static_cast<float>(x));
}
double to_bf16(double x) { return static_cast<double>(math::to_f32(math::to_bf16(static_cast<float>(x)))); }
double to_f16(double x) { return static_cast<double>(math::to_f32(math::to_f16(static_cast<float>(x)))); }

reference::MlpModel reference_model(const RewardArchitecture& architecture) {
  reference::MlpModel model;
  model.num_members = architecture.num_members;
  model.widths = {architecture.feature_dim};
  model.widths.insert(model.widths.end(), architecture.hidden.begin(), architecture.hidden.end());
  model.hidden = static_cast<reference::Hidden>(architecture.activation);
  model.leaky_slope = static_cast<double>(static_cast<float>(architecture.leaky_slope));
  model.out = static_cast<reference::Out>(architecture.output);
  model.scaled = architecture.output_scaled;
  model.lo = architecture.output_lo;
  model.hi = architecture.output_hi;
  model.bias = architecture.bias;
  return model;
}

MlpOracle::MlpOracle(const RewardArchitecture& architecture, std::vector<double> parameters, Rounding rounding, bool has_operand_slopes)
    : model_(reference_model(architecture)), parameters_(std::move(parameters)), rounding_(std::move(rounding)), has_operand_slopes_(has_operand_slopes) {
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < model_.widths.size(); ++i) {
    const std::int64_t num_in = model_.widths[i], num_out = i + 1 < model_.widths.size() ? model_.widths[i + 1] : 1;
    const std::int64_t bias = begin + model_.num_members * num_out * num_in;
    layers_.push_back({num_in, num_out, begin, bias});
    if (i + 1 < model_.widths.size())  // hidden weights are operands, the output's are not
      for (std::int64_t k = begin; k < bias; ++k) parameters_[at(k)] = rounding_(parameters_[at(k)]);
    begin = bias + (model_.bias ? model_.num_members * num_out : 0);
  }
}

double MlpOracle::weight(std::size_t layer, std::int64_t member, std::int64_t out, std::int64_t in) const {
  const Layer& l = layers_[layer];
  return parameters_[at(l.weight + (member * l.num_out + out) * l.num_in + in)];
}

MlpOracle::Pass MlpOracle::forward(std::int64_t member, const std::vector<double>& row, const reference::UnitFactor& factor) const {
  Pass pass;
  std::vector<double> activations = row;
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    const Layer& layer = layers_[l];
    const bool is_last = l + 1 == layers_.size();
    std::vector<double> operands, next, slopes;
    for (const double x : activations) operands.push_back(rounding_(x));
    const std::vector<double>& in = is_last ? activations : operands;  // the output meets activations before they are rounded
    for (std::int64_t o = 0; o < layer.num_out; ++o) {
      double z = model_.bias ? parameters_[at(layer.bias + member * layer.num_out + o)] : 0;
      for (std::int64_t i = 0; i < layer.num_in; ++i) z += weight(l, member, o, i) * in[at(i)];
      if (is_last) {
        pass.raw = z;
        std::tie(pass.reward, pass.output_slope) = output(model_, z);
      } else {
        const auto [value, slope] = activation(model_, z);
        const double kept = factor ? factor(static_cast<std::int64_t>(l), o) : 1;
        next.push_back(value * kept);
        slopes.push_back(has_operand_slopes_ ? rounding_(slope * kept) : slope * kept);
      }
    }
    pass.inputs.push_back(operands);
    if (!is_last) pass.slopes.push_back(slopes);
    activations = next;
  }
  for (const double x : row)
    if (!std::isfinite(x)) pass.raw = pass.reward = std::nan("");
  return pass;
}

void MlpOracle::add_gradient(const Pass& pass, std::int64_t member, double grad_reward, std::vector<double>& grad_parameters, std::vector<double>& grad_row) const {
  std::vector<double> grad_out = {grad_reward * pass.output_slope};  // of the layer's pre-activations
  for (std::size_t l = layers_.size(); l-- > 0;) {
    const Layer& layer = layers_[l];
    std::vector<double> grad_in(at(layer.num_in), 0);
    for (std::int64_t o = 0; o < layer.num_out; ++o) {
      if (model_.bias) grad_parameters[at(layer.bias + member * layer.num_out + o)] += grad_out[at(o)];
      for (std::int64_t i = 0; i < layer.num_in; ++i) {
        grad_parameters[at(layer.weight + (member * layer.num_out + o) * layer.num_in + i)] += grad_out[at(o)] * pass.inputs[l][at(i)];
        grad_in[at(i)] += grad_out[at(o)] * weight(l, member, o, i);
      }
    }
    if (l > 0)
      for (std::size_t i = 0; i < grad_in.size(); ++i) grad_in[i] = rounding_(grad_in[i] * pass.slopes[l - 1][i]);
    grad_out = grad_in;
  }
  for (std::size_t i = 0; i < grad_row.size(); ++i) grad_row[i] += grad_out[i];
}

}  // namespace segpref::testing
