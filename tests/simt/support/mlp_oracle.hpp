// The MLP in float64 with operands rounded where the kernels of a precision round them: features, hidden weights, activations, slopes that are kept
// as operands, gradients of pre-activations. A low precision is judged by it: some units of a kinked activation take the other slope when operands
// are rounded, and gradients whose rows nearly cancel are then off by percents from the exact ones, in any implementation.
// With exact rounding it is kernels/reference, which a test proves.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "kernels/reference/reward_mlp.hpp"
#include "segpref/reward_model.hpp"

namespace segpref::testing {

/// The operand that a number becomes.
using Rounding = std::function<double(double)>;
double exact(double x);
double to_tf32(double x);
double to_bf16(double x);
double to_f16(double x);

reference::MlpModel reference_model(const RewardArchitecture& architecture);

class MlpOracle {
 public:
  /// @param has_operand_slopes  slopes of hidden units are kept as operands, hence rounded
  MlpOracle(const RewardArchitecture& architecture, std::vector<double> parameters, Rounding rounding, bool has_operand_slopes);

  struct Pass {
    std::vector<std::vector<double>> inputs;  ///< of every layer, as operands
    std::vector<std::vector<double>> slopes;  ///< of every hidden layer
    double raw = 0, reward = 0, output_slope = 0;
  };
  /// @param row  [feature_dim], standardised if need be, not rounded
  Pass forward(std::int64_t member, const std::vector<double>& row, const reference::UnitFactor& factor) const;

  /// Adds grad_reward * d(reward)/d(parameters) and d(row).
  void add_gradient(const Pass& pass, std::int64_t member, double grad_reward, std::vector<double>& grad_parameters, std::vector<double>& grad_row) const;

 private:
  struct Layer {
    std::int64_t num_in, num_out, weight, bias;  ///< the latter two in the flat buffer, of member 0
  };
  double weight(std::size_t layer, std::int64_t member, std::int64_t out, std::int64_t in) const;

  reference::MlpModel model_;
  std::vector<double> parameters_;
  Rounding rounding_;
  bool has_operand_slopes_;
  std::vector<Layer> layers_;
};

}  // namespace segpref::testing
