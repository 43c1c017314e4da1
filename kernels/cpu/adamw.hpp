// One optimiser step, element by element: AdamW, or Adam with coupled L2.
#pragma once

#include <cstdint>

#include "host/parallel/thread_pool.hpp"

namespace segpref::cpu {

/// The step's constants, computed in f64:
///   g += coupled_decay * p;  m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
///   p = keep * p - step_size * m / (sqrt(v) * root_scale + epsilon)
struct AdamWCoefficients {
  double beta1 = 0, beta2 = 0, epsilon = 0;
  double step_size = 0;      ///< learning_rate / (1 - beta1^step)
  double root_scale = 0;     ///< 1 / sqrt(1 - beta2^step)
  double keep = 1;           ///< 1 - learning_rate * weight_decay when decoupled
  double coupled_decay = 0;  ///< weight_decay when coupled
};

/// All arrays [n]; parameters and moments are updated in place.
template <typename Real>
void adamw_step(const AdamWCoefficients& coefficients, std::int64_t n, Real* parameters, const Real* gradients, Real* first_moment,
                Real* second_moment, ThreadPool& pool);

}  // namespace segpref::cpu
