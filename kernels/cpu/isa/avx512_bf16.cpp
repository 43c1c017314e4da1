#include "kernels/cpu/isa/avx512_bf16.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

#include <hwy/highway.h>  // HWY_PUSH_ATTRIBUTES: an instruction set for a part of a file, on every compiler

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // g++ 12 warns of its own header's undefined vectors (GCC bug 105593)
#endif

HWY_PUSH_ATTRIBUTES("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")

namespace segpref::cpu::avx512_bf16 {
namespace {

#define SEGPREF_INLINE inline __attribute__((always_inline))

constexpr int lanes = 16;
constexpr int max_vectors = 4, max_rows = 6;  // accumulators: 24 of 32 registers

SEGPREF_INLINE __m512 widen(const std::uint16_t* from) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))), 16));
}

SEGPREF_INLINE __m512bh load_pairs(const std::uint16_t* from) { return reinterpret_cast<__m512bh>(_mm512_loadu_si512(from)); }

/// Two neighbouring numbers, in every pair of lanes.
SEGPREF_INLINE __m512bh broadcast_pair(const std::uint16_t* from) {
  std::int32_t pair;
  __builtin_memcpy(&pair, from, sizeof(pair));
  return reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
}

/// Rounds 16 columns of two neighbouring rows and stores them in both layouts.
SEGPREF_INLINE void store_two_rows(__m512 row0, __m512 row1, std::int64_t width, std::uint16_t* rows, std::uint16_t* pairs) {
  const __m512i both = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(row1, row0));  // row0 in the lower half
  if (rows != nullptr) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(rows), _mm512_castsi512_si256(both));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(rows + width), _mm512_extracti64x4_epi64(both, 1));
  }
  const __m512i low = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(both)), high = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(both, 1));
  _mm512_storeu_si512(pairs, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
}

/// c[n][v] += sum over pairs k of a(k, v) * b(n, k): a [depth][a_stride][2], b(n, k) at b + 2 * (n * row_step + k * depth_step).
template <int vectors, int rows>
SEGPREF_INLINE void multiply(const std::uint16_t* a, std::int64_t a_stride, const std::uint16_t* b, std::int64_t row_step, std::int64_t depth_step,
                             std::int64_t depth_pairs, __m512 (&c)[rows][vectors]) {
  for (std::int64_t k = 0; k < depth_pairs; ++k) {
    __m512bh a_k[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) a_k[v] = load_pairs(a + 2 * (k * a_stride + v * lanes));
#pragma GCC unroll 6
    for (int n = 0; n < rows; ++n) {
      const __m512bh b_nk = broadcast_pair(b + 2 * (n * row_step + k * depth_step));
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) c[n][v] = _mm512_dpbf16_ps(c[n][v], a_k[v], b_nk);
    }
  }
}

template <int vectors, int rows>
__attribute__((noinline)) void row_block(const RowProduct& p, std::int64_t n, std::int64_t m) {
  static_assert(rows % 2 == 0, "rows are stored two at a time");
  __m512 c[rows][vectors];
#pragma GCC unroll 6
  for (int row = 0; row < rows; ++row) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) c[row][v] = p.bias == nullptr ? _mm512_setzero_ps() : _mm512_loadu_ps(p.bias + m + v * lanes);
  }
  multiply<vectors, rows>(p.weights + 2 * m, p.width, p.in + n * p.in_stride, p.in_stride / 2, 1, p.depth / 2, c);
  const __m512 zero = _mm512_setzero_ps(), slope = _mm512_set1_ps(p.slope);
#pragma GCC unroll 6
  for (int row = 0; row < rows; ++row) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      const std::int64_t at = (n + row) * p.width + m + v * lanes;
      __m512& x = c[row][v];
      switch (p.epilogue) {
        case Epilogue::none: _mm512_storeu_ps(p.out_f32 + at, x); break;
        case Epilogue::leaky: x = _mm512_mask_mul_ps(x, _mm512_cmp_ps_mask(x, zero, _CMP_NGT_UQ), x, slope); break;
        case Epilogue::leaky_slope: x = _mm512_mask_mul_ps(x, _mm512_cmp_ps_mask(widen(p.activation + at), zero, _CMP_NGT_UQ), x, slope); break;
        case Epilogue::slopes: x = _mm512_mul_ps(x, _mm512_loadu_ps(p.slopes + at)); break;
      }
    }
  }
  if (p.epilogue == Epilogue::none) return;
#pragma GCC unroll 3
  for (int row = 0; row < rows; row += 2) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      const std::int64_t column = m + v * lanes;
      store_two_rows(c[row][v], c[row + 1][v], p.width, p.out.rows + (n + row) * p.width + column, p.out.pairs + (n + row) * p.width + 2 * column);
    }
  }
}

template <int vectors, int rows>
__attribute__((noinline)) void weight_block(const WeightProduct& p, std::int64_t k, std::int64_t m) {
  __m512 c[rows][vectors];
#pragma GCC unroll 6
  for (int row = 0; row < rows; ++row) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v)
      c[row][v] = p.sums == mlp::Sums::add ? _mm512_loadu_ps(p.grad + (k + row) * p.width + m + v * lanes) : _mm512_setzero_ps();
  }
  multiply<vectors, rows>(p.grad_out + 2 * m, p.width, p.in + 2 * k, 1, p.in_width, p.num_rows / 2, c);
#pragma GCC unroll 6
  for (int row = 0; row < rows; ++row) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) _mm512_storeu_ps(p.grad + (k + row) * p.width + m + v * lanes, c[row][v]);
  }
}

