// The oracle of the MLP reward model: float64, one plain loop per formula, forward only. Gradients of the back ends are compared with central
// differences of it.
#pragma once

#include <cstdint>
#include <vector>

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
};

/// The reward of one row. `parameters` is the flat buffer: per layer weight [num_members, out, in], then bias [num_members, out].
double mlp_reward(const MlpModel& model, const std::vector<double>& parameters, std::int64_t member, const std::vector<double>& row);

}  // namespace segpref::reference
