// The matrix products of one tile of rows, vectorised: forward, backward to the inputs, and weight gradients.
// All arrays are padded to `lane_padding` elements per row; padding is zero in, zero out.
#pragma once

#include <cstdint>

namespace segpref::cpu::mlp {

/// Widths are padded to a multiple of this: one vector of the widest target.
inline constexpr std::int64_t lane_padding = 16;
constexpr std::int64_t padded(std::int64_t width) { return (width + lane_padding - 1) / lane_padding * lane_padding; }

/// What happens to a product before it is stored.
enum class Epilogue {
  none,
  leaky,       ///< x > 0 ? x : slope * x
  leaky_slope  ///< times (h > 0 ? 1 : slope) of a second array h
};

/// out[n, m] = epilogue(bias[m] + sum_k weights[k, m] * in[n, k]) for n < num_rows, m < width (a multiple of lane_padding).
template <typename Real>
struct RowProduct {
  std::int64_t num_rows = 0, width = 0, depth = 0;
  const Real* weights = nullptr;  ///< [depth, width]
  const Real* in = nullptr;       ///< [num_rows, in_stride]
  std::int64_t in_stride = 0;
  const Real* bias = nullptr;     ///< [width] or null: 0
  Real* out = nullptr;            ///< [num_rows, width]
  Epilogue epilogue = Epilogue::none;
  Real slope = 0;
  const Real* activation = nullptr;  ///< [num_rows, width], for leaky_slope
};
void row_product(const RowProduct<float>& product);
void row_product(const RowProduct<double>& product);

/// What becomes of the sums that a buffer holds already.
enum class Sums { overwrite, add };

/// grad[k, m] (+)= sum_n in[n, k] * grad_out[n, m] for k < depth, m < width.
template <typename Real>
struct WeightProduct {
  std::int64_t num_rows = 0, width = 0, depth = 0;
  const Real* in = nullptr;        ///< [num_rows, in_stride]
  std::int64_t in_stride = 0;
  const Real* grad_out = nullptr;  ///< [num_rows, width]
  Real* grad = nullptr;            ///< [depth, width]
  Sums sums = Sums::add;
};
void weight_product(const WeightProduct<float>& product);
void weight_product(const WeightProduct<double>& product);

/// to[m] (+)= sum_n rows[n, m]
void add_columns(const float* rows, std::int64_t num_rows, std::int64_t width, Sums sums, float* to);
void add_columns(const double* rows, std::int64_t num_rows, std::int64_t width, Sums sums, double* to);

/// first[i] += parts 1, 2, ... in this order, part p at first + p * stride; count is a multiple of lane_padding.
void add_parts(std::int64_t num_parts, std::int64_t stride, std::int64_t count, float* first);
void add_parts(std::int64_t num_parts, std::int64_t stride, std::int64_t count, double* first);

/// rows[n, m] = (rows[n, m] - mean[m]) / std[m], unless mean is null, and traces[n] = sum_m 0 * rows[n, m]: 0, or NaN where one is not finite.
void finish_rows(std::int64_t num_rows, std::int64_t width, const float* mean, const float* std, float* rows, float* traces);
void finish_rows(std::int64_t num_rows, std::int64_t width, const double* mean, const double* std, double* rows, double* traces);

/// out[n] = bias + sum_m rows[n, m] * vector[m]
void row_dots(const float* rows, std::int64_t num_rows, std::int64_t width, const float* vector, float bias, float* out);
void row_dots(const double* rows, std::int64_t num_rows, std::int64_t width, const double* vector, double bias, double* out);

/// to[m] (+)= sum_n factors[n] * rows[n, m], and outer[n, m] = factors[n] * vector[m] * (rows[n, m] > 0 ? 1 : slope): the backward pass
/// of row_dots and of the leaky activation that made its rows. slope 1: no activation.
void row_dots_backward(const float* rows, std::int64_t num_rows, std::int64_t width, const float* vector, const float* factors, float slope, Sums sums,
                       float* to, float* outer);
void row_dots_backward(const double* rows, std::int64_t num_rows, std::int64_t width, const double* vector, const double* factors, double slope, Sums sums,
                       double* to, double* outer);

}  // namespace segpref::cpu::mlp
