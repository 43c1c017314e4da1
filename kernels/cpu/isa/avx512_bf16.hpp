// The matrix products of a tile of rows on bf16 operands with f32 sums, for processors with AVX512-BF16 (cpu::has_bf16_dot_product()).
// Highway's packaged version has no such product: these are intrinsics. Elsewhere the functions exist and must not be called.
//
// The instruction multiplies pairs of neighbours: c += a[2k] b[2k] + a[2k + 1] b[2k + 1]. So a matrix of activations is kept in two layouts:
//   rows   [num_rows][width]            pairs along the width, for products over the width (forward, gradient of inputs)
//   pairs  [num_rows / 2][width][2]     pairs along the rows, for products over the rows (gradient of weights)
// num_rows is even (a last row of zeros leaves no trace) and width a multiple of 16.
#pragma once

#include <cstdint>

#include "kernels/cpu/reward_mlp/tile_kernels.hpp"

namespace segpref::cpu::avx512_bf16 {

struct Bf16Matrix {
  std::uint16_t* rows = nullptr;
  std::uint16_t* pairs = nullptr;
};

/// What happens to a product before it is stored.
enum class Epilogue {
  none,         ///< to out_f32
  leaky,        ///< x > 0 ? x : slope * x, to out
  leaky_slope,  ///< times (activation > 0 ? 1 : slope), to out
  slopes        ///< times slopes, to out
};

/// out[n, m] = epilogue(bias[m] + sum_k weights[k, m] * in[n, k])
struct RowProduct {
  std::int64_t num_rows = 0, width = 0, depth = 0;   ///< num_rows and depth even
  const std::uint16_t* weights = nullptr;            ///< [depth / 2][width][2]
  const std::uint16_t* in = nullptr;                 ///< [num_rows][in_stride]
  std::int64_t in_stride = 0;
  const float* bias = nullptr;                       ///< [width] or null: 0
  Epilogue epilogue = Epilogue::none;
  float slope = 0;
  const std::uint16_t* activation = nullptr;         ///< [num_rows][width]
  const float* slopes = nullptr;                     ///< [num_rows][width]
  float* out_f32 = nullptr;                          ///< [num_rows][width]
  Bf16Matrix out;
};
void row_product(const RowProduct& product);

/// grad[k, m] (+)= sum_n in[n, k] * grad_out[n, m] for k < depth, m < width, both factors in the layout of pairs.
struct WeightProduct {
  std::int64_t num_rows = 0, width = 0, depth = 0;
  const std::uint16_t* in = nullptr;        ///< [num_rows / 2][in_width][2]
  std::int64_t in_width = 0;
  const std::uint16_t* grad_out = nullptr;  ///< [num_rows / 2][width][2]
  float* grad = nullptr;                    ///< [depth][width]
  mlp::Sums sums = mlp::Sums::add;
};
void weight_product(const WeightProduct& product);

/// Rounds f32 rows to both layouts, or to pairs alone where to.rows is null. pairs may be where `from` is.
void round_rows(const float* from, std::int64_t num_rows, std::int64_t width, const Bf16Matrix& to);

/// to[m] (+)= sum_n rows[n, m], from the layout of pairs.
void add_columns(const std::uint16_t* pairs, std::int64_t num_rows, std::int64_t width, mlp::Sums sums, float* to);

/// out[n] = bias + sum_m rows[n, m] * vector[m], in f32.
void row_dots(const std::uint16_t* rows, std::int64_t num_rows, std::int64_t width, const float* vector, float bias, float* out);

/// The backward pass of row_dots: to[m] (+)= sum_n factors[n] * rows[n, m], and outer[n, m] = factors[n] * vector[m] times the slope of the
/// activation that made rows: slopes[n, m], or where slopes is null (rows[n, m] > 0 ? 1 : slope).
void row_dots_backward(const std::uint16_t* rows, std::int64_t num_rows, std::int64_t width, const float* vector, const float* factors, float slope,
                       const float* slopes, mlp::Sums sums, float* to, const Bf16Matrix& outer);

}  // namespace segpref::cpu::avx512_bf16
