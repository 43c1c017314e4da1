// Logistic functions that keep their digits for every finite argument.
//
// A file of formulas (.inl) is included inside a namespace by whoever brings the number type Real and its functions
// exp_of, log1p_of, abs_of, max_of and select: a vector of doubles (kernels/cpu/lanes.hpp), once per instruction set, or a scalar.
// SEGPREF_FORMULA is what that place puts before a function.

/// softplus(x), softplus(-x), sigmoid(x), sigmoid(-x) from one exponential, exp(-|x|), which never overflows.
template <typename Real>
struct Logistic {
  Real log_part;  ///< log(1 + exp(-|x|)): what both softplus have in common
  Real softplus_plus, softplus_minus, sigmoid_plus, sigmoid_minus;
};

template <typename Real>
SEGPREF_FORMULA Logistic<Real> logistic(Real x) {
  const Real zero(0.0), one(1.0);
  const Real small = exp_of(zero - abs_of(x));
  const Real log_part = log1p_of(small);
  const Real large_side = one / (one + small);
  const Real small_side = small / (one + small);
  return {log_part, max_of(x, zero) + log_part, max_of(zero - x, zero) + log_part, select(x >= zero, large_side, small_side),
          select(x >= zero, small_side, large_side)};
}
