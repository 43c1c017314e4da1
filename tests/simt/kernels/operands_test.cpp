// Operands of every precision: 16x16x16 products in every orientation against float64, and the bank conflicts of every access, counted from the
// layouts' index functions.
#include "kernels/cuda/primitives/half_operands.cuh"
#include "kernels/cuda/primitives/tf32_operands.cuh"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <set>
#include <vector>

#include "tests/simt/support/kernel_test.hpp"

namespace segpref::simt {
namespace {

constexpr int side = 16, tile_columns = 32;

/// An operand is a 16x16 part of a tile [16][32] or [32][32]; its first row and column are not 0, so that offsets count.
template <class Operands>
struct ProductStorage {
  alignas(16) typename Operands::Element a[32 * Operands::template Layout<tile_columns>::stride];
  alignas(16) typename Operands::Element b[32 * Operands::template Layout<tile_columns>::stride];
};

template <class Operands>
SEGPREF_DEVICE void fill_tile(typename Operands::Element* tile, const float* values) {
  using Layout = typename Operands::template Layout<tile_columns>;
  for (int i = static_cast<int>(threadIdx.x); i < 32 * tile_columns; i += 32) {
    const typename Operands::Element element = Operands::round(values[i]);
    tile[Layout::index(i / tile_columns, i % tile_columns)] = element;
  }
}

/// c = a * b and row sums of a, where a and b are the lower right quarters of two tiles, read as they are or transposed.
template <class Operands, bool is_a_transposed, bool is_b_transposed>
__global__ void product_kernel(const float* a_tile, const float* b_tile, float* c, float* row_sums) {
  using Layout = typename Operands::template Layout<tile_columns>;
  using Storage = ProductStorage<Operands>;
  SEGPREF_SHARED(Storage, shared);
  fill_tile<Operands>(shared.a, a_tile);
  fill_tile<Operands>(shared.b, b_tile);
  __syncwarp();
  const int lane = cuda::lane_of_thread();
  typename Operands::A a;
  typename Operands::B b;
  if constexpr (is_a_transposed) Operands::template load_a_transposed<Layout>(a, shared.a, 16, 16, lane);
  else Operands::template load_a<Layout>(a, shared.a, 16, 16, lane);
  if constexpr (is_b_transposed) Operands::template load_b_transposed<Layout>(b, shared.b, 16, 16, lane);
  else Operands::template load_b<Layout>(b, shared.b, 16, 16, lane);
  cuda::SumsTile sums;
  sums.clear();
  Operands::multiply_add(sums, a, b);
  for (int i = 0; i < cuda::SumsTile::pairs; ++i)
    for (int k = 0; k < 2; ++k) c[cuda::SumsTile::row_of(lane, i) * side + cuda::SumsTile::column_of(lane, i) + k] = sums.values[2 * i + k];
  float ones[4] = {};
  Operands::add_row_sums(ones, a);
  if (lane % 4 == 0) row_sums[lane / 4] = ones[0], row_sums[lane / 4 + 8] = ones[2];
}

/// Elements come back as they were stored: the value that enters every product.
template <class Operands>
__global__ void round_trip_kernel(const float* x, float* rounded) {
  const int i = 2 * static_cast<int>(threadIdx.x);
  const float2 pair = Operands::widen_pair(Operands::round_pair(x[i], x[i + 1]));
  rounded[i] = pair.x;
  rounded[i + 1] = pair.y;
}

template <class Operands>
std::vector<float> rounded(const std::vector<float>& values) {
  const Buffer<float> d_x(values), d_rounded(values.size());
  launch(round_trip_kernel<Operands>, 1, static_cast<unsigned>(values.size() / 2), 0, d_x.get(), d_rounded.get());
  return d_rounded.to_host();
}

/// Largest error of a product or row sum, relative to the sum of the sizes of its terms. Rounding of operands is not part of it.
constexpr double split_bound = 0x1p-21, rounded_bound = 0x1p-23;

template <class Operands>
struct OperandsTest : testing::Test {
  static constexpr double bound = std::is_same_v<Operands, cuda::SplitTf32Operands> ? split_bound : rounded_bound;

