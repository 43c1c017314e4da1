// Terms of the pairs of a block, a vector at a time. Included once per target, inside Highway's foreach_target.
#if defined(SEGPREF_KERNELS_CPU_OBJECTIVE_LANES_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef SEGPREF_KERNELS_CPU_OBJECTIVE_LANES_HPP
#undef SEGPREF_KERNELS_CPU_OBJECTIVE_LANES_HPP
#else
#define SEGPREF_KERNELS_CPU_OBJECTIVE_LANES_HPP
#endif

#include "kernels/cpu/lanes.hpp"
#include "kernels/cpu/objective.hpp"

HWY_BEFORE_NAMESPACE();
namespace segpref::cpu::HWY_NAMESPACE {

template <bool has_ties>
HWY_INLINE Term<Lanes> load_term(const BlockTerms& terms, std::int64_t i) {
  return {load_lanes(terms.loss + i), load_lanes(terms.grad_logit + i), has_ties ? load_lanes(terms.grad_tie + i) : Lanes(0.0)};
}
template <bool has_ties>
HWY_INLINE void store_term(const Term<Lanes>& term, std::int64_t i, BlockTerms& terms) {
  store_lanes(term.loss, terms.loss + i);
  store_lanes(term.grad_logit, terms.grad_logit + i);
  if constexpr (has_ties) store_lanes(term.grad_tie, terms.grad_tie + i);
}

template <typename Model>
HWY_INLINE void evaluate_outcomes(const PairBlock& block, const math::ObjectiveConstants& constants, std::int64_t num_pairs, BlockOutcomes& to) {
  for (std::int64_t i = 0; i < num_pairs; i += lanes_per_vector()) {
    const Outcomes<Lanes> outcomes = Model::outcomes(load_lanes(block.logit + i), load_lanes(block.margin + i), constants);
    store_term<Model::has_ties>(outcomes.first, i, to.first);
    store_term<Model::has_ties>(outcomes.second, i, to.second);
    if constexpr (Model::has_ties) store_term<true>(outcomes.tie, i, to.tie);
  }
}

}  // namespace segpref::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
