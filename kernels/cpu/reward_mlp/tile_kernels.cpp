#include "kernels/cpu/reward_mlp/tile_kernels.hpp"

#include <algorithm>
#include <limits>

#include "kernels/cpu/targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/reward_mlp/tile_kernels.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace segpref::cpu::mlp::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Accumulators live in registers: 6 rows x 4 vectors where there are 32 registers, 6 x 2 where there are 16.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM
constexpr int max_vectors = 4;
#else
constexpr int max_vectors = 2;
#endif
constexpr int max_rows = 6;

/// One block of the outer-product kernel: c[n][m] = start + sum_k a[k, m] * b(n, k), with b(n, k) at b[n * row_step + k * depth_step].
template <int vectors, int rows, typename Real, typename Start, typename Finish>
HWY_INLINE void block_product(const Real* HWY_RESTRICT a, std::int64_t a_stride, const Real* HWY_RESTRICT b, std::int64_t row_step,
                              std::int64_t depth_step, std::int64_t depth, Start start, Finish finish) {
  const hn::ScalableTag<Real> d;
  using V = hn::Vec<decltype(d)>;
  constexpr std::int64_t lanes = static_cast<std::int64_t>(hn::MaxLanes(d));
  V c[rows][vectors];
#pragma GCC unroll 8
  for (int n = 0; n < rows; ++n) {
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) c[n][v] = start(n, v * lanes);
  }
  for (std::int64_t k = 0; k < depth; ++k) {
    V a_k[vectors];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) a_k[v] = hn::LoadU(d, a + k * a_stride + v * lanes);
#pragma GCC unroll 8
    for (int n = 0; n < rows; ++n) {
      const V b_nk = hn::Set(d, b[n * row_step + k * depth_step]);
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) c[n][v] = hn::MulAdd(a_k[v], b_nk, c[n][v]);
    }
  }
#pragma GCC unroll 8
  for (int n = 0; n < rows; ++n) {
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) finish(n, v * lanes, c[n][v]);
  }
}

/// Runs block(n, m, rows, vectors) over a [num_rows, width] output in blocks of at most max_rows x max_vectors.
template <typename Real, typename Block>
HWY_INLINE void for_blocks(std::int64_t num_rows, std::int64_t width, Block block) {
  constexpr std::int64_t lanes = static_cast<std::int64_t>(hn::MaxLanes(hn::ScalableTag<Real>()));
  std::int64_t m = 0;
  while (m < width) {
    const std::int64_t left = (width - m) / lanes;
    const int vectors = left >= max_vectors ? max_vectors : left >= 2 ? 2 : 1;
    std::int64_t n = 0;
    while (n < num_rows) {
      const std::int64_t rest = num_rows - n;
      const int rows = rest >= max_rows ? max_rows : rest >= 4 ? 4 : rest >= 2 ? 2 : 1;
      block(n, m, rows, vectors);
      n += rows;
    }
    m += vectors * lanes;
  }
}

/// Calls run.template operator()<vectors, rows>() for the constants that equal the two numbers.
template <typename Run>
HWY_INLINE void with_constants(int vectors, int rows, Run run) {
  const auto with_rows = [&]<int v>(std::integral_constant<int, v>) HWY_ATTR {
    switch (rows) {
      case 6: run.template operator()<v, 6>(); break;
      case 4: run.template operator()<v, 4>(); break;
      case 2: run.template operator()<v, 2>(); break;
      default: run.template operator()<v, 1>(); break;
    }
  };
  switch (vectors) {
    case 4: with_rows(std::integral_constant<int, max_vectors>()); break;
    case 2: with_rows(std::integral_constant<int, 2>()); break;
    default: with_rows(std::integral_constant<int, 1>()); break;
  }
}

template <int vectors, int rows, typename Real>
HWY_NOINLINE void row_product_block(const RowProduct<Real>& p, std::int64_t n, std::int64_t m) {
  const hn::ScalableTag<Real> d;
  using V = hn::Vec<decltype(d)>;
  const auto start = [&](int, std::int64_t column) HWY_ATTR { return p.bias == nullptr ? hn::Zero(d) : hn::LoadU(d, p.bias + m + column); };
  const auto finish = [&](int row, std::int64_t column, V value) HWY_ATTR {
    const std::int64_t at = (n + row) * p.width + m + column;
    if (p.epilogue == Epilogue::leaky) {
      value = hn::IfThenElse(hn::Gt(value, hn::Zero(d)), value, hn::Mul(value, hn::Set(d, p.slope)));
    } else if (p.epilogue == Epilogue::leaky_slope) {
      const V h = hn::LoadU(d, p.activation + at);
      value = hn::IfThenElse(hn::Gt(h, hn::Zero(d)), value, hn::Mul(value, hn::Set(d, p.slope)));
    }
    hn::StoreU(value, d, p.out + at);
  };
  block_product<vectors, rows>(p.weights + m, p.width, p.in + n * p.in_stride, p.in_stride, std::int64_t{1}, p.depth, start, finish);
}