template <int vectors>
void row_panel(const RowProduct& p, std::int64_t m) {
  std::int64_t n = 0;
  for (; n + max_rows <= p.num_rows; n += max_rows) row_block<vectors, max_rows>(p, n, m);
  if (p.num_rows - n == 4) row_block<vectors, 4>(p, n, m);
  if (p.num_rows - n == 2) row_block<vectors, 2>(p, n, m);
}

template <int vectors>
void weight_panel(const WeightProduct& p, std::int64_t m) {
  std::int64_t k = 0;
  for (; k + max_rows <= p.depth; k += max_rows) weight_block<vectors, max_rows>(p, k, m);
  for (; k + 2 <= p.depth; k += 2) weight_block<vectors, 2>(p, k, m);
  if (k < p.depth) weight_block<vectors, 1>(p, k, m);
}

}  // namespace

void row_product(const RowProduct& p) {
  std::int64_t m = 0;
  for (; m + max_vectors * lanes <= p.width; m += max_vectors * lanes) row_panel<max_vectors>(p, m);
  for (; m < p.width; m += lanes) row_panel<1>(p, m);
}

void weight_product(const WeightProduct& p) {
  std::int64_t m = 0;
  for (; m + max_vectors * lanes <= p.width; m += max_vectors * lanes) weight_panel<max_vectors>(p, m);
  for (; m < p.width; m += lanes) weight_panel<1>(p, m);
}

void round_rows(const float* from, std::int64_t num_rows, std::int64_t width, const Bf16Matrix& to) {
  for (std::int64_t n = 0; n < num_rows; n += 2)
    for (std::int64_t m = 0; m < width; m += lanes)
      store_two_rows(_mm512_loadu_ps(from + n * width + m), _mm512_loadu_ps(from + (n + 1) * width + m), width,
                     to.rows == nullptr ? nullptr : to.rows + n * width + m, to.pairs + n * width + 2 * m);
}

void add_columns(const std::uint16_t* pairs, std::int64_t num_rows, std::int64_t width, mlp::Sums sums, float* to) {
  const __m512bh ones = reinterpret_cast<__m512bh>(_mm512_set1_epi32(0x3f803f80));
  for (std::int64_t m = 0; m < width; m += lanes) {
    __m512 sum = sums == mlp::Sums::add ? _mm512_loadu_ps(to + m) : _mm512_setzero_ps();
    for (std::int64_t n = 0; n < num_rows; n += 2) sum = _mm512_dpbf16_ps(sum, load_pairs(pairs + n * width + 2 * m), ones);
    _mm512_storeu_ps(to + m, sum);
  }
}

void row_dots(const std::uint16_t* rows, std::int64_t num_rows, std::int64_t width, const float* vector, float bias, float* out) {
  for (std::int64_t n = 0; n < num_rows; ++n) {
    __m512 sum = _mm512_setzero_ps();
    for (std::int64_t m = 0; m < width; m += lanes) sum = _mm512_fmadd_ps(widen(rows + n * width + m), _mm512_loadu_ps(vector + m), sum);
    out[n] = bias + _mm512_reduce_add_ps(sum);
  }
}

void row_dots_backward(const std::uint16_t* rows, std::int64_t num_rows, std::int64_t width, const float* vector, const float* factors, float slope,
                       const float* slopes, mlp::Sums sums, float* to, const Bf16Matrix& outer) {
  const __m512 zero = _mm512_setzero_ps();
  for (std::int64_t m = 0; m < width; m += lanes) {
    __m512 sum = sums == mlp::Sums::add ? _mm512_loadu_ps(to + m) : zero;
    const __m512 weights = _mm512_loadu_ps(vector + m), sloped = _mm512_mul_ps(weights, _mm512_set1_ps(slope));
    for (std::int64_t n = 0; n < num_rows; n += 2) {
      __m512 both[2];
      for (std::int64_t k = 0; k < 2; ++k) {
        const std::int64_t at = (n + k) * width + m;
        const __m512 factor = _mm512_set1_ps(factors[n + k]), h = widen(rows + at);
        sum = _mm512_fmadd_ps(factor, h, sum);
        both[k] = slopes != nullptr ? _mm512_mul_ps(_mm512_mul_ps(factor, weights), _mm512_loadu_ps(slopes + at))
                                    : _mm512_mul_ps(factor, _mm512_mask_blend_ps(_mm512_cmp_ps_mask(h, zero, _CMP_GT_OQ), sloped, weights));
      }
      store_two_rows(both[0], both[1], width, outer.rows + n * width + m, outer.pairs + n * width + 2 * m);
    }
    _mm512_storeu_ps(to + m, sum);
  }
}

}  // namespace segpref::cpu::avx512_bf16

HWY_POP_ATTRIBUTES

#else

namespace segpref::cpu::avx512_bf16 {

void row_product(const RowProduct&) { __builtin_trap(); }
void weight_product(const WeightProduct&) { __builtin_trap(); }
void round_rows(const float*, std::int64_t, std::int64_t, const Bf16Matrix&) { __builtin_trap(); }
void add_columns(const std::uint16_t*, std::int64_t, std::int64_t, mlp::Sums, float*) { __builtin_trap(); }
void row_dots(const std::uint16_t*, std::int64_t, std::int64_t, const float*, float, float*) { __builtin_trap(); }
void row_dots_backward(const std::uint16_t*, std::int64_t, std::int64_t, const float*, const float*, float, const float*, mlp::Sums, float*, const Bf16Matrix&) {
  __builtin_trap();
}

}  // namespace segpref::cpu::avx512_bf16

#endif
