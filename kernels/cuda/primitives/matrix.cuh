// Tensor-core products of one warp, c += a * b on a 16x8 tile, and the loads that bring their operands. All 32 lanes come, none has ended.
//
// With lane = 4 * group + in_group, a lane holds (PTX ISA, "Matrix fragments for mma.m16n8k16" and "m16n8k8"):
//   c[0], c[1]     row group,     columns 2 * in_group, + 1;    c[2], c[3]  row group + 8, the same columns
//   16 bits, k 16  a[0] row group, a[1] row group + 8, k = 2 * in_group, + 1;    a[2], a[3]  the same rows, k + 8
//                  b[0] k = 2 * in_group, + 1 of column group;                   b[1]  k + 8
//   tf32, k 8      a[0] row group, a[1] row group + 8, k = in_group;             a[2], a[3]  k + 4;       b[0] k = in_group, b[1] k + 4
// Products are exact, sums are in f32 in an order that hardware does not tell: results differ in the last bits between devices.
#pragma once

#include <cstdint>

#include "kernels/cuda/primitives/shared_memory.cuh"

namespace segpref::cuda {

SEGPREF_DEVICE void mma_bf16_16x8x16(float* c, const std::uint32_t* a, std::uint32_t b0, std::uint32_t b1 SEGPREF_CALLER) {
#if SEGPREF_ON_GPU
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
  const std::uint32_t b[2] = {b0, b1};
  simt::mma(simt::MatrixOperand::bf16, c, a, b, c, caller);
#endif
}

SEGPREF_DEVICE void mma_f16_16x8x16(float* c, const std::uint32_t* a, std::uint32_t b0, std::uint32_t b1 SEGPREF_CALLER) {
#if SEGPREF_ON_GPU
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
  const std::uint32_t b[2] = {b0, b1};
  simt::mma(simt::MatrixOperand::f16, c, a, b, c, caller);
#endif
}

/// Reads the upper 19 bits of each operand: round with round_to_tf32 first, or the rest is cut off.
SEGPREF_DEVICE void mma_tf32_16x8x8(float* c, const std::uint32_t* a, std::uint32_t b0, std::uint32_t b1 SEGPREF_CALLER) {
#if SEGPREF_ON_GPU
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
  const std::uint32_t b[2] = {b0, b1};
  simt::mma(simt::MatrixOperand::tf32, c, a, b, c, caller);
#endif
}

/// Loads four 8x8 matrices of 16-bit elements from shared memory. Lane i gives the address of row i % 8 of matrix i / 8, a multiple of 16;
/// registers[m] gets elements 2 * in_group and + 1 of row `group` of matrix m. It orders no memory: a barrier comes before.
SEGPREF_DEVICE void ldmatrix_x4(std::uint32_t (&registers)[4], const void* row SEGPREF_CALLER) {
#if SEGPREF_ON_GPU
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(registers[0]), "=r"(registers[1]), "=r"(registers[2]), "=r"(registers[3])
               : "r"(shared_address(row))
               : "memory");
#else
  simt::ldmatrix(registers, 4, false, row, caller);
#endif
}

/// The same, each matrix transposed: elements 2 * in_group and + 1 of column `group`.
SEGPREF_DEVICE void ldmatrix_x4_transposed(std::uint32_t (&registers)[4], const void* row SEGPREF_CALLER) {
#if SEGPREF_ON_GPU
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(registers[0]), "=r"(registers[1]), "=r"(registers[2]), "=r"(registers[3])
               : "r"(shared_address(row))
               : "memory");
#else
  simt::ldmatrix(registers, 4, true, row, caller);
#endif
}

}  // namespace segpref::cuda
