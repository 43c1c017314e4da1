// The oracle of the MLP reward model: float64, one plain loop per formula, forward and backward one row at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "kernels/reference/preference_loss.hpp"

namespace segpref::reference {

enum class Hidden { relu, leaky_relu, tanh, silu, gelu };
enum class Out { identity, tanh, sigmoid };

struct MlpModel {
  std::int64_t num_members = 1;
  std::vector<std::int64_t> widths;  ///< feature_dim, hidden...
  Hidden hidden = Hidden::leaky_relu;
  double leaky_slope = 0.01;
  Out out = Out::identity;
  bool scaled = false;
  double lo = 0, hi = 1;
  bool bias = true;
  std::vector<double> mean, std;     ///< [feature_dim], or both empty: a feature enters as (x - mean) / std
};

/// What a hidden unit is multiplied by after its activation: 0 where dropout takes it, 1 / (1 - rate) where it stays.
/// An empty function means no dropout.
using UnitFactor = std::function<double(std::int64_t layer, std::int64_t unit)>;
using DropoutMask = std::function<double(std::int64_t member, std::int64_t layer, std::int64_t step, std::int64_t unit)>;

/// Elements of the flat buffer of parameters.
std::int64_t num_parameters(const MlpModel& model);

/// The reward of one row: NaN when the row holds a NaN or an infinity, which a tanh or a sigmoid would hide. `parameters` is the flat buffer: per layer weight [num_members, out, in], then bias [num_members, out].
double mlp_reward(const MlpModel& model, const std::vector<double>& parameters, std::int64_t member, const std::vector<double>& row,
                  const UnitFactor& factor = {});

/// The sum that enters a hidden unit, and how large its terms are: size times a precision's epsilon is how well that precision knows it.
struct PreActivation {
  double value = 0, size = 0;
};

/// Of the hidden units of one row, layer after layer. relu and leaky_relu have their kinks where the value is 0.
std::vector<PreActivation> mlp_pre_activations(const MlpModel& model, const std::vector<double>& parameters, std::int64_t member, const std::vector<double>& row,
                                        const UnitFactor& factor = {});

/// Adds d(reward)/d(parameters) and d(reward)/d(row) times `grad_reward`.
void add_mlp_gradient(const MlpModel& model, const std::vector<double>& parameters, std::int64_t member, const std::vector<double>& row,
                      double grad_reward, std::vector<double>& grad_parameters, std::vector<double>& grad_row, const UnitFactor& factor = {});

struct MlpSolution {
  std::vector<std::vector<double>> step_rewards;   ///< [num_members][num_steps], of every step
  PreferenceSolution preference;
  std::vector<double> grad_parameters;             ///< the shape of parameters
  std::vector<std::vector<double>> grad_features;  ///< [num_steps][feature_dim], summed over members
};

/// @param features  [num_steps][feature_dim]
MlpSolution mlp_preference_loss(const PreferenceProblem& problem, const MlpModel& model, const std::vector<double>& parameters,
                                const std::vector<std::vector<double>>& features, const DropoutMask& mask = {});

}  // namespace segpref::reference
