#include "kernels/cpu/objective_loop.hpp"

#include "kernels/cpu/targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/objective_loop.cpp"
#include <hwy/foreach_target.h>
//
#include "kernels/cpu/lanes.hpp"

HWY_BEFORE_NAMESPACE();
namespace segpref::cpu::HWY_NAMESPACE {

template <bool has_lapse, typename Model>
void objective_of(const math::ObjectiveConstants& constants, ObjectiveBlock& block) {
  const Lanes::Tag d;
  for (std::size_t i = 0; i < static_cast<std::size_t>(objective_block); i += hn::Lanes(d)) {
    const auto load = [&](const double* array) HWY_ATTR { return Lanes(hn::Load(d, array + i)); };
    const Term<Lanes> term =
        cross_entropy<has_lapse, Model>(load(block.logit), load(block.margin), load(block.target), load(block.label), constants);
    hn::Store(term.loss.v, d, block.loss + i);
    hn::Store(term.grad_logit.v, d, block.grad_logit + i);
    hn::Store(term.grad_tie.v, d, block.grad_tie + i);
  }
}

template <bool has_lapse>
void choose_model(const ObjectiveChoice& choice, const math::ObjectiveConstants& constants, ObjectiveBlock& block) {
  switch (choice.tie_model) {
    case TieModel::rao_kupper: return objective_of<has_lapse, RaoKupper>(constants, block);
    case TieModel::davidson: return objective_of<has_lapse, Davidson>(constants, block);
    case TieModel::none: break;
  }
  if (choice.has_margin) return objective_of<has_lapse, BradleyTerry<true>>(constants, block);
  objective_of<has_lapse, BradleyTerry<false>>(constants, block);
}

void run_objective_on(const ObjectiveChoice& choice, const math::ObjectiveConstants& constants, ObjectiveBlock& block) {
  if (choice.has_lapse) return choose_model<true>(choice, constants, block);
  choose_model<false>(choice, constants, block);
}

}  // namespace segpref::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace segpref::cpu {
HWY_EXPORT(run_objective_on);

void run_objective(const ObjectiveChoice& choice, const math::ObjectiveConstants& constants, ObjectiveBlock& block) {
  HWY_DYNAMIC_DISPATCH(run_objective_on)(choice, constants, block);
}

}  // namespace segpref::cpu
#endif
