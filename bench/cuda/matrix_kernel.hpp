// Tensor-core products from registers alone.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace segpref::bench {

enum class MatrixOperands : std::uint8_t { bf16, tf32 };

/// FLOP of one launch_products.
double flop_of_products(int num_multiprocessors);

/// Every multiprocessor multiplies as fast as its warps can say so, in products of such operands.
/// @param sink  [1] never written; the compiler does not know that
cudaError_t launch_products(MatrixOperands operands, int num_multiprocessors, float* sink, cudaStream_t stream);

}  // namespace segpref::bench