template <int vectors, int rows, typename Real>
HWY_NOINLINE void weight_product_block(const WeightProduct<Real>& p, std::int64_t k, std::int64_t m) {
  const hn::ScalableTag<Real> d;
  using V = hn::Vec<decltype(d)>;
  const auto start = [&](int row, std::int64_t column) HWY_ATTR {
    return p.sums == Sums::add ? hn::LoadU(d, p.grad + (k + row) * p.width + m + column) : hn::Zero(d);
  };
  const auto finish = [&](int row, std::int64_t column, V value) HWY_ATTR { hn::StoreU(value, d, p.grad + (k + row) * p.width + m + column); };
  block_product<vectors, rows>(p.grad_out + m, p.width, p.in + k, std::int64_t{1}, p.in_stride, p.num_rows, start, finish);
}

template <typename Real>
void row_product_of(const RowProduct<Real>& p) {
  for_blocks<Real>(p.num_rows, p.width, [&](std::int64_t n, std::int64_t m, int rows, int vectors) HWY_ATTR {
    with_constants(vectors, rows, [&]<int v, int r>() HWY_ATTR { row_product_block<v, r>(p, n, m); });
  });
}

template <typename Real>
void weight_product_of(const WeightProduct<Real>& p) {
  for_blocks<Real>(p.depth, p.width, [&](std::int64_t k, std::int64_t m, int rows, int vectors) HWY_ATTR {
    with_constants(vectors, rows, [&]<int v, int r>() HWY_ATTR { weight_product_block<v, r>(p, k, m); });
  });
}

template <typename Real>
void add_columns_of(const Real* rows, std::int64_t num_rows, std::int64_t width, Sums sums, Real* to) {
  const hn::ScalableTag<Real> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t m = 0; m < width; m += lanes) {
    auto sum0 = sums == Sums::add ? hn::LoadU(d, to + m) : hn::Zero(d), sum1 = hn::Zero(d);
    std::int64_t n = 0;
    for (; n + 2 <= num_rows; n += 2) {
      sum0 = hn::Add(sum0, hn::LoadU(d, rows + n * width + m));
      sum1 = hn::Add(sum1, hn::LoadU(d, rows + (n + 1) * width + m));
    }
    if (n < num_rows) sum0 = hn::Add(sum0, hn::LoadU(d, rows + n * width + m));
    hn::StoreU(hn::Add(sum0, sum1), d, to + m);
  }
}

template <typename Real>
void add_parts_of(std::int64_t num_parts, std::int64_t stride, std::int64_t count, Real* first) {
  const hn::ScalableTag<Real> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t i = 0; i < count; i += lanes) {
    auto sum = hn::LoadU(d, first + i);
    for (std::int64_t part = 1; part < num_parts; ++part) sum = hn::Add(sum, hn::LoadU(d, first + part * stride + i));
    hn::StoreU(sum, d, first + i);
  }
}

template <typename Real>
void finish_rows_of(std::int64_t num_rows, std::int64_t width, const Real* mean, const Real* std, Real* rows, Real* traces) {
  const hn::ScalableTag<Real> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t n = 0; n < num_rows; ++n) {
    auto trace = hn::Zero(d);
    for (std::int64_t m = 0; m < width; m += lanes) {
      auto value = hn::LoadU(d, rows + n * width + m);
      if (mean != nullptr) {
        value = hn::Div(hn::Sub(value, hn::LoadU(d, mean + m)), hn::LoadU(d, std + m));
        hn::StoreU(value, d, rows + n * width + m);
      }
      trace = hn::MulAdd(value, hn::Zero(d), trace);
    }
    traces[n] = hn::AllTrue(d, hn::Eq(trace, hn::Zero(d))) ? Real(0) : std::numeric_limits<Real>::quiet_NaN();
  }
}

template <typename Real>
void row_dots_of(const Real* rows, std::int64_t num_rows, std::int64_t width, const Real* vector, Real bias, Real* out) {
  const hn::ScalableTag<Real> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t n = 0; n < num_rows; ++n) {
    auto sum = hn::Zero(d);
    for (std::int64_t m = 0; m < width; m += lanes) sum = hn::MulAdd(hn::LoadU(d, rows + n * width + m), hn::LoadU(d, vector + m), sum);
    out[n] = bias + hn::GetLane(hn::SumOfLanes(d, sum));
  }
}

