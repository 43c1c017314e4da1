// One optimiser step, element by element: AdamW, or Adam with coupled L2.
#pragma once

#include <cstdint>

#include "host/parallel/thread_pool.hpp"
#include "kernels/math/adamw.hpp"

namespace segpref::cpu {

/// All arrays [n]; parameters and moments are updated in place.
template <typename Real>
void adamw_step(const math::AdamWCoefficients<Real>& coefficients, std::int64_t n, Real* parameters, const Real* gradients, Real* first_moment,
                Real* second_moment, ThreadPool& pool);

}  // namespace segpref::cpu
