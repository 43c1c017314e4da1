// Input rows from one or two feature tensors of any element type, packed a tile at a time.
#pragma once

#include <algorithm>
#include <type_traits>

#include "kernels/cpu/reward_mlp/tile_kernels.hpp"
#include "kernels/math/half.hpp"
#include "segpref/reward_model.hpp"

namespace segpref::cpu::mlp {

/// What (x - mean) / std needs, padded to the width of a packed row with 0 and 1; null: features are used as they are.
template <typename Real>
struct FeatureScale {
  const Real* mean = nullptr;
  const Real* std = nullptr;
};

/// Fills `buffer` [2, padded_dim] from Features::mean and std.
template <typename Real>
FeatureScale<Real> feature_scale(const Features& features, std::int64_t feature_dim, std::int64_t padded_dim, Real* buffer) {
  if (!features.mean.present()) return {};
  std::fill_n(buffer, padded_dim, Real(0));
  std::fill_n(buffer + padded_dim, padded_dim, Real(1));
  for (std::int64_t i = 0; i < feature_dim; ++i) {
    buffer[i] = static_cast<Real>(static_cast<const float*>(features.mean.data)[i]);
    buffer[padded_dim + i] = static_cast<Real>(static_cast<const float*>(features.std.data)[i]);
  }
  return {buffer, buffer + padded_dim};
}

/// One tensor's columns of the rows step_of(0), step_of(1), ... into out, where rows have out_stride elements.
template <typename Element, typename Real, typename StepOf>
void copy_columns(const ConstTensorView& part, std::int64_t num_rows, StepOf step_of, std::int64_t out_stride, Real* out) {
  const std::int64_t columns = part.shape[1];
  for (std::int64_t row = 0; row < num_rows; ++row) {
    const Element* from = static_cast<const Element*>(part.data) + step_of(row) * part.strides[0];
    Real* to = out + row * out_stride;
    if constexpr (std::is_same_v<Element, Real>) std::copy_n(from, columns, to);
    else for (std::int64_t i = 0; i < columns; ++i) to[i] = static_cast<Real>(math::to_f32(from[i]));
  }
}

/// The rows step_of(row), first tensor and then second, into out [num_rows, out_stride].
template <typename Real, typename StepOf>
void copy_rows(const Features& features, std::int64_t num_rows, StepOf step_of, std::int64_t out_stride, Real* out) {
  for (const ConstTensorView* part : {&features.first, &features.second}) {
    if (!part->present()) continue;
    switch (part->dtype) {
      case DType::f32: copy_columns<float>(*part, num_rows, step_of, out_stride, out); break;
      case DType::f64: copy_columns<double>(*part, num_rows, step_of, out_stride, out); break;
      case DType::bf16: copy_columns<bf16>(*part, num_rows, step_of, out_stride, out); break;
      default: copy_columns<f16>(*part, num_rows, step_of, out_stride, out); break;
    }
    out += part->shape[1];
  }
}

/// Packs rows into out [num_rows, padded_dim]: features, standardised where the scale is given, then zeros.
/// traces[row] is 0, or NaN where a feature of the row is not finite. A reward takes it along, because an activation may turn an infinite
/// feature into a finite reward, and nobody would notice.
template <typename Real, typename StepOf>
void pack_rows(const Features& features, const FeatureScale<Real>& scale, std::int64_t num_rows, StepOf step_of, std::int64_t padded_dim, Real* out, Real* traces) {
  copy_rows(features, num_rows, step_of, padded_dim, out);
  const std::int64_t dim = features.first.shape[1] + (features.second.present() ? features.second.shape[1] : 0);
  if (dim < padded_dim)
    for (std::int64_t row = 0; row < num_rows; ++row) std::fill(out + row * padded_dim + dim, out + (row + 1) * padded_dim, Real(0));
  finish_rows(num_rows, padded_dim, scale.mean, scale.std, out, traces);
}

}  // namespace segpref::cpu::mlp
