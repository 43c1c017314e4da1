// CUDA's built-in vector types and indices. Where host code is tested too, the toolkit's own headers are there and its types are used.
#pragma once

#include "tests/simt/harness/core/device_calls.hpp"

#ifdef SEGPREF_SIMT_CUDA_TOOLKIT
#include <vector_types.h>
#else

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned size_x = 1, unsigned size_y = 1, unsigned size_z = 1) : x(size_x), y(size_y), z(size_z) {}
};

struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(16) double2 { double x, y; };
struct alignas(8) int2 { int x, y; };
struct alignas(16) int4 { int x, y, z, w; };
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };

#endif

inline const segpref::simt::Index3& threadIdx = segpref::simt::builtin_indices.thread;
inline const segpref::simt::Index3& blockIdx = segpref::simt::builtin_indices.block;
inline const segpref::simt::Index3& blockDim = segpref::simt::builtin_indices.block_dim;
inline const segpref::simt::Index3& gridDim = segpref::simt::builtin_indices.grid_dim;
