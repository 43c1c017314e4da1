// Functions that must not be inlined: what is needed in dozens of places of an unrolled loop, and is long.
#pragma once

#include "kernels/cuda/primitives/compiler.cuh"

#if SEGPREF_ON_GPU
#define SEGPREF_DEVICE_OUT_OF_LINE __device__ __noinline__
#else
#define SEGPREF_DEVICE_OUT_OF_LINE inline
#endif
