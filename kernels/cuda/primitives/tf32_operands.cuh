// Operands of 32 bits in shared memory, and products of 16x16x16 tiles of them on tensor cores: the interface of half_operands.cuh.
//   Tf32Operands       elements are rounded to tf32 when they are stored: the product itself would cut the rest off, which is a bias
//   SplitTf32Operands  elements are f32; each is split at its load into big + small, both tf32, and three products give big * big + big * small
//                      + small * big: an error of some 2^-22 of each term, which is what f32 itself does. Small terms come first.
//
// Inside a k8 step slot t of a fragment means k = 2t and slot t + 4 means k = 2t + 1, in BOTH operands, because a sum does not care for its order:
// rows are then read as pairs of neighbours.
#pragma once

#include <cstdint>

#include "kernels/cuda/primitives/convert.cuh"
#include "kernels/cuda/primitives/matrix.cuh"
#include "kernels/cuda/primitives/sums_tile.cuh"
#include "kernels/math/host_device.hpp"

namespace segpref::cuda {

/// Rows keep their length; groups of 8 columns are exchanged by a function of the row that differs among rows {0,1,2,3}, {4,5,6,7}, {0,2,4,6} and
/// {1,3,5,7}: reading pairs along rows and elements down columns are both free of bank conflicts. No padding does that. Rows of 16 columns have
/// two groups only: there pairs along rows are free of conflicts, columns are not.
template <int columns>
struct Tf32Layout {
  static_assert(columns % 32 == 0 || columns == 16, "groups of 8 columns are exchanged among four neighbours, or two");
  static constexpr int stride = columns;
  SEGPREF_HOST_DEVICE static constexpr int index(int row, int column) {
    const int group = columns == 16 ? row >> 1 & 1 : (row ^ row >> 2) & 3;
    return row * stride + (column ^ group << 3);
  }
};

template <bool is_split>
struct Tf32OperandsOf {
  using Element = float;
  using Pair = float2;  ///< two neighbouring elements
  template <int columns>
  using Layout = Tf32Layout<columns>;

  static constexpr int parts = is_split ? 2 : 1;                 // big, small
  struct A { std::uint32_t registers[parts][2][4]; };            ///< [part][k8 step][slot]
  struct B { std::uint32_t registers[parts][2][2][2]; };         ///< [part][k8 step][n8 half][slot]

  static SEGPREF_DEVICE Element round(float x) {
    if constexpr (is_split) return x;
    else return round_to_tf32(x);
  }
  static SEGPREF_DEVICE Pair round_pair(float x0, float x1) { return float2{round(x0), round(x1)}; }
  static SEGPREF_DEVICE float2 widen_pair(Pair pair) { return pair; }

  template <class L>
  static SEGPREF_DEVICE void load_a(A& a, const Element* tile, int m0, int k0, int lane) {
    SEGPREF_UNROLL
    for (int step = 0; step < 2; ++step)
      SEGPREF_UNROLL
      for (int half = 0; half < 2; ++half) {
        const float2 x = pair_at(tile + L::index(m0 + 8 * half + lane / 4, k0 + 8 * step + lane % 4 * 2));
        put(x.x, [&](int part, std::uint32_t bits) { a.registers[part][step][half] = bits; });
        put(x.y, [&](int part, std::uint32_t bits) { a.registers[part][step][half + 2] = bits; });
      }
  }
  template <class L>
  static SEGPREF_DEVICE void load_a_transposed(A& a, const Element* tile, int m0, int k0, int lane) {
    SEGPREF_UNROLL
    for (int step = 0; step < 2; ++step)
      SEGPREF_UNROLL
      for (int slot = 0; slot < 4; ++slot) {
        const float x = tile[L::index(k0 + 8 * step + lane % 4 * 2 + slot / 2, m0 + slot % 2 * 8 + lane / 4)];
        put(x, [&](int part, std::uint32_t bits) { a.registers[part][step][slot] = bits; });
      }
  }
  template <class L>
  static SEGPREF_DEVICE void load_b(B& b, const Element* tile, int n0, int k0, int lane) {
    SEGPREF_UNROLL
    for (int step = 0; step < 2; ++step)
      SEGPREF_UNROLL
      for (int half = 0; half < 2; ++half)
        SEGPREF_UNROLL
        for (int slot = 0; slot < 2; ++slot) {
          const float x = tile[L::index(k0 + 8 * step + lane % 4 * 2 + slot, n0 + 8 * half + lane / 4)];
          put(x, [&](int part, std::uint32_t bits) { b.registers[part][step][half][slot] = bits; });
        }
  }
  template <class L>
  static SEGPREF_DEVICE void load_b_transposed(B& b, const Element* tile, int n0, int k0, int lane) {
    SEGPREF_UNROLL
    for (int step = 0; step < 2; ++step)
      SEGPREF_UNROLL
      for (int half = 0; half < 2; ++half) {
        const float2 x = pair_at(tile + L::index(n0 + 8 * half + lane / 4, k0 + 8 * step + lane % 4 * 2));
        put(x.x, [&](int part, std::uint32_t bits) { b.registers[part][step][half][0] = bits; });
        put(x.y, [&](int part, std::uint32_t bits) { b.registers[part][step][half][1] = bits; });
      }
  }

  /// sums += a * b
  static SEGPREF_DEVICE void multiply_add(SumsTile& sums, const A& a, const B& b) {
    SEGPREF_UNROLL
    for (int step = 0; step < 2; ++step)
      SEGPREF_UNROLL
      for (int half = 0; half < 2; ++half) {
        float* c = sums.values + 4 * half;
        if constexpr (is_split) {
          mma_tf32_16x8x8(c, a.registers[1][step], b.registers[0][step][half][0], b.registers[0][step][half][1]);
          mma_tf32_16x8x8(c, a.registers[0][step], b.registers[1][step][half][0], b.registers[1][step][half][1]);
        }
        mma_tf32_16x8x8(c, a.registers[0][step], b.registers[0][step][half][0], b.registers[0][step][half][1]);
      }
  }
  /// sums[m][any column] += sum over k of a[m][k], where sums is half a SumsTile: a product with ones
  static SEGPREF_DEVICE void add_row_sums(float (&sums)[4], const A& a) {
    constexpr std::uint32_t one = 0x3f800000u;
    SEGPREF_UNROLL
    for (int part = parts - 1; part >= 0; --part)
      SEGPREF_UNROLL
      for (int step = 0; step < 2; ++step) mma_tf32_16x8x8(sums, a.registers[part][step], one, one);
  }

 private:
  static SEGPREF_DEVICE float2 pair_at(const float* p) { return *reinterpret_cast<const float2*>(p); }

  /// Hands set(part, bits) the parts of an element.
  template <class Set>
  static SEGPREF_DEVICE void put(float x, Set set) {
    if constexpr (is_split) {
      const float big = round_to_tf32(x);
      set(0, __float_as_uint(big));
      set(1, __float_as_uint(round_to_tf32(x - big)));
    } else {
      set(0, __float_as_uint(x));
    }
  }
};

using Tf32Operands = Tf32OperandsOf<false>;
using SplitTf32Operands = Tf32OperandsOf<true>;

}  // namespace segpref::cuda
