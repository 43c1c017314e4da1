#include "kernels/cpu/objective.hpp"
#include "kernels/cpu/targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/objective_ties.cpp"
#include <hwy/foreach_target.h>
//
#include "kernels/cpu/objective_lanes.hpp"

HWY_BEFORE_NAMESPACE();
namespace segpref::cpu::HWY_NAMESPACE {

void tie_outcomes(TieModel tie_model, const math::ObjectiveConstants& constants, std::int64_t num_pairs, const PairBlock& block, BlockOutcomes& outcomes) {
  if (tie_model == TieModel::rao_kupper) evaluate_outcomes<RaoKupper>(block, constants, num_pairs, outcomes);
  else evaluate_outcomes<Davidson>(block, constants, num_pairs, outcomes);
}

}  // namespace segpref::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace segpref::cpu {
HWY_EXPORT(tie_outcomes);

void evaluate_tie_outcomes(TieModel tie_model, const math::ObjectiveConstants& constants, std::int64_t num_pairs, const PairBlock& block,
                           BlockOutcomes& outcomes) {
  HWY_DYNAMIC_DISPATCH(tie_outcomes)(tie_model, constants, num_pairs, block, outcomes);
}

}  // namespace segpref::cpu
#endif
