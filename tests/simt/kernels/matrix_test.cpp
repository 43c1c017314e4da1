// Fragment layouts of the tensor-core primitives, against a second statement of them: the strides of CUTLASS' CuTe (cute/atom/mma_traits_sm80.hpp),
// where thread and value of a fragment map to a position in the column-major tile. Runs in the harness and, compiled by nvcc, on a GPU.
#include "kernels/cuda/primitives/matrix.cuh"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

#include "kernels/cuda/primitives/convert.cuh"
#include "tests/simt/support/kernel_test.hpp"

namespace segpref::simt {
namespace {

struct Position {
  int row, col;
};

/// The position number `index` of a column-major tile with `num_rows` rows.
SEGPREF_DEVICE Position position_of(int index, int num_rows) { return {index % num_rows, index / num_rows}; }

// Thread t is (t % 4, t / 4) there; a 16-bit fragment's value v is (v % 2, v / 2 % 2, v / 4), a tf32 one's (v % 2, v / 2).
struct Layout16Bit {
  static constexpr int k = 16, a_values = 8, b_values = 4;
  static SEGPREF_DEVICE Position a(int t, int v) { return position_of(t % 4 * 32 + t / 4 + v % 2 * 16 + v / 2 % 2 * 8 + v / 4 * 128, 16); }
  static SEGPREF_DEVICE Position b(int t, int v) { return position_of(t % 4 * 16 + t / 4 + v % 2 * 8 + v / 2 * 64, 8); }  // (column, k)
};
struct LayoutTf32 {
  static constexpr int k = 8, a_values = 4, b_values = 2;
  static SEGPREF_DEVICE Position a(int t, int v) { return position_of(t % 4 * 16 + t / 4 + v % 2 * 8 + v / 2 * 64, 16); }
  static SEGPREF_DEVICE Position b(int t, int v) { return position_of(t % 4 * 8 + t / 4 + v * 32, 8); }
};
SEGPREF_DEVICE Position accumulator_position(int t, int v) { return position_of(t % 4 * 32 + t / 4 + v % 2 * 16 + v / 2 * 8, 16); }

SEGPREF_DEVICE void put_half(std::uint32_t* registers, int v, std::uint16_t bits) { registers[v / 2] |= static_cast<std::uint32_t>(bits) << (v % 2 * 16); }

struct Bf16Product : Layout16Bit {
  static SEGPREF_DEVICE void put(std::uint32_t* registers, int v, float x) { put_half(registers, v, cuda::narrow<bf16>(x).bits); }
  static SEGPREF_DEVICE void run(float* c, const std::uint32_t* a, const std::uint32_t* b) { cuda::mma_bf16_16x8x16(c, a, b[0], b[1]); }
};
struct F16Product : Layout16Bit {
  static SEGPREF_DEVICE void put(std::uint32_t* registers, int v, float x) { put_half(registers, v, cuda::narrow<f16>(x).bits); }
  static SEGPREF_DEVICE void run(float* c, const std::uint32_t* a, const std::uint32_t* b) { cuda::mma_f16_16x8x16(c, a, b[0], b[1]); }
};
struct Tf32Product : LayoutTf32 {
  static SEGPREF_DEVICE void put(std::uint32_t* registers, int v, float x) { registers[v] = __float_as_uint(cuda::round_to_tf32(x)); }
  static SEGPREF_DEVICE void run(float* c, const std::uint32_t* a, const std::uint32_t* b) { cuda::mma_tf32_16x8x8(c, a, b[0], b[1]); }
};

/// c[16][8] += a[16][k] * b[k][8], row-major, by one warp.
template <class Product>
__global__ void product_kernel(const float* a, const float* b, float* c) {
  const int t = static_cast<int>(threadIdx.x);
  std::uint32_t a_registers[4] = {}, b_registers[2] = {};
  float sums[4];
  for (int v = 0; v < Product::a_values; ++v) {
    const Position at = Product::a(t, v);
    Product::put(a_registers, v, a[at.row * Product::k + at.col]);
  }
  for (int v = 0; v < Product::b_values; ++v) {
    const Position at = Product::b(t, v);
    Product::put(b_registers, v, b[at.col * 8 + at.row]);
  }
  for (int v = 0; v < 4; ++v) sums[v] = c[accumulator_position(t, v).row * 8 + accumulator_position(t, v).col];
  Product::run(sums, a_registers, b_registers);
  for (int v = 0; v < 4; ++v) c[accumulator_position(t, v).row * 8 + accumulator_position(t, v).col] = sums[v];
}

/// Values that every operand type holds exactly, so that all sums are exact too.
std::vector<float> draw(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> values(n);
  for (float& value : values) value = static_cast<float>(static_cast<int>(random() % 33) - 16) / 8;
  return values;
}

template <class Product>
void check_product() {
  constexpr int k = Product::k;
  const std::vector<float> a = draw(16 * k, 1), b = draw(k * 8, 2), c = draw(16 * 8, 3);
  const Buffer<float> d_a(a), d_b(b), d_c(c);
  launch(product_kernel<Product>, 1, 32, 0, d_a.get(), d_b.get(), d_c.get());
  const std::vector<float> result = d_c.to_host();
  for (std::size_t row = 0; row < 16; ++row)
    for (std::size_t col = 0; col < 8; ++col) {
      float expected = c[row * 8 + col];
      for (std::size_t i = 0; i < k; ++i) expected += a[row * k + i] * b[i * 8 + col];
      EXPECT_EQ(result[row * 8 + col], expected) << "row " << row << ", column " << col;
    }
}

/// Loads a 16x16 tile as four matrices, top to bottom, then left to right; writes what every lane got.
template <bool Transposed>
__global__ void load_kernel(const std::uint16_t* tile, std::uint16_t* got) {
  struct alignas(16) Tile {
    std::uint16_t elements[16][16];
  };
  SEGPREF_SHARED(Tile, shared);
  const int t = static_cast<int>(threadIdx.x);
  for (int i = 0; i < 8; ++i) shared.elements[t / 2][t % 2 * 8 + i] = tile[8 * t + i];
  __syncwarp();
  std::uint32_t registers[4];
  const void* row = &shared.elements[t % 16][t / 16 * 8];
  if (Transposed) cuda::ldmatrix_x4_transposed(registers, row);
  else cuda::ldmatrix_x4(registers, row);
  for (int i = 0; i < 8; ++i) got[8 * t + i] = static_cast<std::uint16_t>(registers[i / 2] >> (i % 2 * 16));
}

template <bool Transposed>
void check_load() {
  std::vector<std::uint16_t> tile;
  for (int i = 0; i < 256; ++i) tile.push_back(static_cast<std::uint16_t>(i));
  const Buffer<std::uint16_t> d_tile(tile), d_got(256);
  launch(load_kernel<Transposed>, 1, 32, 0, d_tile.get(), d_got.get());
  const std::vector<std::uint16_t> got = d_got.to_host();
  for (int t = 0; t < 32; ++t)
    for (int i = 0; i < 8; ++i) {
      int row = t / 4, col = t % 4 * 2 + i % 2;
      if (Transposed) std::swap(row, col);
      const int matrix = i / 2, expected = (matrix % 2 * 8 + row) * 16 + matrix / 2 * 8 + col;
      EXPECT_EQ(got[static_cast<std::size_t>(8 * t + i)], expected) << "lane " << t << ", element " << i;
    }
}

/// Conversions and rounding of the primitives, for values around every boundary.
__global__ void round_kernel(const float* x, int n, float* as_tf32, float* as_bf16, float* as_f16) {
  for (int i = static_cast<int>(threadIdx.x); i < n; i += 32) {
    as_tf32[i] = cuda::round_to_tf32(x[i]);
    as_bf16[i] = cuda::unpack_bf16x2(cuda::pack_bf16x2(0, x[i])).y + cuda::widen(cuda::narrow<bf16>(x[i])) * 0;
    as_f16[i] = cuda::unpack_f16x2(cuda::pack_f16x2(x[i], 0)).x + cuda::widen(cuda::narrow<f16>(x[i])) * 0;
  }
}

TEST(Matrix, ProductsOfBf16) { check_product<Bf16Product>(); }
TEST(Matrix, ProductsOfF16) { check_product<F16Product>(); }
TEST(Matrix, ProductsOfTf32) { check_product<Tf32Product>(); }
TEST(Matrix, RowsOfFourMatrices) { check_load<false>(); }
TEST(Matrix, ColumnsOfFourMatrices) { check_load<true>(); }

TEST(Matrix, RoundingOfOperands) {
  // One, plus: just below half an ulp, half (a tie), and just above, of tf32, bf16 and f16; and the even and odd neighbour of a tie.
  const std::vector<float> x = {1, 1 + 0x0.ffep-11f, 1 + 0x1p-11f, 1 + 0x1.004p-11f, 1 + 0x1p-8f, 1 + 0x3p-8f, 1 + 0x3p-11f, -1 - 0x1p-11f, 1e-6f};
  const Buffer<float> d_x(x), tf32(x.size()), bf16(x.size()), f16(x.size());
  launch(round_kernel, 1, 32, 0, d_x.get(), static_cast<int>(x.size()), tf32.get(), bf16.get(), f16.get());
  EXPECT_EQ(tf32.to_host(), (std::vector<float>{1, 1, 1 + 0x1p-10f, 1 + 0x1p-10f, 1 + 0x1p-8f, 1 + 0x3p-8f, 1 + 0x1p-9f, -1 - 0x1p-10f, 0x1.0c8p-20f}));
  EXPECT_EQ(bf16.to_host(), (std::vector<float>{1, 1, 1, 1, 1, 1 + 0x1p-6f, 1, -1, 0x1.0cp-20f}));
  EXPECT_EQ(f16.to_host(), (std::vector<float>{1, 1, 1, 1 + 0x1p-10f, 1 + 0x1p-8f, 1 + 0x3p-8f, 1 + 0x1p-9f, -1, 0x1.1p-20f}));
}

}  // namespace
}  // namespace segpref::simt
