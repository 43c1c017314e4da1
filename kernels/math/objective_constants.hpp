// What the objectives need to know once per call and member.
#pragma once

#include <cmath>

#include "kernels/math/host_device.hpp"
#include "segpref/preference_options.hpp"

namespace segpref::math {

struct ObjectiveConstants {
  double log_keep = 0.0;         ///< log(1 - lapse)
  double log_lapse_share = 0.0;  ///< log(lapse / number of outcomes); of no use without lapse
  double tie_parameter = 0.0;    ///< eta or log_nu
  double log_tie_factor = 0.0;   ///< Rao-Kupper: log(exp(2 eta) - 1)
  double grad_tie_factor = 0.0;  ///< its derivative with respect to eta: 2 / (1 - exp(-2 eta))
};

SEGPREF_HOST_DEVICE inline ObjectiveConstants objective_constants(TieModel tie_model, double lapse, double tie_parameter) {
  ObjectiveConstants constants;
  if (lapse > 0.0) {
    const double num_outcomes = tie_model == TieModel::none ? 2.0 : 3.0;
    constants.log_keep = std::log1p(-lapse);
    constants.log_lapse_share = std::log(lapse / num_outcomes);
  }
  constants.tie_parameter = tie_parameter;
  if (tie_model == TieModel::rao_kupper) {
    // In this form neither term overflows for a large eta.
    constants.log_tie_factor = 2.0 * tie_parameter + std::log(-std::expm1(-2.0 * tie_parameter));
    constants.grad_tie_factor = -2.0 / std::expm1(-2.0 * tie_parameter);
  }
  return constants;
}

}  // namespace segpref::math
