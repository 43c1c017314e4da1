// The objectives of kernels/math over arrays of pairs, vectorised.
#pragma once

#include <cstdint>

#include "kernels/math/objective_constants.hpp"
#include "segpref/preference_options.hpp"

namespace segpref::cpu {

/// A multiple of the lanes of every target: arrays of this many pairs need no tail.
inline constexpr std::int64_t objective_block = 64;

/// objective_block pairs, all in double. Arrays are 64-byte aligned.
struct alignas(64) ObjectiveBlock {
  double logit[objective_block];   // clipped
  double margin[objective_block];
  double target[objective_block];  // after smoothing
  double label[objective_block];   // raw
  double loss[objective_block];
  double grad_logit[objective_block];
  double grad_tie[objective_block];
};

struct ObjectiveChoice {
  TieModel tie_model = TieModel::none;
  bool has_margin = false;
  bool has_lapse = false;
};

void run_objective(const ObjectiveChoice& choice, const math::ObjectiveConstants& constants, ObjectiveBlock& block);

}  // namespace segpref::cpu
