// The formulas of kernels/math for one thread, in float64: some hundred operations per pair, beside the steps' memory traffic.
#pragma once

#include <cfloat>
#include <cmath>

#include "kernels/cuda/preference_loss/params.hpp"
#include "kernels/cuda/primitives/thread.cuh"
#include "kernels/math/objective_constants.hpp"

namespace segpref::cuda {

SEGPREF_DEVICE double select(bool condition, double yes, double no) { return condition ? yes : no; }
SEGPREF_DEVICE double abs_of(double x) { return ::fabs(x); }
SEGPREF_DEVICE double max_of(double a, double b) { return a > b ? a : b; }
SEGPREF_DEVICE double min_of(double a, double b) { return a < b ? a : b; }
SEGPREF_DEVICE bool is_finite(double x) { return ::fabs(x) <= DBL_MAX; }  // false for NaN
SEGPREF_DEVICE double exp_of(double x) { return ::exp(x); }
SEGPREF_DEVICE double log1p_of(double x) { return ::log1p(x); }

#define SEGPREF_FORMULA SEGPREF_DEVICE
#include "kernels/math/logistic.inl"
#include "kernels/math/objectives.inl"
#undef SEGPREF_FORMULA

}  // namespace segpref::cuda