  template <bool is_a_transposed, bool is_b_transposed>
  void check() {
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    std::vector<float> a(32 * tile_columns), b(32 * tile_columns);
    for (float& x : a) x = normal(random);
    for (float& x : b) x = normal(random);
    const Buffer<float> d_a(a), d_b(b), d_c(side * side), d_row_sums(side);
    launch(product_kernel<Operands, is_a_transposed, is_b_transposed>, 1, 32, 0, d_a.get(), d_b.get(), d_c.get(), d_row_sums.get());
    const std::vector<float> c = d_c.to_host(), row_sums = d_row_sums.to_host();
    a = rounded<Operands>(a), b = rounded<Operands>(b);
    const auto at = [](const std::vector<float>& tile, int row, int column) { return static_cast<double>(tile[static_cast<std::size_t>((16 + row) * tile_columns + 16 + column)]); };
    for (int m = 0; m < side; ++m) {
      double row_sum = 0, row_size = 0;
      for (int n = 0; n < side; ++n) {
        double sum = 0, size = 0;
        for (int k = 0; k < side; ++k) {
          const double term = (is_a_transposed ? at(a, k, m) : at(a, m, k)) * (is_b_transposed ? at(b, n, k) : at(b, k, n));
          sum += term, size += std::fabs(term);
        }
        EXPECT_NEAR(c[static_cast<std::size_t>(m * side + n)], sum, bound * size) << "row " << m << ", column " << n;
        const double element = is_a_transposed ? at(a, n, m) : at(a, m, n);
        row_sum += element, row_size += std::fabs(element);
      }
      EXPECT_NEAR(row_sums[static_cast<std::size_t>(m)], row_sum, bound * row_size) << "row sum " << m;
    }
  }
};
using EveryPrecision = testing::Types<cuda::Bf16Operands, cuda::F16Operands, cuda::Tf32Operands, cuda::SplitTf32Operands>;
TYPED_TEST_SUITE(OperandsTest, EveryPrecision);

TYPED_TEST(OperandsTest, RowsTimesRows) { this->template check<false, true>(); }
TYPED_TEST(OperandsTest, RowsTimesColumns) { this->template check<false, false>(); }
TYPED_TEST(OperandsTest, ColumnsTimesColumns) { this->template check<true, false>(); }
TYPED_TEST(OperandsTest, ColumnsTimesRows) { this->template check<true, true>(); }

/// Each value as an operand of f16, alone and as the second of a pair.
__global__ void round_to_f16_kernel(const float* values, float* rounded, float* rounded_in_pair) {
  const float value = values[threadIdx.x];
  rounded[threadIdx.x] = cuda::widen(cuda::F16Operands::round(value));
  rounded_in_pair[threadIdx.x] = cuda::F16Operands::widen_pair(cuda::F16Operands::round_pair(1.0f, value)).y;
}

/// From half an ulp above its largest value on, f16 has an infinity: NaN here.
TEST(F16Operands, WhatIsTooLargeIsNotANumber) {
  const std::vector<float> held = {65519.0f, -65519.0f, 1.0f}, too_large = {65520.0f, -65520.0f, 1e30f, std::numeric_limits<float>::infinity()};
  std::vector<float> values = held;
  values.insert(values.end(), too_large.begin(), too_large.end());
  const Buffer<float> d_values(values), rounded(values.size()), rounded_in_pair(values.size());
  launch(round_to_f16_kernel, 1, static_cast<unsigned>(values.size()), 0, d_values.get(), rounded.get(), rounded_in_pair.get());
  for (const std::vector<float>& result : {rounded.to_host(), rounded_in_pair.to_host()}) {
    EXPECT_EQ(std::vector<float>(result.begin(), result.begin() + 3), (std::vector<float>{65504.0f, -65504.0f, 1.0f}));
    for (std::size_t i = held.size(); i < values.size(); ++i) EXPECT_TRUE(std::isnan(result[i])) << values[i];
  }
}

/// The most different words that one bank is asked for in a phase of an access, in which 128 bytes move: 1 is free of conflicts.
int conflicts(int bytes_of_lane, const std::function<int(int)>& byte_at) {
  const int lanes = 128 / bytes_of_lane;
  std::size_t worst = 0;
  for (int first = 0; first < 32; first += lanes) {
    std::set<int> words[32];
    for (int lane = first; lane < first + lanes; ++lane)
      for (int word = byte_at(lane) / 4; word < (byte_at(lane) + bytes_of_lane) / 4; ++word) words[word % 32].insert(word);
    for (const std::set<int>& of_bank : words) worst = std::max(worst, of_bank.size());
  }
  return static_cast<int>(worst);
}

template <int columns>
void check_half_banks(int copy_conflicts) {
  using L = cuda::HalfLayout<columns>;
  for (int base = 0; base < 32; base += 16) {
    EXPECT_EQ(conflicts(16, [&](int l) { return 2 * L::index(base + l % 16, l / 16 * 8); }), 1) << "load_a, load_b";
    EXPECT_EQ(conflicts(16, [&](int l) { return 2 * L::index(base + l / 16 * 8 + l % 8, l / 8 % 2 * 8); }), 1) << "transposed ones";
    EXPECT_EQ(conflicts(4, [&](int l) { return 2 * L::index(base + l / 4, 2 * (l % 4)); }), 1) << "pairs of sums";
  }
  EXPECT_EQ(conflicts(16, [&](int l) { return 2 * L::index(l / (columns / 8), l % (columns / 8) * 8); }), copy_conflicts) << "copies of rows";
}

TEST(Banks, HalfLayoutsAreFreeOfConflicts) {
  check_half_banks<16>(2);  // known: copies into narrow slabs of weights wait once
  check_half_banks<32>(2);
  check_half_banks<64>(1);
  check_half_banks<128>(1);
  check_half_banks<256>(1);
  check_half_banks<512>(1);
}

template <int columns>
void check_tf32_banks(int column_conflicts) {
  using L = cuda::Tf32Layout<columns>;
  for (int row = 0; row < 32; row += 8)
    for (int column = 0; column < columns; column += 8) {
      EXPECT_EQ(conflicts(8, [&](int l) { return 4 * L::index(row + l / 4, column + 2 * (l % 4)); }), 1) << "load_a, load_b_transposed, pairs of sums";
      for (int odd = 0; odd < 2; ++odd)
        EXPECT_EQ(conflicts(4, [&](int l) { return 4 * L::index(row + 2 * (l % 4) + odd, column + l / 4); }), column_conflicts) << "load_a_transposed, load_b";
    }
  EXPECT_EQ(conflicts(16, [&](int l) { return 4 * L::index(l / (columns / 4), l % (columns / 4) * 4); }), 1) << "copies of rows";
}

TEST(Banks, Tf32LayoutsAreFreeOfConflicts) {
  check_tf32_banks<16>(2);  // known: nothing reads columns of so narrow a tile
  check_tf32_banks<32>(1);
  check_tf32_banks<64>(1);
  check_tf32_banks<128>(1);
  check_tf32_banks<256>(1);
  check_tf32_banks<512>(1);
}

}  // namespace
}  // namespace segpref::simt
