#include "kernels/reference/reward_mlp.hpp"

#include <cmath>

namespace segpref::reference {
namespace {

double activation(const MlpModel& model, double z) {
  switch (model.hidden) {
    case Hidden::relu: return z > 0 ? z : 0;
    case Hidden::leaky_relu: return z > 0 ? z : model.leaky_slope * z;
    case Hidden::tanh: return std::tanh(z);
    case Hidden::silu: return z / (1 + std::exp(-z));
    case Hidden::gelu: return z * std::erfc(-z / std::sqrt(2.0)) / 2;
  }
  return z;
}

}  // namespace

double mlp_reward(const MlpModel& model, const std::vector<double>& parameters, std::int64_t member, const std::vector<double>& row) {
  std::vector<double> in = row;
  std::int64_t begin = 0;  // of the layer's weight in the flat buffer
  for (std::size_t layer = 0; layer < model.widths.size(); ++layer) {
    const bool last = layer + 1 == model.widths.size();
    const std::int64_t num_in = model.widths[layer], num_out = last ? 1 : model.widths[layer + 1];
    const std::int64_t bias_begin = begin + model.num_members * num_out * num_in;
    std::vector<double> out;
    for (std::int64_t o = 0; o < num_out; ++o) {
      double z = model.bias ? parameters[static_cast<std::size_t>(bias_begin + member * num_out + o)] : 0;
      for (std::int64_t i = 0; i < num_in; ++i)
        z += parameters[static_cast<std::size_t>(begin + (member * num_out + o) * num_in + i)] * in[static_cast<std::size_t>(i)];
      out.push_back(last ? z : activation(model, z));
    }
    begin = bias_begin + (model.bias ? model.num_members * num_out : 0);
    in = out;
  }
  const double raw = in[0];
  if (model.out == Out::tanh) return model.scaled ? model.lo + (model.hi - model.lo) * (std::tanh(raw) + 1) / 2 : std::tanh(raw);
  if (model.out == Out::sigmoid) {
    const double value = 1 / (1 + std::exp(-raw));
    return model.scaled ? model.lo + (model.hi - model.lo) * value : value;
  }
  return raw;
}

}  // namespace segpref::reference