template <typename Real>
void row_dots_backward_of(const Real* rows, std::int64_t num_rows, std::int64_t width, const Real* vector, const Real* factors, Real slope, Sums sums,
                          Real* to, Real* outer) {
  const hn::ScalableTag<Real> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t m = 0; m < width; m += lanes) {
    auto sum = sums == Sums::add ? hn::LoadU(d, to + m) : hn::Zero(d);
    const auto weights = hn::LoadU(d, vector + m), sloped = hn::Mul(weights, hn::Set(d, slope));
    for (std::int64_t n = 0; n < num_rows; ++n) {
      const auto factor = hn::Set(d, factors[n]);
      const auto h = hn::LoadU(d, rows + n * width + m);
      sum = hn::MulAdd(factor, h, sum);
      hn::StoreU(hn::Mul(factor, hn::IfThenElse(hn::Gt(h, hn::Zero(d)), weights, sloped)), d, outer + n * width + m);
    }
    hn::StoreU(sum, d, to + m);
  }
}

// The vector kernels by type; HWY_EXPORT wants plain functions.
#define SEGPREF_DEFINE(name, Real)                                                                                                   \
  void row_product_##name(const RowProduct<Real>& p) { row_product_of(p); }                                                          \
  void weight_product_##name(const WeightProduct<Real>& p) { weight_product_of(p); }                                                 \
  void add_columns_##name(const Real* rows, std::int64_t n, std::int64_t width, Sums sums, Real* to) {                               \
    add_columns_of(rows, n, width, sums, to);                                                                                        \
  }                                                                                                                                  \
  void add_parts_##name(std::int64_t num_parts, std::int64_t stride, std::int64_t count, Real* first) {                              \
    add_parts_of(num_parts, stride, count, first);                                                                                   \
  }                                                                                                                                  \
  void finish_rows_##name(std::int64_t n, std::int64_t width, const Real* mean, const Real* std, Real* rows, Real* traces) {         \
    finish_rows_of(n, width, mean, std, rows, traces);                                                                               \
  }                                                                                                                                  \
  void row_dots_##name(const Real* rows, std::int64_t n, std::int64_t width, const Real* vector, Real bias, Real* out) {             \
    row_dots_of(rows, n, width, vector, bias, out);                                                                                  \
  }                                                                                                                                  \
  void row_dots_backward_##name(const Real* rows, std::int64_t n, std::int64_t width, const Real* vector, const Real* factors,       \
                                Real slope, Sums sums, Real* to, Real* outer) {                                                      \
    row_dots_backward_of(rows, n, width, vector, factors, slope, sums, to, outer);                                                   \
  }
SEGPREF_DEFINE(f32, float)
SEGPREF_DEFINE(f64, double)
#undef SEGPREF_DEFINE

}  // namespace segpref::cpu::mlp::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace segpref::cpu::mlp {

#define SEGPREF_DEFINE(name, Real)                                                                                                   \
  HWY_EXPORT(row_product_##name);                                                                                                    \
  HWY_EXPORT(weight_product_##name);                                                                                                 \
  HWY_EXPORT(add_columns_##name);                                                                                                    \
  HWY_EXPORT(add_parts_##name);                                                                                                      \
  HWY_EXPORT(finish_rows_##name);                                                                                                    \
  HWY_EXPORT(row_dots_##name);                                                                                                       \
  HWY_EXPORT(row_dots_backward_##name);                                                                                              \
  void row_product(const RowProduct<Real>& p) { HWY_DYNAMIC_DISPATCH(row_product_##name)(p); }                                       \
  void weight_product(const WeightProduct<Real>& p) { HWY_DYNAMIC_DISPATCH(weight_product_##name)(p); }                              \
  void add_columns(const Real* rows, std::int64_t n, std::int64_t width, Sums sums, Real* to) {                                      \
    HWY_DYNAMIC_DISPATCH(add_columns_##name)(rows, n, width, sums, to);                                                              \
  }                                                                                                                                  \
  void add_parts(std::int64_t num_parts, std::int64_t stride, std::int64_t count, Real* first) {                                     \
    HWY_DYNAMIC_DISPATCH(add_parts_##name)(num_parts, stride, count, first);                                                         \
  }                                                                                                                                  \
  void finish_rows(std::int64_t n, std::int64_t width, const Real* mean, const Real* std, Real* rows, Real* traces) {                \
    HWY_DYNAMIC_DISPATCH(finish_rows_##name)(n, width, mean, std, rows, traces);                                                     \
  }                                                                                                                                  \
  void row_dots(const Real* rows, std::int64_t n, std::int64_t width, const Real* vector, Real bias, Real* out) {                    \
    HWY_DYNAMIC_DISPATCH(row_dots_##name)(rows, n, width, vector, bias, out);                                                        \
  }                                                                                                                                  \
  void row_dots_backward(const Real* rows, std::int64_t n, std::int64_t width, const Real* vector, const Real* factors, Real slope,  \
                         Sums sums, Real* to, Real* outer) {                                                                         \
    HWY_DYNAMIC_DISPATCH(row_dots_backward_##name)(rows, n, width, vector, factors, slope, sums, to, outer);                         \
  }
SEGPREF_DEFINE(f32, float)
SEGPREF_DEFINE(f64, double)
#undef SEGPREF_DEFINE

}  // namespace segpref::cpu::mlp
#endif
