// From options known at run time to the kernel that was compiled for them.
#pragma once

#include "kernels/cuda/preference_loss/formulas.cuh"

namespace segpref::cuda {

/// choose(Flag<has_lapse>(), Model()) for the objective of these options.
template <bool value>
struct Flag {
  static constexpr bool is_set = value;
};

template <class Choose>
auto with_objective(const kernels::LossParams& loss, bool has_margins, Choose choose) {
  const auto with_model = [&](auto has_lapse) {
    switch (loss.tie_model) {
      case TieModel::rao_kupper: return choose(has_lapse, RaoKupper());
      case TieModel::davidson: return choose(has_lapse, Davidson());
      default: return has_margins ? choose(has_lapse, BradleyTerry<true>()) : choose(has_lapse, BradleyTerry<false>());
    }
  };
  return loss.lapse > 0.0 ? with_model(Flag<true>()) : with_model(Flag<false>());
}

}  // namespace segpref::cuda
