#include "kernels/cpu/objective.hpp"

#include "kernels/cpu/targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/objective.cpp"
#include <hwy/foreach_target.h>
//
#include "kernels/cpu/objective_lanes.hpp"

HWY_BEFORE_NAMESPACE();
namespace segpref::cpu::HWY_NAMESPACE {

// Outcomes, lapse and expectation are loops of their own: each exponential is then compiled once, not once for every combination of options, which
// would take minutes. What passes between the loops stays in the first-level cache.

template <bool has_ties>
void add_lapse(const math::ObjectiveConstants& constants, std::int64_t num_pairs, BlockTerms& terms) {
  for (std::int64_t i = 0; i < num_pairs; i += lanes_per_vector()) store_term<has_ties>(with_lapse(load_term<has_ties>(terms, i), constants), i, terms);
}

template <bool has_ties>
void expect(const BlockOutcomes& outcomes, std::int64_t num_pairs, PairBlock& block) {
  for (std::int64_t i = 0; i < num_pairs; i += lanes_per_vector()) {
    const Lanes target = load_lanes(block.target + i);
    Term<Lanes> term = expected_term(load_term<has_ties>(outcomes.first, i), load_term<has_ties>(outcomes.second, i), target);
    if constexpr (has_ties) term = tie_or(term, load_term<true>(outcomes.tie, i), load_lanes(block.label + i));
    store_lanes(term.loss, block.loss + i);
    store_lanes(term.grad_logit, block.grad_logit + i);
    if constexpr (has_ties) store_lanes(term.grad_tie, block.grad_tie + i);
  }
}

void objective(const LossParams& params, const math::ObjectiveConstants& constants, bool has_margin, std::int64_t num_pairs, PairBlock& block) {
  BlockOutcomes outcomes;
  if (params.tie_model == TieModel::none) {
    if (has_margin) evaluate_outcomes<BradleyTerry<true>>(block, constants, num_pairs, outcomes);
    else evaluate_outcomes<BradleyTerry<false>>(block, constants, num_pairs, outcomes);
    if (params.lapse > 0.0)
      for (BlockTerms* terms : {&outcomes.first, &outcomes.second}) add_lapse<false>(constants, num_pairs, *terms);
    expect<false>(outcomes, num_pairs, block);
    return;
  }
  evaluate_tie_outcomes(params.tie_model, constants, num_pairs, block, outcomes);
  if (params.lapse > 0.0)
    for (BlockTerms* terms : {&outcomes.first, &outcomes.second, &outcomes.tie}) add_lapse<true>(constants, num_pairs, *terms);
  expect<true>(outcomes, num_pairs, block);
}

}  // namespace segpref::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace segpref::cpu {
HWY_EXPORT(objective);

void evaluate_objective(const LossParams& params, const math::ObjectiveConstants& constants, bool has_margin, std::int64_t num_pairs, PairBlock& block) {
  HWY_DYNAMIC_DISPATCH(objective)(params, constants, has_margin, num_pairs, block);
}

}  // namespace segpref::cpu
#endif
