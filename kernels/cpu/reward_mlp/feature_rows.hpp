// Input rows from one or two feature tensors of any element type, packed a tile at a time.
#pragma once

#include "kernels/math/half.hpp"
#include "segpref/reward_model.hpp"

namespace segpref::cpu::mlp {

/// Packs row `step` into out[0, padded(feature_dim)): first tensor, second tensor, zeros. Standardised where mean is given.
template <typename Real>
void pack_row(const Features& features, std::int64_t step, std::int64_t padded_dim, Real* out) {
  std::int64_t column = 0;
  for (const ConstTensorView* part : {&features.first, &features.second}) {
    if (!part->present()) continue;
    const std::int64_t begin = step * part->strides[0], count = part->shape[1];
    const auto copy = [&](const auto* data) {
      for (std::int64_t i = 0; i < count; ++i) out[column + i] = static_cast<Real>(math::to_f32(data[begin + i]));
    };
    switch (part->dtype) {
      case DType::f32: copy(static_cast<const float*>(part->data)); break;
      case DType::f64: copy(static_cast<const double*>(part->data)); break;
      case DType::bf16: copy(static_cast<const bf16*>(part->data)); break;
      default: copy(static_cast<const f16*>(part->data)); break;
    }
    column += count;
  }
  if (features.mean.present()) {
    const auto* mean = static_cast<const float*>(features.mean.data);
    const auto* std = static_cast<const float*>(features.std.data);
    for (std::int64_t i = 0; i < column; ++i) out[i] = (out[i] - static_cast<Real>(mean[i])) / static_cast<Real>(std[i]);
  }
  for (; column < padded_dim; ++column) out[column] = Real(0);
}

}  // namespace segpref::cpu::mlp
