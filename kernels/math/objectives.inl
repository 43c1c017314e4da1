// From a clipped logit to loss and gradient: one small struct per model of the rater. Formulas: docs/ops/preference_loss.md.
// Each model gives, for an outcome, minus log P and its derivatives; after the lapse, expected_term weighs outcomes by the target.
// Included like logistic.inl and after it.

/// A loss with its derivatives with respect to the logit and to the tie parameter.
template <typename Real>
struct Term {
  Real loss, grad_logit, grad_tie;
};

/// minus log P of the three outcomes. `tie` is unused by models without ties.
template <typename Real>
struct Outcomes {
  Term<Real> first, second, tie;
};

/// P -> (1 - lapse) P + lapse / outcomes, on minus log P; for a lapse above 0.
template <typename Real>
SEGPREF_FORMULA Term<Real> with_lapse(const Term<Real>& term, const math::ObjectiveConstants& constants) {
  const Real zero(0.0);
  const Real meant = Real(constants.log_keep) - term.loss;
  const Real random(constants.log_lapse_share);
  const Logistic<Real> mix = logistic(meant - random);
  const Real log_sum = max_of(meant, random) + mix.log_part;
  return {zero - log_sum, term.grad_logit * mix.sigmoid_plus, term.grad_tie * mix.sigmoid_plus};
}

/// Bradley-Terry with a margin m: P_second = sigmoid(z - m), P_first = sigmoid(-z - m).
/// Without margins both outcomes share one exponential.
template <bool has_margin>
struct BradleyTerry {
  static constexpr bool has_ties = false;

  template <typename Real>
  static SEGPREF_FORMULA Outcomes<Real> outcomes(Real z, Real margin, const math::ObjectiveConstants&) {
    const Real zero(0.0);
    const Term<Real> none{zero, zero, zero};
    if constexpr (has_margin) {
      const Logistic<Real> up = logistic(margin + z), down = logistic(margin - z);
      return {{up.softplus_plus, up.sigmoid_plus, zero}, {down.softplus_plus, zero - down.sigmoid_plus, zero}, none};
    } else {
      const Logistic<Real> up = logistic(z);
      return {{up.softplus_plus, up.sigmoid_plus, zero}, {up.softplus_minus, zero - up.sigmoid_minus, zero}, none};
    }
  }
};

/// Rao and Kupper 1967: a preference needs a lead of eta.
struct RaoKupper {
  static constexpr bool has_ties = true;

  template <typename Real>
  static SEGPREF_FORMULA Outcomes<Real> outcomes(Real z, Real, const math::ObjectiveConstants& constants) {
    const Real zero(0.0), eta(constants.tie_parameter);
    const Logistic<Real> up = logistic(eta + z), down = logistic(eta - z);
    return {{up.softplus_plus, up.sigmoid_plus, up.sigmoid_plus},
            {down.softplus_plus, zero - down.sigmoid_plus, down.sigmoid_plus},
            {up.softplus_plus + down.softplus_plus - Real(constants.log_tie_factor), up.sigmoid_plus - down.sigmoid_plus,
             up.sigmoid_plus + down.sigmoid_plus - Real(constants.grad_tie_factor)}};
  }
};

/// Davidson 1970: first, second and tie proportional to e^(-z/2), e^(z/2), nu.
struct Davidson {
  static constexpr bool has_ties = true;

  template <typename Real>
  static SEGPREF_FORMULA Outcomes<Real> outcomes(Real z, Real, const math::ObjectiveConstants& constants) {
    const Real zero(0.0), half(0.5), one(1.0), log_nu(constants.tie_parameter);
    const Real log_second = half * z, log_first = zero - log_second;
    const Real side = abs_of(log_second);
    const Real top = max_of(side, log_nu);
    const Real exp_first = exp_of(log_first - top), exp_second = exp_of(log_second - top), exp_tie = exp_of(log_nu - top);
    // The largest of the three is 1; the others are summed without it, so that log1p keeps their digits.
    const Real rest = exp_of(zero - side - top) + select(side >= log_nu, exp_tie, exp_of(side - top));
    const Real log_rest = log1p_of(rest), total = one + rest;
    const Real p_first = exp_first / total, p_second = exp_second / total, p_tie = exp_tie / total;
    return {{(top - log_first) + log_rest, p_second + half * p_tie, p_tie},
            {(top - log_second) + log_rest, zero - (p_first + half * p_tie), p_tie},
            {(top - log_nu) + log_rest, half * (p_second - p_first), zero - (p_first + p_second)}};
  }
};

/// (1 - y) * first + y * second
template <typename Real>
SEGPREF_FORMULA Term<Real> expected_term(const Term<Real>& first, const Term<Real>& second, Real target) {
  const Real rest = Real(1.0) - target;
  return {rest * first.loss + target * second.loss, rest * first.grad_logit + target * second.grad_logit,
          rest * first.grad_tie + target * second.grad_tie};
}

/// A tie model takes a label of exactly 0.5 as an observed tie.
template <typename Real>
SEGPREF_FORMULA Term<Real> tie_or(const Term<Real>& judged, const Term<Real>& tie, Real label) {
  const auto is_tie = label == Real(0.5);
  return {select(is_tie, tie.loss, judged.loss), select(is_tie, tie.grad_logit, judged.grad_logit), select(is_tie, tie.grad_tie, judged.grad_tie)};
}
