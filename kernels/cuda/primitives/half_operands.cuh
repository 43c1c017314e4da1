// Operands of 16 bits in shared memory, and products of 16x16x16 tiles of them. One interface with tf32_operands.cuh, so that a kernel is written
// once for every precision. An operand lies row-major in a Layout and is read in the orientation that a product wants:
//   load_a             A[m][k] = tile[m0 + m][k0 + k]        rows of activations (forward, gradient of inputs)
//   load_a_transposed  A[m][k] = tile[k0 + k][m0 + m]        gradients of pre-activations (gradient of weights)
//   load_b             B[k][n] = tile[k0 + k][n0 + n]        weights [out][in] (gradient of inputs); activations (gradient of weights)
//   load_b_transposed  B[k][n] = tile[n0 + n][k0 + k]        weights [out][in] (forward)
// so that one copy of weights, activations and gradients serves forward and backward. All lanes come.
#pragma once

#include <cstdint>

#include "kernels/cuda/primitives/convert.cuh"
#include "kernels/cuda/primitives/matrix.cuh"
#include "kernels/cuda/primitives/sums_tile.cuh"
#include "kernels/math/host_device.hpp"
#include "segpref/dtype.hpp"

namespace segpref::cuda {

/// Rows are padded by 16 bytes: then a row is an odd number of 16-byte chunks, and eight neighbouring rows of one chunk, which is what a
/// phase of ldmatrix reads, lie in eight different groups of banks, transposed or not.
template <int columns>
struct HalfLayout {
  static_assert(columns % 16 == 0, "a padded row is an odd number of 16-byte chunks");
  static constexpr int stride = columns + 8;
  SEGPREF_HOST_DEVICE static constexpr int index(int row, int column) { return row * stride + column; }
};

struct Bf16Format {
  using Element = bf16;
  static constexpr std::uint32_t two_ones = 0x3f803f80u;
  static SEGPREF_DEVICE float held(float x) { return x; }
  static SEGPREF_DEVICE std::uint32_t pack(float low, float high) { return pack_bf16x2(low, high); }
  static SEGPREF_DEVICE float2 unpack(std::uint32_t pair) { return unpack_bf16x2(pair); }
  static SEGPREF_DEVICE void multiply(float* c, const std::uint32_t* a, std::uint32_t b0, std::uint32_t b1) { mma_bf16_16x8x16(c, a, b0, b1); }
};

struct F16Format {
  using Element = f16;
  static constexpr std::uint32_t two_ones = 0x3c003c00u;
  /// What is too large becomes NaN, which every result shows that depends on it; an infinity a tanh would hide.
  static SEGPREF_DEVICE float held(float x) { return x > -65520.0f && x < 65520.0f ? x : __builtin_nanf(""); }
  static SEGPREF_DEVICE std::uint32_t pack(float low, float high) { return pack_f16x2(low, high); }
  static SEGPREF_DEVICE float2 unpack(std::uint32_t pair) { return unpack_f16x2(pair); }
  static SEGPREF_DEVICE void multiply(float* c, const std::uint32_t* a, std::uint32_t b0, std::uint32_t b1) { mma_f16_16x8x16(c, a, b0, b1); }
};

template <class Format>
struct HalfOperands {
  using Element = typename Format::Element;
  using Pair = std::uint32_t;  ///< two neighbouring elements
  template <int columns>
  using Layout = HalfLayout<columns>;

  struct A { std::uint32_t registers[4]; };
  struct B { std::uint32_t registers[4]; };  ///< k 0-7 and 8-15 of columns 0-7, then of columns 8-15

  static SEGPREF_DEVICE Element round(float x) { return narrow<Element>(Format::held(x)); }
  static SEGPREF_DEVICE Pair round_pair(float x0, float x1) { return Format::pack(Format::held(x0), Format::held(x1)); }
  static SEGPREF_DEVICE float2 widen_pair(Pair pair) { return Format::unpack(pair); }

  template <class L>
  static SEGPREF_DEVICE void load_a(A& a, const Element* tile, int m0, int k0, int lane) {
    ldmatrix_x4(a.registers, tile + L::index(m0 + lane % 16, k0 + lane / 16 * 8));
  }
  template <class L>
  static SEGPREF_DEVICE void load_a_transposed(A& a, const Element* tile, int m0, int k0, int lane) {
    ldmatrix_x4_transposed(a.registers, tile + L::index(k0 + lane / 16 * 8 + lane % 8, m0 + lane / 8 % 2 * 8));
  }
  template <class L>
  static SEGPREF_DEVICE void load_b(B& b, const Element* tile, int n0, int k0, int lane) {
    ldmatrix_x4_transposed(b.registers, tile + L::index(k0 + lane % 16, n0 + lane / 16 * 8));
  }
  template <class L>
  static SEGPREF_DEVICE void load_b_transposed(B& b, const Element* tile, int n0, int k0, int lane) {
    ldmatrix_x4(b.registers, tile + L::index(n0 + lane / 16 * 8 + lane % 8, k0 + lane / 8 % 2 * 8));
  }

  /// sums += a * b
  static SEGPREF_DEVICE void multiply_add(SumsTile& sums, const A& a, const B& b) {
    Format::multiply(sums.values, a.registers, b.registers[0], b.registers[1]);
    Format::multiply(sums.values + 4, a.registers, b.registers[2], b.registers[3]);
  }
  /// sums[m][any column] += sum over k of a[m][k], where sums is half a SumsTile: a product with ones
  static SEGPREF_DEVICE void add_row_sums(float (&sums)[4], const A& a) { Format::multiply(sums, a.registers, Format::two_ones, Format::two_ones); }
};

using Bf16Operands = HalfOperands<Bf16Format>;
using F16Operands = HalfOperands<F16Format>;

}  // namespace segpref::cuda
