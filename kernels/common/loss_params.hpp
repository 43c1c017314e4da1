// PreferenceOptions in the form the kernels of every back end use. Formulas: docs/ops/preference_loss.md.
#pragma once

#include "segpref/preference_options.hpp"

namespace segpref::kernels {

struct LossParams {
  double temperature = 1.0;
  double clip = 0.0;  ///< infinity: no clipping
  double smoothing = 0.0;
  double lapse = 0.0;
  double centering = 0.0;
  TieModel tie_model = TieModel::none;
  bool skip_nonfinite = false;
};

}  // namespace segpref::kernels
