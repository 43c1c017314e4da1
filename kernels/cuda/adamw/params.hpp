// What the optimiser's kernel reads and writes.
#pragma once

#include <cstdint>

namespace segpref::cuda {

/// One step of AdamW, or of Adam with coupled L2; coefficients are computed in f64 on the host and rounded once:
///   g += coupled_decay * p;  m = beta1 m + rest1 g;  v = beta2 v + rest2 g^2;  p = keep * p - step_size * m / (sqrt(v) * root_scale + epsilon)
template <typename Real>
struct AdamWParams {
  Real* parameters;       ///< [num_parameters], in place
  const Real* gradients;  ///< [num_parameters]
  Real* first_moment;     ///< [num_parameters], in place
  Real* second_moment;    ///< [num_parameters], in place
  std::int64_t num_parameters;
  Real beta1, rest1;    ///< rest: 1 - beta
  Real beta2, rest2;
  Real epsilon;
  Real step_size;      ///< learning_rate / (1 - beta1^step)
  Real root_scale;     ///< 1 / sqrt(1 - beta2^step)
  Real keep;           ///< 1 - learning_rate * weight_decay when decoupled, else 1
  Real coupled_decay;  ///< weight_decay when coupled, else 0
};

}  // namespace segpref::cuda
