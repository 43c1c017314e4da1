// Tensor-core operations, with the fragment layouts of the PTX ISA ("Matrix fragments for mma.m16n8k16" and "m16n8k8", "ldmatrix").
// Products are summed in float64 and rounded once; hardware's order and rounding inside one operation are not specified.
#pragma once

#include <cstdint>

#include "tests/simt/harness/core/options.hpp"

namespace segpref::simt {

enum class MatrixOperand : std::uint8_t { bf16, f16, tf32 };

/// d = a * b + c, a 16x8 tile; a, b: 4 and 2 registers; k is 16, or 8 for tf32.
void mma(MatrixOperand operand, float* d, const std::uint32_t* a, const std::uint32_t* b, const float* c, Site site);

/// Loads `num_matrices` 8x8 matrices of 16-bit elements; lane i gives the address of row i % 8 of matrix i / 8.
void ldmatrix(std::uint32_t* registers, int num_matrices, bool transposed, const void* row, Site site);

}  // namespace segpref::simt
