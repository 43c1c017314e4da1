// The matrix products of one tile of rows, vectorised: forward, backward to the inputs, and weight gradients.
// All arrays are padded to `lane_padding` elements per row; padding is zero in, zero out.
#pragma once

#include <cstdint>

namespace segpref::cpu::mlp {

/// Widths are padded to a multiple of this: one vector of the widest target.
inline constexpr std::int64_t lane_padding = 16;
constexpr std::int64_t padded(std::int64_t width) { return (width + lane_padding - 1) / lane_padding * lane_padding; }

/// Rows of a tile: large enough that packed weights are read from the second-level cache rarely, small enough that a tile's
/// activations stay in it.
inline constexpr std::int64_t rows_per_tile = 96;

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

/// grad[k, m] += sum_n in[n, k] * grad_out[n, m] for k < depth, m < width.
template <typename Real>
struct WeightProduct {
  std::int64_t num_rows = 0, width = 0, depth = 0;
  const Real* in = nullptr;        ///< [num_rows, in_stride]
  std::int64_t in_stride = 0;
  const Real* grad_out = nullptr;  ///< [num_rows, width]
  Real* grad = nullptr;            ///< [depth, width]
};
void weight_product(const WeightProduct<float>& product);
void weight_product(const WeightProduct<double>& product);

/// sums[m] += sum_n rows[n, m]
void add_columns(const float* rows, std::int64_t num_rows, std::int64_t width, float* sums);
void add_columns(const double* rows, std::int64_t num_rows, std::int64_t width, double* sums);

/// out[n] = bias + sum_m rows[n, m] * vector[m]
void row_dots(const float* rows, std::int64_t num_rows, std::int64_t width, const float* vector, float bias, float* out);
void row_dots(const double* rows, std::int64_t num_rows, std::int64_t width, const double* vector, double bias, double* out);

/// sums[m] += sum_n factors[n] * rows[n, m], and outer[n, m] = factors[n] * vector[m] * (rows[n, m] > 0 ? 1 : slope): the backward pass
/// of row_dots and of the leaky activation that made its rows. slope 1: no activation.
void row_dots_backward(const float* rows, std::int64_t num_rows, std::int64_t width, const float* vector, const float* factors, float slope, float* sums,
                       float* outer);
void row_dots_backward(const double* rows, std::int64_t num_rows, std::int64_t width, const double* vector, const double* factors, double slope,
                       double* sums, double* outer);

}  // namespace segpref::cpu::mlp
